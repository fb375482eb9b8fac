//! Has the picture been made ready already? Each is squashed once, off the async threads, and reposts share it.

use std::convert::Infallible;
use std::sync::Arc;

use crate::cache::{Cache, CacheCounts};
use crate::domain::{ContentHash, Frame};
use crate::imaging::{Picture, on_worker};

/// Pictures squashed to squares, by content hash and side.
pub struct Pictures {
    cache: Cache<(ContentHash, u32), Arc<Picture>, Infallible>,
}

impl Pictures {
    /// Keeps at most `max_bytes` of pixels for those who come later.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self { cache: Cache::new(max_bytes, |_, picture| picture.rgb.len()) }
    }

    /// A picture squashed to a square of `side` pixels: kept, being made for someone else, or made now.
    pub async fn squashed(&self, frame: &Arc<Frame>, side: u32) -> Arc<Picture> {
        let make = async {
            let frame = Arc::clone(frame);
            // Scaling a phone's picture takes tens of milliseconds.
            Ok(on_worker(move || Picture::squashed(&frame, side)).await)
        };
        let Ok(picture) = self.cache.get_or_make(&(frame.hash, side), make).await;
        picture
    }

    /// How often a picture was at hand.
    #[must_use]
    pub fn counts(&self) -> CacheCounts {
        self.cache.counts()
    }
}
