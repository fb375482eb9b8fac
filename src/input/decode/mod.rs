//! From the bytes of a record to a post with its pictures as pixels.

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::domain::{Frame, Media, Post, Rejection, RejectionClass};
use crate::input::fetch::Fetcher;

mod carried;
mod config;
mod cost;
mod escapes;
mod fetched;
mod frames;
mod gate;
mod gif;
mod given;
mod header;
mod image;
mod inline;
mod jpeg;
mod jpeg_decoder;
mod jpeg_scan;
mod json;
mod left_out;
mod png;
mod pool;
mod rgb;
mod said;
mod strings;
mod turn;
mod watched;
mod webp;
mod webp_codes;
mod wire;

pub use config::Config;
pub use frames::FrameCounts;
pub use left_out::LeftOut;

use self::fetched::Fetched;
use self::gate::{Gate, Permit};
use self::given::{Encoded, Label, Record};
use self::image::PictureFault;
use self::left_out::Rules;
use self::pool::{Pool, Unfinished};
use self::watched::Stop;

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
    memory: Arc<Gate>,
    frames: frames::Frames,
    fetcher: Fetcher,
}

/// A decoded post, and its share of the memory for pictures, given back when this is dropped.
#[derive(Debug)]
pub struct Decoded {
    post: Post,
    degraded: Vec<String>,
    left_out: Vec<LeftOut>,
    addresses: Vec<(String, String)>,
    _memory: Option<Permit>,
}

impl Deref for Decoded {
    type Target = Post;

    fn deref(&self) -> &Post {
        &self.post
    }
}

impl Decoded {
    /// What is missing of the post, in words for the answer's provenance.
    #[must_use]
    pub fn degraded(&self) -> &[String] {
        &self.degraded
    }

    /// The media that are missing.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// The pictures that were fetched: keys and addresses.
    #[must_use]
    pub fn addresses(&self) -> &[(String, String)] {
        &self.addresses
    }
}

