//! riveg reads a live feed of posts and says which named entities their pictures show, where, and which pixels.
//!
//! # One post through the code
//!
//! Rooms in the order in which a post meets them:
//!
//! * [`kafka`] polls records on a thread of its own and issues a ticket for each; at the other end it puts answers back into
//!   the order of their partition, delivers them, and commits the offsets of settled tickets without a gap.
//! * [`input`] makes a [`domain::Post`] of a record's bytes, with decoded pictures, within limits.
//! * [`stages`] is the life of a post: `stages::pipeline` calls caption, knowledge, recognise, link, expand, entail,
//!   ground and segment in order.
//! * [`scheduler`] makes batches of the stages' single requests.
//! * [`networks`] answers batches. Each network has its own folder; bundles hold their weights.
//! * [`llm`] asks language models, and asks each question once.
//!
//! Rooms around them:
//!
//! * [`engine`] puts the parts together, runs them, and takes posts over HTTP too; [`config`] reads its settings;
//!   [`telemetry`] counts and reports.
//! * [`domain`] holds the plain values that all rooms share, [`common`] the tools and the client of a Schema Registry.
//! * [`lab`] makes and judges bundles: an invented world, training, scores, a contact sheet.
//! * [`cli`] is the `riveg` command.
//!
//! # What always holds
//!
//! `tests/architecture.rs` holds what a test can hold of this.
//!
//! * Imports run one way between rooms. No stage imports another; what they share are plain values of [`domain`], which
//!   imports nothing.
//! * Tensors exist only in [`networks`] and in `lab::train`. Everything else could run without.
//! * Kafka exists only in [`kafka`]. The pipeline knows nothing of it, the scheduler nothing of posts.
//! * Data moves one way. The only thing that travels back is a ticket, and a ticket settles once.
//! * Every record that is read is answered once on the output or on the dead-letter topic before its offset is committed,
//!   in the order of its partition. Bad input is an answer, not a fault.
//! * Executors of a device, one thread each, draw from the same queues. None waits while work is queued.
//! * A picture goes through a network's trunk or encoder once, however many entities, reposts and stages of that network
//!   ask, as long as its cache holds it; an identical question to a language model is asked once.
//! * A batch answers as its members would alone.
//! * Every queue, cache and buffer is bounded, in number or in bytes, by a setting or by a constant with its reason.
//! * Decisions (batches, order, watermarks, labels, beams, scores) are pure functions; the clock is passed in.

pub mod domain;

pub mod kafka;
pub mod input;
pub mod stages;
pub mod scheduler;
pub mod networks;
pub mod llm;

pub mod engine;
pub mod config;
pub mod telemetry;
pub mod common;

pub mod lab;
pub mod cli;

// Test helpers in `tests/support` name the library as integration tests do.
#[cfg(test)]
extern crate self as riveg;
