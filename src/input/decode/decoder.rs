//! The decoder: from the bytes of a record to a post with its pictures as pixels.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::common::permits::{Permit, PermitPool};
use crate::common::registry::Schemas;
use crate::domain::{DegradedCode, Frame, Media, Post, Rejection, RejectionClass};
use crate::input::MediaFault;
use crate::input::config::Config;
use crate::input::fault::rejection;
use crate::input::fetch::Fetcher;
use crate::input::formats::{Event, Feeds, InputRecord, PostDraft};
use crate::input::pictures::{
    FrameCache, FrameCounts, Pool, StopFlag, Unfinished, content_hash, decode, probe,
};

use super::declared::reclassified;
use super::decoded::DecodedPost;
use super::events::{ReadEvent, ReadEvents, UndecodedPost};
use super::fetched::{Fetched, fetch};
use super::framed::{json_of, schema_of};
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
    feeds: Feeds,
    /// Schemas of records in the wire format of a Schema Registry, if there is one.
    schemas: Option<Schemas>,
}

/// Why a picture has no pixels.
#[derive(Debug, Clone)]
enum Undecoded {
    Fault(MediaFault),
    Panicked(String),
}

impl Decoder {
    /// A decoder of records in the engine's own format, with its own pool, memory and cache. Pictures behind URLs are
    /// fetched by `fetcher`.
    #[must_use]
    pub fn new(config: Config, fetcher: Fetcher) -> Self {
        Self::of_feeds(config, fetcher, (Feeds::default(), None))
    }

    /// As [`Self::new`], for records of these feeds, with the schemas of a Schema Registry if there is one.
    #[must_use]
    pub fn of_feeds(config: Config, fetcher: Fetcher, (feeds, schemas): (Feeds, Option<Schemas>)) -> Self {
        let shared = Shared {
            pool: Pool::new(config.threads),
            memory: PermitPool::new(config.memory.as_u64()),
            frames: FrameCache::new(config.cache.as_u64()),
            fetcher,
            config,
            feeds,
            schemas,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Reads what a record says: posts, whose media are neither fetched nor decoded yet, deletions and other events.
    ///
    /// # Errors
    /// The record cannot be read in the format of its feed.
    pub async fn read(&self, record: InputRecord) -> Result<ReadEvents, Rejection> {
        let shared = Arc::clone(&self.shared);
        let Some((id, schema)) = schema_of(&record.payload, shared.schemas.as_ref()).await? else {
            let bytes = record.payload.len();
            return self.parse(bytes, move || read(&record, &shared.feeds, &shared.config)).await;
        };
        // Its JSON may be many times as long as the record.
        let decoded = move || {
            let (payload, config) = json_of(&record.payload, (id, &schema), &shared.config)?;
            read(&InputRecord { payload, ..record }, &shared.feeds, &config)
        };
        self.parse(usize::MAX, decoded).await
    }

    /// Decodes a record that says one post and nothing else.
    ///
    /// # Errors
    /// The record is no post, or says more than one thing; or as for [`Self::decode_post`].
    pub async fn decode(&self, payload: Bytes) -> Result<DecodedPost, Rejection> {
        let record = InputRecord { payload, ..InputRecord::default() };
        self.decode_post(only_post(self.read(record).await?)?).await
    }

    /// Fetches and decodes the pictures of a post; waits while the posts in flight hold all memory for pictures.
    ///
    /// # Errors
    /// A fault of one of its media rejects the whole post.
    pub async fn decode_post(&self, undecoded: UndecodedPost) -> Result<DecodedPost, Rejection> {
        let UndecodedPost { mut post, media, degraded: not_repeated } = undecoded;
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
        let not_repeated =
            not_repeated.into_iter().map(|reason| DegradedCode::FieldNotRepeated.because(reason));
        let left_out =
            omitted.iter().map(|medium| DegradedCode::MediaLeftOut.because(medium.reason.as_str()));
        let degraded = not_repeated.chain(left_out).collect();
        Ok(DecodedPost { post, degraded, omitted, fetched_urls, _memory: memory })
    }

    /// Whether events that no format knows are skipped.
    #[must_use]
    pub fn skips_unknown(&self) -> bool {
        self.shared.feeds.skips_unknown()
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
        self.parse(usize::MAX, move || arrivals.check(rules, &shared.config)).await
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
                let MediaLabel { index, key, alt_text, candidate_boxes, is_preview, .. } = label;
                Ok(Media { key, frame, alt_text, candidate_boxes, index, is_preview })
            }
            Err(Undecoded::Fault(fault)) => {
                let fault = reclassified(label.declared(), fault);
                Err((label, fault))
            }
            Err(Undecoded::Panicked(fault)) => return Err(panicked(&fault)),
        };
        Ok((medium, held))
    }

    /// Runs work on so many bytes, not on pixels; on a thread that may block if they are many.
    async fn parse<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> Result<T, Rejection> + Send + 'static,
    ) -> Result<T, Rejection> {
        self.shared.pool.parse(bytes, work).await.unwrap_or_else(|fault| match fault {
            Unfinished::Panicked(fault) => Err(panicked(&fault)),
            Unfinished::TooSlow => unreachable!("reading has no time limit"),
        })
    }
}

/// Reads a record and the headers of the pictures in it.
fn read(record: &InputRecord, feeds: &Feeds, config: &Config) -> Result<ReadEvents, Rejection> {
    let read = feeds.read(record, config)?;
    let events = read.events.into_iter().map(|event| match event {
        Event::Post(draft) => ReadEvent::Post(Box::new(undecoded(*draft, config))),
        Event::Deletion { id } => ReadEvent::Deletion { id },
        Event::Ignored { kind } => ReadEvent::Ignored { kind },
        Event::Unknown { what } => ReadEvent::Unknown { what },
        Event::Faulty(rejection) => ReadEvent::Faulty(rejection),
    });
    Ok(ReadEvents { format: read.format, events: events.collect() })
}

fn undecoded(draft: PostDraft, config: &Config) -> UndecodedPost {
    let PostDraft { id, key, uri, text, text_form, created_at, lang, author, media, degraded } = draft;
    let media = media.into_iter().enumerate().map(|(index, draft)| Medium::new(index, draft, config));
    let unescaped = text_form.read(&text, config.unescape);
    let post = Post { id, key, uri, text, unescaped, created_at, lang, author, media: Vec::new() };
    UndecodedPost { post, media: media.collect(), degraded }
}

/// The post of a record that says nothing else.
fn only_post(read: ReadEvents) -> Result<UndecodedPost, Rejection> {
    let count = read.events.len();
    let mut events = read.events.into_iter();
    match (events.next(), count) {
        (Some(ReadEvent::Post(post)), 1) => Ok(*post),
        (Some(ReadEvent::Faulty(rejection)), 1) => Err(rejection),
        (Some(ReadEvent::Unknown { what }), 1) => Err(rejection(
            RejectionClass::UnknownEvent,
            format!("the record is {what}, and one post is expected"),
        )),
        _ => Err(rejection(
            RejectionClass::UnknownEvent,
            format!("the record of format `{}` is not one post: it says {count} things", read.format),
        )),
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
