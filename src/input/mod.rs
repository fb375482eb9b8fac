//! Input: from the bytes of a record to a post with decoded pictures.
//!
//! Read [`formats`] first (bytes of a record to a draft of a post), then `pictures` (encoded bytes to pixels, within
//! limits of time and memory), [`fetch`] (pictures behind URLs, from hosts that are not trusted) and [`decode`], which
//! joins them.

pub mod formats;
mod pictures;
pub mod fetch;
pub mod decode;

mod config;
mod escape;
mod fault;
mod html_escapes;

pub use fault::MediaFault;
