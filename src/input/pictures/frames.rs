//! Cache of decoded pictures: a picture is decoded once, however many reposts carry it.

use std::sync::Arc;

use crate::common::cache::{Cache, CacheCounts};
use crate::domain::{ContentHash, Frame};

/// Requests for decoded pictures since the start, and what the cache holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameCounts {
    /// Pictures that were in the cache, or were being decoded for another post.
    pub hits: u64,
    /// Pictures that had to be decoded.
    pub misses: u64,
    /// Pictures in the cache.
    pub entries: usize,
    /// Bytes of their pixels.
    pub bytes: u64,
}

/// Decoded pictures by content hash, bounded in bytes of their pixels. `E` is why a picture could not be decoded.
#[derive(Debug)]
pub(crate) struct FrameCache<E>(Cache<ContentHash, Arc<Frame>, E>);

impl<E: Clone> FrameCache<E> {
    pub(crate) fn new(max_bytes: u64) -> Self {
        let max_bytes = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        Self(Cache::new(max_bytes, |_, frame| frame.rgb.len()))
    }

    /// The picture, by `decode` where neither the cache nor another post has it. A fault is given to all who wait for
    /// it and is not kept. Where the post that decodes is given up, one of those that wait decodes.
    pub(crate) async fn get_or_decode<F: Future<Output = Result<Frame, E>>>(
        &self,
        hash: ContentHash,
        decode: F,
    ) -> Result<Arc<Frame>, E> {
        self.0.get_or_make(&hash, async { decode.await.map(Arc::new) }).await
    }

    pub(crate) fn counts(&self) -> FrameCounts {
        let CacheCounts { hits, joined, misses, entries, bytes, .. } = self.0.counts();
        FrameCounts { hits: hits + joined, misses, entries, bytes: bytes as u64 }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    fn frame(name: u8, bytes: usize) -> Frame {
        Frame {
            hash: ContentHash([name; 32]),
            width: 1,
            height: 1,
            orientation: 1,
            reduced: 1,
            rgb: vec![name; bytes],
        }
    }

    #[tokio::test]
    async fn one_asker_decodes_and_the_others_wait_for_it() {
        let frames = FrameCache::<()>::new(100);
        let ask = || {
            frames.get_or_decode(ContentHash([1; 32]), async {
                tokio::task::yield_now().await;
                Ok(frame(1, 10))
            })
        };
        assert!(join_all([ask(), ask(), ask()]).await.iter().all(Result::is_ok));
        assert!(ask().await.is_ok());
        assert_eq!(frames.counts(), FrameCounts { hits: 3, misses: 1, entries: 1, bytes: 10 });
    }

    #[tokio::test]
    async fn after_a_fault_the_next_asker_tries_again() {
        let frames = FrameCache::new(100);
        assert_eq!(frames.get_or_decode(ContentHash([1; 32]), async { Err("bad") }).await, Err("bad"));
        assert!(frames.get_or_decode(ContentHash([1; 32]), async { Ok(frame(1, 10)) }).await.is_ok());
        assert_eq!(frames.counts(), FrameCounts { hits: 0, misses: 2, entries: 1, bytes: 10 });
    }

    #[tokio::test]
    async fn the_longest_unused_picture_makes_room_and_a_huge_one_is_not_kept() {
        let frames = FrameCache::<()>::new(25);
        let ask = async |name: u8, size: usize| {
            let before = frames.counts().hits;
            frames.get_or_decode(ContentHash([name; 32]), async { Ok(frame(name, size)) }).await.unwrap();
            frames.counts().hits > before
        };
        for name in [1, 2, 1, 3, 1, 4] {
            ask(name, if name == 4 { 26 } else { 10 }).await;
        }
        assert_eq!((frames.counts().entries, frames.counts().bytes), (2, 20));
        assert!(ask(1, 10).await && ask(3, 10).await, "these two are kept");
        assert!(!ask(4, 26).await && !ask(2, 10).await);
    }
}
