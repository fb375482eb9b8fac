//! Resized pictures: each is resized once for a view, off the async threads, and shared by reposts.

use std::convert::Infallible;
use std::sync::Arc;

use crate::common::cache::{Cache, CacheCounts};
use crate::common::imaging::{Picture, View, Workers};
use crate::domain::{ContentHash, Frame};

/// The cache of resized pictures, by content hash and view.
pub struct Pictures {
    cache: Cache<(ContentHash, View), Arc<Picture>, Infallible>,
    workers: Workers,
}

impl Pictures {
    /// Keeps at most `max_bytes` of pixels.
    #[must_use]
    pub fn new(max_bytes: usize, workers: Workers) -> Self {
        Self { cache: Cache::new(max_bytes, |_, picture| picture.rgb.len()), workers }
    }

    /// A picture in a network's view, from the cache or resized now. Concurrent calls share one resize.
    pub async fn resized(&self, frame: &Arc<Frame>, view: View) -> Arc<Picture> {
        let make = async {
            let frame = Arc::clone(frame);
            // Resizing a phone's picture takes tens of milliseconds.
            Ok(self.workers.run(move || view.of(&frame)).await)
        };
        let Ok(picture) = self.cache.get_or_make(&(frame.hash, view), make).await;
        picture
    }

    /// Hits, misses and size of the cache.
    #[must_use]
    pub fn counts(&self) -> CacheCounts {
        self.cache.counts()
    }
}
