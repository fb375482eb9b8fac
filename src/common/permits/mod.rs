//! Permits: bytes of memory or threads, granted so that small requests wait least and none waits for ever.

mod pool;
mod queue;

pub(crate) use pool::{Permit, PermitPool};
