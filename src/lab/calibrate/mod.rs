//! Calibration: which threshold suits answers whose truth is known, how far scores are from probabilities, and a plot.
//!
//! Read `curve` first (every threshold and what it would accept), then [`error`] and [`plot`].

mod curve;
pub mod error;
pub mod plot;

pub use curve::{Curve, Cut, Goal, Scored, Unreachable};
