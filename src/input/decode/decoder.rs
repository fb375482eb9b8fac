//! The decoder: from the bytes of a record to a post with its pictures as pixels.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::domain::{Frame, Media, Post, Rejection, RejectionClass};
use crate::input::MediaFault;
use crate::input::config::Config;
use crate::input::fault::rejection;
use crate::input::fetch::Fetcher;
use crate::input::formats::{self, InputRecord, PostDraft, Reading};
use crate::input::pictures::{
    FrameCache, FrameCounts, Permit, PermitPool, Pool, StopFlag, Unfinished, content_hash, decode, probe,
};

use super::declared::reclassified;
use super::decoded::DecodedPost;
use super::fetched::{Fetched, fetch};
use super::html_escapes::unescaped;
use super::media::{EncodedPicture, MediaLabel, Medium};
use super::memory;
use super::omitted::{OmissionRules, OmittedMedia};

/// Turns records into posts: off the async threads, within limits, each picture once.
#[derive(Debug, Clone)]
pub struct Decoder {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: Config,
    pool: Pool,
    /// Bytes that posts in flight may hold together.
    memory: Arc<PermitPool>,
    frames: FrameCache<Undecoded>,
    fetcher: Fetcher,
}

/// A record, read: its post without pictures, and its media.
struct Record {
    post: Post,
    media: Vec<Medium>,
    /// What the answer does not repeat of the record, in words for its provenance.
    degraded: Vec<String>,
}

/// Why a picture has no pixels.
#[derive(Debug, Clone)]
enum Undecoded {
    Fault(MediaFault),
    Panicked(String),
}

impl Decoder {
    /// A decoder with its own pool, memory and cache. Pictures behind URLs are fetched by `fetcher`.
    #[must_use]
    pub fn new(config: Config, fetcher: Fetcher) -> Self {
        let shared = Shared {
            pool: Pool::new(config.threads),
            memory: PermitPool::new(config.memory.as_u64()),
            frames: FrameCache::new(config.cache.as_u64()),
            fetcher,
            config,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Decodes a record; waits while the posts in flight hold all memory for pictures.
    ///
    /// # Errors
    /// The record is no post, or a fault of one of its media rejects the whole post.
    pub async fn decode(&self, payload: Bytes) -> Result<DecodedPost, Rejection> {
        let shared = Arc::clone(&self.shared);
        let Record { mut post, media, mut degraded } =
            self.parse(move || read(InputRecord { payload: &payload }, &shared.config)).await?;
        let Fetched { pictures, mut omitted, _share } = self.fetched(media).await?;
        let url = |label: &MediaLabel| Some((label.key.clone(), label.url.clone()?));
        let fetched_urls = pictures.iter().filter_map(|picture| url(&picture.label)).collect();
        let mut waiting = self.within_memory(pictures, &mut omitted)?;
        let mut memory = None;
        // One after the other: a post of many pictures keeps no more than one thread from the others, and only one of
        // its pictures at a time needs the decoder's buffers beside its frame.
        while let Some(picture) = waiting.pop_front() {
            let permit = match memory.take() {
                Some(permit) => permit,
                None => self.memory_for(&post, [&picture].into_iter().chain(&waiting)).await,
            };
            let (decoded, given_back) = self.medium(picture, permit).await?;
            match decoded {
                Ok(medium) => post.media.push(medium),
                Err((label, fault)) => omitted.push(self.rules().omit_after(&label, &fault, &omitted)?),
            }
            memory = given_back;
        }
        if let Some(permit) = &mut memory {
            permit.shrink_to(memory::held(&post));
        } else if !post.media.is_empty() {
            memory = Some(self.memory_for(&post, []).await);
        }
        omitted.sort_by_key(|medium| medium.index);
        degraded.extend(omitted.iter().map(|medium| medium.reason.clone()));
        Ok(DecodedPost { post, degraded, omitted, fetched_urls, _memory: memory })
    }

    /// Requests to the cache of decoded pictures.
    #[must_use]
    pub fn frame_counts(&self) -> FrameCounts {
        self.shared.frames.counts()
    }

    fn rules(&self) -> OmissionRules {
        OmissionRules { damaged: self.shared.config.degrade, unfetched: self.shared.fetcher.degrade() }
    }

    /// Fetches the media behind URLs, and checks what was fetched on a thread that may block.
    async fn fetched(&self, media: Vec<Medium>) -> Result<Fetched, Rejection> {
        let rules = self.rules();
        let arrivals = fetch(media, &self.shared.fetcher).await;
        if !arrivals.has_fetched() {
            return arrivals.check(rules, &self.shared.config);
        }
        let shared = Arc::clone(&self.shared);
        self.parse(move || arrivals.check(rules, &shared.config)).await
    }

    /// The pictures that one post may have in memory together, the first ones where there are too many.
    fn within_memory(
        &self,
        pictures: Vec<EncodedPicture>,
        omitted: &mut Vec<OmittedMedia>,
    ) -> Result<VecDeque<EncodedPicture>, Rejection> {
        let limit = self.shared.config.memory;
        let mut fitting: VecDeque<EncodedPicture> = VecDeque::new();
        for picture in pictures {
            let headers = || fitting.iter().chain([&picture]).map(|picture| picture.header);
            let (frames, bytes) = (memory::frames(headers()), memory::peak(headers()));
            if bytes <= limit.as_u64() {
                fitting.push_back(picture);
                continue;
            }
            let message = format!(
                "is one too many: with it the post's pictures take {bytes} bytes while they are decoded, {frames} of \
                 them for their pixels: more than the {limit} of decode.memory"
            );
            let fault = MediaFault::new(RejectionClass::TooLarge, message);
            omitted.push(self.rules().omit(&picture.label, &fault)?);
        }
        Ok(fitting)
    }

    /// Memory for all that a post still needs, in one permit: posts that each hold a part and wait for more could wait
    /// for each other for ever. That is the frames that it has and will have, and the largest buffers that a picture
    /// needs beside its frame.
    ///
    /// A post whose picture took too long comes here again, since its permit stays with that picture's thread. It waits
    /// with the frames that it has, and without a permit that others could wait for.
    async fn memory_for<'a>(
        &self,
        post: &Post,
        waiting: impl IntoIterator<Item = &'a EncodedPicture>,
    ) -> Permit {
        let headers: Vec<_> = waiting.into_iter().map(|picture| picture.header).collect();
        let bytes = memory::held(post) + memory::peak(headers.iter().copied());
        self.shared.memory.acquire(bytes, headers.iter().map(|header| header.work()).sum()).await
    }

    /// Decodes a picture, or says what is wrong with it. The post's memory permit goes to the thread and comes back.
    /// Where the post is given up or the picture takes too long, the thread keeps the permit until it ends.
    async fn medium(
        &self,
        picture: EncodedPicture,
        memory: Permit,
    ) -> Result<(Result<Media, (MediaLabel, MediaFault)>, Option<Permit>), Rejection> {
        let EncodedPicture { label, bytes, header, hash } = picture;
        let mut held = Some(memory);
        let lent = &mut held;
        // Polled only where no other post has the picture: otherwise the permit stays here.
        let decode = async move {
            let memory = lent.take();
            let (shared, limit) = (Arc::clone(&self.shared), self.shared.config.picture_timeout);
            let decoded = self.shared.pool.decode(header.work(), limit, move |stop| {
                (decode(&bytes, header, hash, &shared.config, stop), memory)
            });
            match decoded.await {
                Ok((frame, memory)) => {
                    *lent = memory;
                    frame.map_err(Undecoded::Fault)
                }
                Err(Unfinished::TooSlow) => Err(Undecoded::Fault(too_slow(limit))),
                Err(Unfinished::Panicked(fault)) => Err(Undecoded::Panicked(fault)),
            }
        };
        let decoded = self.shared.frames.get_or_decode(hash, decode).await;
        let medium = match decoded {
            Ok(frame) => {
                let MediaLabel { index, key, alt_text, is_preview, .. } = label;
                Ok(Media { key, frame, alt_text, index, is_preview })
            }
            Err(Undecoded::Fault(fault)) => {
                let fault = reclassified(label.declared(), fault);
                Err((label, fault))
            }
            Err(Undecoded::Panicked(fault)) => return Err(panicked(&fault)),
        };
        Ok((medium, held))
    }

    /// Runs work on bytes, not on pixels, on a thread that may block.
    async fn parse<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Rejection> + Send + 'static,
    ) -> Result<T, Rejection> {
        self.shared.pool.parse(work).await.unwrap_or_else(|fault| match fault {
            Unfinished::Panicked(fault) => Err(panicked(&fault)),
            Unfinished::TooSlow => unreachable!("reading has no time limit"),
        })
    }
}

