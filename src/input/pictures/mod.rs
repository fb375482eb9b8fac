//! Pictures: encoded bytes to upright RGB pixels, within limits of size, memory and time.
//!
//! Read `header` first (size and memory of a picture, known before anything is allocated for it) with `cost`, then
//! `decode` (JPEG, PNG, WebP and GIF to pixels), `pool` (which picture gets a thread next) and `frames` (each picture
//! is decoded once).

mod cost;
mod decode;
mod frames;
mod gif;
mod header;
mod jpeg;
mod open;
mod png;
mod pool;
mod stoppable;
mod stored;
mod webp;

#[cfg(test)]
#[path = "../../../tests/pictures/hostile.rs"]
mod hostile_pictures;

pub(super) use decode::{content_hash, decode};
pub(super) use frames::FrameCache;
pub(super) use header::{Header, is_decoded, probe};
pub(super) use pool::{Pool, Unfinished};
pub(super) use stoppable::StopFlag;

pub use frames::FrameCounts;
