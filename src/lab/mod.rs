//! Lab: what makes and judges bundles. Nothing of the engine imports it.
//!
//! Read [`dataset`] first (posts with gold from files), then [`world`] (invented posts with known truth), [`train`]
//! (networks taught on them), [`eval`] (scores of answers), [`eval_report`] (answers as a page to search), [`calibrate`]
//! (thresholds by labelled answers), [`contact_sheet`] (answers on a page) and [`fetch`] (bundles of published networks).

pub mod calibrate;
pub mod contact_sheet;
pub mod dataset;
pub mod eval;
pub mod eval_report;
pub mod fetch;
pub mod train;
pub mod world;
