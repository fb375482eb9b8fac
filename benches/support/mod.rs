//! What the bench of the pipeline is made of.

pub(crate) mod bundles;
pub(crate) mod clock;
pub(crate) mod flops;
pub(crate) mod posts;
pub(crate) mod raw;
pub(crate) mod served;
