//! A language model that answers what it is told to: a local server that speaks OpenAI's chat completions, for tests and
//! benches.

mod asked;
mod cut;
mod pocket;
mod reply;
mod server;

pub(crate) use asked::Asked;
pub(crate) use pocket::{Faults, PocketLlm};
pub(crate) use reply::{Gate, Reply};
pub(crate) use server::LlmServer;
