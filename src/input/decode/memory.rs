//! Memory of a post's pictures: what their frames hold, and what decoding takes at most.

use crate::domain::Post;
use crate::input::pictures::Header;

/// Bytes of the frames that a post has.
pub(super) fn held(post: &Post) -> u64 {
    post.media.iter().map(|media| media.frame.rgb.len() as u64).sum()
}

/// Bytes of the frames that these pictures will have.
pub(super) fn frames(headers: impl Iterator<Item = Header>) -> u64 {
    headers.map(Header::frame_bytes).sum()
}

/// Bytes that these pictures take at most while they are decoded one after the other: all frames, and the largest
/// buffer that a decoder needs beside its frame.
pub(super) fn peak(headers: impl Iterator<Item = Header> + Clone) -> u64 {
    let beside = headers.clone().map(|header| header.peak_bytes - header.frame_bytes()).max().unwrap_or(0);
    frames(headers) + beside
}
