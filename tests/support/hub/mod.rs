//! A hub that does what it is told to: a local server that speaks Hugging Face's protocol, with its storage on another
//! port, for tests.

mod files;
mod http;
pub(crate) mod published;
mod server;

pub(crate) use files::Repository;
pub(crate) use http::Asked;
pub(crate) use server::{Fault, LocalHub};