/// Reads a record and the headers of the pictures in it.
fn read(record: InputRecord<'_>, config: &Config) -> Result<Record, Rejection> {
    let PostDraft { id, text, created_at, lang, author, media, degraded } =
        post_of(formats::read(record, config)?)?;
    let media = media.into_iter().enumerate().map(|(index, draft)| Medium::new(index, draft, config));
    let media = media.collect();
    let unescaped = if config.unescape { unescaped(&text) } else { None };
    let post = Post { id, text, unescaped, created_at, lang, author, media: Vec::new() };
    Ok(Record { post, media, degraded })
}

/// The post that a record holds. Deletions and skipped records are not answered yet: no format reads them.
fn post_of(reading: Reading) -> Result<PostDraft, Rejection> {
    match reading {
        Reading::Post(draft) => Ok(draft),
        Reading::Deletion { id } => {
            Err(rejection(RejectionClass::Internal, format!("the record deletes post `{id}`")))
        }
        Reading::Skip { reason } => {
            Err(rejection(RejectionClass::Internal, format!("the record holds no post: {reason}")))
        }
    }
}

/// Decodes a picture that is no part of a record, within the same limits; errors name it by `key`.
///
/// # Errors
/// As for a picture of a record.
pub fn picture(key: &str, bytes: &[u8], config: &Config) -> Result<Frame, Rejection> {
    let decoded = probe(bytes, config)
        .and_then(|header| decode(bytes, header, content_hash(bytes), config, &StopFlag::default()));
    decoded.map_err(|fault| fault.rejection(key))
}

/// A decoder's panic on hostile bytes ends one post, not the engine.
fn panicked(fault: &str) -> Rejection {
    rejection(RejectionClass::Internal, format!("decoding the record failed: {fault}"))
}

fn too_slow(limit: Duration) -> MediaFault {
    let limit = humantime::format_duration(limit);
    let message = format!("takes longer to decode than the {limit} of decode.picture_timeout");
    MediaFault::new(RejectionClass::TooSlow, message)
}

#[cfg(test)]
mod mixed_tests;
#[cfg(test)]
mod tests;
