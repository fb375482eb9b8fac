//! Parts of the pipeline bench.

pub(crate) mod bundles;
pub(crate) mod clock;
pub(crate) mod flops;
mod flops_of_masks;
pub(crate) mod posts;
pub(crate) mod raw;
pub(crate) mod served;
pub(crate) mod stages;
mod typical;