impl Decoder {
    /// A decoder with its own threads' permits, memory and kept pictures; pictures that the record does not hold are
    /// fetched by `fetcher`.
    #[must_use]
    pub fn new(config: Config, fetcher: Fetcher) -> Self {
        let shared = Shared {
            pool: Pool::new(config.threads),
            memory: Gate::new(config.memory.as_u64()),
            frames: frames::Frames::new(config.cache.as_u64()),
            fetcher,
            config,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Decodes a record; waits while the posts in flight hold all the memory there is for pictures.
    ///
    /// # Errors
    /// The record is no post, or one of its media is to cost the whole post, by the settings or in any case.
    pub async fn decode(&self, payload: Bytes) -> Result<Decoded, Rejection> {
        let shared = Arc::clone(&self.shared);
        let Record { mut post, media, mut degraded } =
            self.parse(move || given::read(&payload, &shared.config)).await?;
        let Fetched { pictures, mut left_out, _share } = self.fetched(media).await?;
        let address = |label: &Label| Some((label.key.clone(), label.address.clone()?));
        let addresses = pictures.iter().filter_map(|picture| address(&picture.label)).collect();
        let mut waiting = self.that_fit(pictures, &mut left_out)?;
        let mut memory = None;
        // One after the other: a post of many pictures keeps no more than one thread from the others, and no more than
        // one of its pictures takes what decoding takes beside the frame.
        while let Some(picture) = waiting.pop_front() {
            let permit = match memory.take() {
                Some(permit) => permit,
                None => self.memory_for(&post, [&picture].into_iter().chain(&waiting)).await,
            };
            let (decoded, given_back) = self.medium(picture, permit).await?;
            match decoded {
                Ok(medium) => post.media.push(medium),
                Err((label, fault)) => left_out.push(self.rules().without_one(&label, &fault, &left_out)?),
            }
            memory = given_back;
        }
        if let Some(permit) = &mut memory {
            permit.shrink_to(kept(&post));
        } else if !post.media.is_empty() {
            memory = Some(self.memory_for(&post, []).await);
        }
        left_out.sort_by_key(|medium| medium.index);
        degraded.extend(left_out.iter().map(|medium| medium.reason.clone()));
        Ok(Decoded { post, degraded, left_out, addresses, _memory: memory })
    }

    /// How often a picture did not have to be decoded.
    #[must_use]
    pub fn frame_counts(&self) -> FrameCounts {
        self.shared.frames.counts()
    }

    fn rules(&self) -> Rules {
        Rules { broken: self.shared.config.degrade, absent: self.shared.fetcher.degrade() }
    }

    /// The pictures that one post may have in memory together, the first ones where there are too many.
    fn that_fit(
        &self,
        pictures: Vec<Encoded>,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<VecDeque<Encoded>, Rejection> {
        let limit = self.shared.config.memory;
        let mut fitting: VecDeque<Encoded> = VecDeque::new();
        for picture in pictures {
            let headers = || fitting.iter().chain([&picture]).map(|picture| picture.header);
            let (frames, bytes) = (frames(headers()), bytes(headers()));
            if bytes <= limit.as_u64() {
                fitting.push_back(picture);
                continue;
            }
            let message = format!(
                "is one too many: with it the post's pictures take {bytes} bytes while they are decoded, {frames} of \
                 them for their pixels: more than the {limit} of decode.memory"
            );
            let fault = PictureFault { class: RejectionClass::TooLarge, message };
            left_out.push(self.rules().without(&picture.label, &fault)?);
        }
        Ok(fitting)
    }

    /// All that a post needs at once: posts that each hold a part and wait for more would wait for ever. That is the
    /// frames that it has and will have, and what the dearest of its pictures takes beside its frame while it is decoded.
    ///
    /// A post whose picture took too long comes here again, for its permit stays with that picture's thread. It waits
    /// with the frames that it has, and with no permit that others could wait for.
    async fn memory_for<'a>(&self, post: &Post, waiting: impl IntoIterator<Item = &'a Encoded>) -> Permit {
        let headers: Vec<header::Header> = waiting.into_iter().map(|picture| picture.header).collect();
        let bytes = kept(post) + bytes(headers.iter().copied());
        self.shared.memory.acquire(bytes, headers.iter().map(|header| header.work()).sum()).await
    }

    /// A picture with its pixels, or what is wrong with it. The post's memory goes along and comes back; where nobody
    /// waits any more, or the picture takes too long, it is held until the thread that decodes has ended.
    async fn medium(
        &self,
        picture: Encoded,
        memory: Permit,
    ) -> Result<(Result<Media, (Label, PictureFault)>, Option<Permit>), Rejection> {
        let Encoded { label, bytes, header, hash } = picture;
        let mut held = Some(memory);
        let lent = &mut held;
        let decode = move || async move {
            let memory = lent.take();
            let (shared, limit) = (Arc::clone(&self.shared), self.shared.config.picture_timeout);
            let decoded = self.shared.pool.decode(header.work(), limit, move |stop| {
                (image::decode(&bytes, header, hash, &shared.config, stop), memory)
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
        let decoded: Result<Arc<Frame>, Undecoded> = self.shared.frames.get_or_decode(hash, decode).await;
        let medium = match decoded {
            Ok(frame) => {
                let Label { index, key, alt_text, is_preview, .. } = label;
                Ok(Media { key, frame, alt_text, index, is_preview })
            }
            Err(Undecoded::Fault(fault)) => {
                let fault = left_out::of_declared(label.declared(), fault);
                Err((label, fault))
            }
            Err(Undecoded::Panicked(fault)) => return Err(panicked(&fault)),
        };
        Ok((medium, held))
    }

    /// Reads bytes, not pixels.
    async fn parse<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Rejection> + Send + 'static,
    ) -> Result<T, Rejection> {
        self.shared.pool.parse(work).await.unwrap_or_else(|fault| match fault {
            Unfinished::Panicked(fault) => Err(panicked(&fault)),
            Unfinished::TooSlow => unreachable!("reading has no limit of time but that of its bytes"),
        })
    }
}

/// Why a picture has no pixels.
enum Undecoded {
    Fault(PictureFault),
    Panicked(String),
}

/// Bytes of the frames that a post has.
fn kept(post: &Post) -> u64 {
    post.media.iter().map(|media| media.frame.rgb.len() as u64).sum()
}

/// Bytes of the frames of these pictures.
fn frames(headers: impl Iterator<Item = header::Header>) -> u64 {
    headers.map(header::Header::frame_bytes).sum()
}

/// Bytes that these pictures take at most while one after the other is decoded.
fn bytes(headers: impl Iterator<Item = header::Header> + Clone) -> u64 {
    let beside = headers.clone().map(|header| header.peak_bytes - header.frame_bytes()).max().unwrap_or(0);
    frames(headers) + beside
}

/// Decodes a picture that is no part of a record, within the same limits; `key` is what errors call it.
///
/// # Errors
/// As for a picture of a record.
pub fn picture(key: &str, bytes: &[u8], config: &Config) -> Result<Frame, Rejection> {
    let decoded = header::probe(bytes, config).and_then(|header| {
        image::decode(bytes, header, image::content_hash(bytes), config, &Stop::default())
    });
    decoded.map_err(|fault| of_media(key, &fault))
}

/// A decoder's panic on hostile bytes ends one post, not the engine.
fn panicked(fault: &str) -> Rejection {
    rejected(RejectionClass::Internal, format!("decoding the record failed: {fault}"))
}

fn too_slow(limit: Duration) -> PictureFault {
    let limit = humantime::format_duration(limit);
    let message = format!("takes longer to decode than the {limit} of decode.picture_timeout");
    PictureFault { class: RejectionClass::TooSlow, message }
}

/// What the lock guards is whole at every moment at which a panic could leave it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn malformed(message: &str) -> PictureFault {
    PictureFault { class: RejectionClass::Malformed, message: message.to_owned() }
}

fn of_media(key: &str, fault: &PictureFault) -> Rejection {
    rejected(fault.class, format!("media `{}` {}", wire::brief(key), fault.message))
}

fn rejected(class: RejectionClass, message: String) -> Rejection {
    Rejection { stage: "decode", class, message: said::sayable(message) }
}

#[cfg(test)]
fn test_config() -> Config {
    use bytesize::ByteSize;
    Config {
        max_record: ByteSize::mib(8),
        max_text: ByteSize::kib(128),
        max_media: 8,
        max_picture: ByteSize::mib(5),
        max_side: 16_384,
        max_pixels: 25_000_000,
        max_pixels_per_byte: 1032,
        free_pixels: 2_100_000,
        max_scans: 32,
        picture_timeout: Duration::from_secs(60),
        memory: ByteSize::mib(256),
        cache: ByteSize::mib(64),
        threads: 2,
        degrade: crate::input::fetch::Degrade::PublishWithout,
        unescape: true,
    }
}

#[cfg(test)]
#[path = "../../../tests/pictures/hostile.rs"]
mod hostile_pictures;
#[cfg(test)]
mod mixed_tests;
#[cfg(test)]
mod tests;
