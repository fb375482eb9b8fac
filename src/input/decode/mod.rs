//! Decoding: a record becomes a post whose pictures are pixels.
//!
//! Read `decoder` first: `framed` makes JSON of Avro and Protobuf, a format reads the record, `media` looks at its media, `fetched` fetches those behind URLs,
//! `omitted` decides what becomes of a post that lacks one, and the decoder makes pixels of the rest within its memory.

mod declared;
mod decoded;
mod decoder;
mod events;
mod fetched;
mod framed;
mod media;
mod memory;
mod omitted;

pub use super::config::Config;
pub use super::pictures::FrameCounts;
pub use decoded::DecodedPost;
pub use decoder::{Decoder, picture};
pub use events::{ReadEvent, ReadEvents, UndecodedPost};
pub use omitted::OmittedMedia;
