//! HTTP servers' common tools: connections within limits, and clients that take their time.

mod connections;
mod patient_stream;

pub use connections::{HEAD, Limits, answer};
