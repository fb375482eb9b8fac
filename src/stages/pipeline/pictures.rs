//! Has the picture been made ready already? Each is scaled once for a view, off the async threads, and reposts share it.

use std::convert::Infallible;
use std::sync::Arc;

use crate::common::cache::{Cache, CacheCounts};
use crate::common::imaging::{Picture, View, on_worker};
use crate::domain::{ContentHash, Frame};

/// Pictures as networks read them, by content hash and view.
pub struct Pictures {
    cache: Cache<(ContentHash, View), Arc<Picture>, Infallible>,
}

impl Pictures {
    /// Keeps at most `max_bytes` of pixels for those who come later.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self { cache: Cache::new(max_bytes, |_, picture| picture.rgb.len()) }
    }

    /// A picture in a network's view: kept, being made for someone else, or made now.
    pub async fn seen(&self, frame: &Arc<Frame>, view: View) -> Arc<Picture> {
        let make = async {
            let frame = Arc::clone(frame);
            // Scaling a phone's picture takes tens of milliseconds.
            Ok(on_worker(move || view.of(&frame)).await)
        };
        let Ok(picture) = self.cache.get_or_make(&(frame.hash, view), make).await;
        picture
    }

    /// How often a picture was at hand.
    #[must_use]
    pub fn counts(&self) -> CacheCounts {
        self.cache.counts()
    }
}
