//! Single requests in, batches out. Knows nothing of posts.
//!
//! A [`Handle`] calls, a lane queues, one thread a [`Device`] owns every network on it and chooses the next batch. An
//! idle device with anything queued runs at once, and a batch's members are bound only when it runs: there is no timer.
//! Requests of one flow take turns with those of others, in a lane and between lanes.

mod attempt;
mod budget;
mod config;
mod cost_model;
mod device;
mod dispatcher;
mod doorbell;
#[cfg(test)]
pub(crate) mod doubles;
mod erased;
mod executor;
mod fault;
mod flow;
mod handle;
mod lane;
mod limit;
mod model;
mod policy;
mod queue;
mod rooms;
pub mod simulate;
mod stop;
#[cfg(test)]
mod tests;
mod turns;
mod warm_up;

pub use budget::Budget;
pub use config::Config;
pub use cost_model::CostModel;
pub use device::{Device, DeviceHandle, DeviceState};
pub use erased::{AnyModel, AnyProcessor, Payload, erase};
pub use flow::{Flow, Flows};
pub use handle::{CallError, Handle};
pub use model::{Cost, InputOf, Model, ModelError, OutputOf, Processor, ReplyOf, RequestOf, Samples};
pub use policy::{Offer, Policy, next_lane};
pub use queue::{Batch, Bound, Queue};
pub use stop::Stop;
