//! Lab: what makes and judges bundles. Nothing of the engine imports it.
//!
//! Read [`world`] first (invented posts with known truth), then [`train`] (networks taught on them), [`eval`] (scores of
//! answers) and [`contact_sheet`] (answers on a page).

pub mod contact_sheet;
pub mod eval;
pub mod train;
pub mod world;
