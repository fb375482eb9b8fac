//! Traces: what happened to one post and when, as spans for an OpenTelemetry collector. Off unless the settings name one.
//!
//! Read [`Tracer`] (which posts are traced), [`PostTrace`] (the spans of one post), `span` (what a span is), `otlp` (how
//! it is written) and `exporter` (how it is sent: bounded, in batches, with retries).
//!
//! The exporter is our own: OTLP over HTTP in JSON is a small published format, and the crates of OpenTelemetry would add a
//! second HTTP client and Protobuf code to every build.

mod config;
mod context;
mod engine_tracing;
mod exporter;
mod otlp;
mod post_trace;
mod sender;
mod span;
mod tracer;

pub use config::Traces;
pub use context::{SpanContext, TRACEPARENT, TraceParent};
pub use engine_tracing::EngineTracing;
pub use post_trace::{PostTrace, StageSpan};
pub use span::{Kind, Value};
pub use tracer::{BatchOfSpans, Tracer, TracerError};
