//! Lab: what makes and judges bundles. Nothing of the engine imports it.
//!
//! Read [`world`] first (invented posts with known truth), then [`train`] (networks taught on them), [`eval`] (scores of
//! answers), [`calibrate`] (thresholds by labelled answers), [`contact_sheet`] (answers on a page) and [`fetch`] (bundles
//! of published networks).

pub mod calibrate;
pub mod contact_sheet;
pub mod eval;
pub mod fetch;
pub mod train;
pub mod world;
