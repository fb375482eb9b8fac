//! riveg reads a live feed of posts and says which named entities their pictures show, where, and which pixels.
//!
//! # One post through the code
//!
//! Open the folders in this order and you follow a post from Kafka to Kafka:
//!
//! * [`ingest`] polls Kafka on a thread of its own and issues a ticket for every record;
//! * [`decode`] makes a [`domain::Post`] of its bytes, pictures as pixels, within limits; pictures that lie elsewhere it
//!   has from [`fetch`], which trusts no address;
//! * [`pipeline`] is the life of that post, on one page, through the stages:
//!   [`describe`] (what do its pictures show, in words?), [`knowledge`] (what should the tagger know?),
//!   [`recognise`] (which entities does the text name?), [`expand`] (what would a picture of one show?), [`entail`]
//!   (does this picture show it?), [`ground`] (where?), [`segment`] (which pixels?); [`knowledge`] says which annotated
//!   examples a post is like, for those who are asked what else is known of it;
//! * [`scheduler`] makes batches of the stages' single requests for [`models`], the networks;
//! * [`publish`] puts answers back into the order of their partition and delivers them; a delivered record settles its
//!   ticket, and [`ingest`] commits what is settled without a gap.
//!
//! [`kafka`] says how every client reaches the brokers, and as whom. [`engine`] joins Kafka's two ends to an async function
//! from bytes to an answer, and [`attempts`] remembers what a process died of; [`runtime`] opens a [`bundle`], with stages
//! of other bundles where the settings say so, and gives that function its pipeline. [`checkpoint`] reads weights that
//! others publish, under the names of [`models`], and [`vocabulary`] their vocabularies. Where the settings name a
//! language model, [`llm`] asks it, and [`consult`] sees that each question is asked once and its answer fit to use;
//! [`outbound`] is what it and [`fetch`] have in common, [`secret`] keeps keys out of sight, and [`plain_file`] opens what
//! settings name. [`imaging`], [`prompt`] and
//! [`cache`] serve several stages; [`telemetry`] and [`config`] serve all. [`cli`] is what people call; [`eval`] says how
//! right the answers are, [`world`] invents posts with known truth, [`train`] teaches the networks of the bundle that
//! ships, [`contact_sheet`] shows answers on a page.
//!
//! # What always holds
//!
//! `tests/architecture.rs` holds what a test can hold of this.
//!
//! * No stage imports another; what they share are plain values of [`domain`], which imports nothing.
//! * Tensors exist only in [`models`], and in [`train`] and [`bundle`] on top of it. Everything else could run without.
//! * Kafka exists only in [`ingest`] and [`publish`], and in [`kafka`], which lets them in. The pipeline knows nothing of it, the scheduler nothing of posts.
//! * Data moves one way. The only thing that travels back is a ticket, and a ticket settles once.
//! * Every record that is read is answered once on the output or on the dead-letter topic before its offset is committed,
//!   in the order of its partition. Bad input is an answer, not a fault.
//! * One thread owns a device and every network on it. It never waits while work is queued.
//! * A picture goes through a network's trunk or encoder once, however many entities, reposts and stages of that network
//!   ask, as long as its cache holds it; an identical question to a maker of knowledge is asked once.
//! * A batch answers as its members would alone.
//! * Every queue, cache and buffer is bounded, in number or in bytes, by a setting or by a constant with its reason.
//! * Decisions (batches, order, watermarks, labels, beams, scores) are pure functions; the clock is passed in.

pub mod domain;

pub mod ingest;
pub mod decode;
pub mod fetch;

pub mod pipeline;
pub mod describe;
pub mod knowledge;
pub mod recognise;
pub mod expand;
pub mod entail;
pub mod ground;
pub mod segment;

pub mod scheduler;
pub mod models;

pub mod llm;
pub mod consult;

pub mod publish;
pub mod kafka;
pub mod attempts;
pub mod engine;

pub mod bundle;
pub mod checkpoint;
pub mod vocabulary;
pub mod runtime;

pub mod outbound;
pub mod plain_file;
pub mod secret;

pub mod imaging;
pub mod prompt;
pub mod cache;
pub mod telemetry;
pub mod config;

pub mod cli;
pub mod eval;
pub mod world;
pub mod train;
pub mod contact_sheet;
