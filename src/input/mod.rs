//! Input: from the bytes of a record to a post with decoded pictures.
//!
//! Read [`decode`] first (formats, limits, picture decoders), then [`fetch`] (pictures that lie elsewhere, from hosts that
//! are not trusted).

pub mod decode;
pub mod fetch;
