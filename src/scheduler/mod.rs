//! Scheduler: single requests in, batches on the device, replies out. It does not depend on posts.
//!
//! Read `model` (what a network implements), `handle` (calls), `queue` (which requests form a batch), `policy` (which
//! lane runs next), `shared_lane` (what the executors of a device share of a network), `dispatcher` (an executor's host
//! thread: binds, prepares, replies), `executor` (its other thread: forward passes) and `bisect` (failed batches). An idle
//! executor runs whatever is queued at once; there is no timer. A batch is bound when it runs, or, where it is full and no
//! executor is idle, while the batch before it runs. Flows share each lane by round robin.

mod bisect;
mod budget;
mod config;
mod cost_model;
mod crew;
mod device;
mod dispatcher;
mod doorbell;
#[cfg(test)]
pub(crate) mod doubles;
mod erased;
mod executor;
mod classify;
mod flow;
mod handle;
mod lane;
mod memory_limit;
mod model;
mod policy;
mod queue;
mod flow_limit;
pub mod simulate;
mod stop;
#[cfg(test)]
mod tests;
mod round_robin;
mod shared_lane;
mod warm_up;

pub use budget::Budget;
pub use config::Config;
pub use cost_model::CostModel;
pub use crew::DeviceState;
pub use device::{Device, DeviceHandle};
pub use erased::{AnyModel, AnyProcessor, Payload, erase};
pub use flow::{Flow, Flows};
pub use handle::{CallError, Handle};
pub use model::{Cost, InputOf, Model, ModelError, OutputOf, Processor, ReplyOf, RequestOf, Samples};
pub use policy::{Offer, Policy, next_lane};
pub use queue::{Batch, Bound, Queue};
pub use stop::Stop;
