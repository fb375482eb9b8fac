//! Numbers in which a training computes: 32 bits, or the 16 of bf16.

use super::recipe_file::Faults;
use crate::networks::bundle::Precision;

/// Notes a precision that no training can have. In f16 small gradients are zero, and none is scaled here.
pub(super) fn check(precision: Precision, faults: &mut Faults) {
    faults.hold(precision != Precision::F16, "precision", "`f32` or `bf16`");
}
