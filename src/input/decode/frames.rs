//! Which pictures are decoded already? A picture is decoded once, however many reposts carry it.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use lru::LruCache;
use tokio::sync::OnceCell;

use crate::domain::{ContentHash, Frame};

use super::locked;

/// How often a picture was at hand, since the start, and what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameCounts {
    /// Pictures that were decoded already, or were just being decoded for someone else.
    pub hits: u64,
    /// Pictures that had to be decoded.
    pub misses: u64,
    /// Pictures that are kept now.
    pub entries: usize,
    /// What their pixels take.
    pub bytes: u64,
}

/// Decoded pictures by content hash: bounded in bytes, the longest unused goes first.
#[derive(Debug)]
pub(super) struct Frames {
    kept: Mutex<Kept>,
    /// Pictures being decoded now: later askers wait for the first instead of decoding again.
    making: Mutex<HashMap<ContentHash, Arc<OnceCell<Arc<Frame>>>>>,
    hits: AtomicU64,
    misses: AtomicU64,
}

#[derive(Debug)]
struct Kept {
    frames: LruCache<ContentHash, Arc<Frame>>,
    bytes: u64,
    capacity: u64,
}

impl Frames {
    pub(super) fn new(capacity: u64) -> Self {
        Self {
            kept: Mutex::new(Kept { frames: LruCache::unbounded(), bytes: 0, capacity }),
            making: Mutex::default(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    pub(super) fn counts(&self) -> FrameCounts {
        let kept = locked(&self.kept);
        FrameCounts {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            entries: kept.frames.len(),
            bytes: kept.bytes,
        }
    }

    /// The picture, by `decode` if nobody has it. After a fault, or where the asker went away, the next one tries.
    pub(super) async fn get_or_decode<E, F: Future<Output = Result<Frame, E>>>(
        &self,
        hash: ContentHash,
        decode: impl FnOnce() -> F,
    ) -> Result<Arc<Frame>, E> {
        if let Some(frame) = locked(&self.kept).frames.get(&hash) {
            self.hits.fetch_add(1, Ordering::Relaxed);
            return Ok(Arc::clone(frame));
        }
        let _asking = Asking { frames: self, hash };
        let cell = Arc::clone(locked(&self.making).entry(hash).or_default());
        let mut decoded_here = false;
        let made = cell
            .get_or_try_init(|| {
                decoded_here = true;
                async { decode().await.map(Arc::new) }
            })
            .await
            .cloned();
        let count = if decoded_here { &self.misses } else { &self.hits };
        count.fetch_add(1, Ordering::Relaxed);
        if let (true, Ok(frame)) = (decoded_here, &made) {
            locked(&self.kept).keep(frame);
        }
        made
    }
}

/// Someone who waits for a picture; the last to go, served or not, ends its making.
struct Asking<'a> {
    frames: &'a Frames,
    hash: ContentHash,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut making = locked(&self.frames.making);
        // The asker's own cell is gone by now: it was declared later. Cells are taken under this lock alone.
        if making.get(&self.hash).is_some_and(|cell| Arc::strong_count(cell) == 1) {
            making.remove(&self.hash);
        }
    }
}

impl Kept {
    fn keep(&mut self, frame: &Arc<Frame>) {
        let size = frame.rgb.len() as u64;
        if size > self.capacity {
            return;
        }
        self.bytes += size;
        if let Some(replaced) = self.frames.put(frame.hash, Arc::clone(frame)) {
            self.bytes -= replaced.rgb.len() as u64;
        }
        while self.bytes > self.capacity {
            let Some((_, oldest)) = self.frames.pop_lru() else { break };
            self.bytes -= oldest.rgb.len() as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    fn frame(name: u8, bytes: usize) -> Frame {
        Frame { hash: ContentHash([name; 32]), width: 1, height: 1, orientation: 1, rgb: vec![name; bytes] }
    }

    #[tokio::test]
    async fn one_asker_decodes_and_the_others_wait_for_it() {
        let frames = Frames::new(100);
        let ask = || {
            frames.get_or_decode(ContentHash([1; 32]), || async {
                tokio::task::yield_now().await;
                Ok::<_, ()>(frame(1, 10))
            })
        };
        assert!(join_all([ask(), ask(), ask()]).await.iter().all(Result::is_ok));
        assert!(ask().await.is_ok());
        assert_eq!(frames.counts(), FrameCounts { hits: 3, misses: 1, entries: 1, bytes: 10 });
        assert!(locked(&frames.making).is_empty());
    }

    #[tokio::test]
    async fn after_a_fault_the_next_asker_tries_again() {
        let frames = Frames::new(100);
        assert_eq!(frames.get_or_decode(ContentHash([1; 32]), || async { Err("bad") }).await, Err("bad"));
        assert!(
            frames.get_or_decode(ContentHash([1; 32]), || async { Ok::<_, ()>(frame(1, 10)) }).await.is_ok()
        );
        assert!(locked(&frames.making).is_empty());
    }

    #[tokio::test]
    async fn the_longest_unused_picture_makes_room_and_a_huge_one_is_not_kept() {
        let frames = Frames::new(25);
        for name in [1, 2, 1, 3, 1, 4] {
            let size = if name == 4 { 26 } else { 10 };
            frames
                .get_or_decode(ContentHash([name; 32]), || async { Ok::<_, ()>(frame(name, size)) })
                .await
                .unwrap();
        }
        let kept: Vec<u8> = locked(&frames.kept).frames.iter().map(|(hash, _)| hash.0[0]).collect();
        assert_eq!(kept, [1, 3]);
        assert_eq!(locked(&frames.kept).bytes, 20);
    }
}
