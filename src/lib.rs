//! riveg reads a live feed of posts and says which named entities their pictures show, where, and which pixels.

pub mod domain;

pub mod decode;
pub mod ingest;

pub mod entail;
pub mod expand;
pub mod ground;
pub mod imaging;
pub mod prompt;
pub mod recognise;
pub mod segment;

pub mod pipeline;

pub mod runtime;

pub mod bundle;
pub mod cache;
pub mod models;
pub mod scheduler;

pub mod publish;
pub mod telemetry;

pub mod config;

pub mod engine;

pub mod cli;
pub mod contact_sheet;
pub mod eval;
pub mod train;
pub mod world;
