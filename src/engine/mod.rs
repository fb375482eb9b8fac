//! Engine: the parts put together, from records on Kafka, or requests over HTTP, to their answers.
//!
//! Read [`config`] first (all settings), then [`Annotator`] (one record in, its annotation or rejection out), [`serve`]
//! (the annotator between its topics), `stream` (reading, working, writing, and shutdown), `http` (the same without Kafka) and [`runtime`] (a bundle
//! opened, its networks started and warmed up).

mod annotator;
pub mod config;
mod event_answer;
mod http;
mod monitoring;
mod posts_in_flight;
mod reload;
mod serve;
mod stream;

pub mod runtime;

pub use annotator::{Annotator, OpenError, Warming, decoder};
pub use config::{Config, MemoryPlan, View, Warm};
pub use event_answer::EventAnswer;
pub use http::{HttpBindError, HttpServer};
pub use monitoring::{Monitoring, MonitoringError};
pub use reload::Reloaded;
pub use serve::{ServeError, annotate_topic, serve, serve_http};
pub use stream::{EngineError, Settings, Summary, run};
