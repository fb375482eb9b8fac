//! From the bytes of a record to a post with its pictures as pixels.

use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::domain::{Frame, Media, Post, Rejection, RejectionClass};
use crate::fetch::Fetcher;

mod config;
mod cost;
mod fetched;
mod frames;
mod gate;
mod given;
mod header;
mod image;
mod jpeg;
mod jpeg_decoder;
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

use self::gate::{Gate, Permit};
use self::given::{Encoded, Given, Label};
use self::image::PictureFault;
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
    addresses: Vec<(String, String)>,
    _memory: Permit,
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

    /// The pictures that the record only points to: keys and addresses.
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
    /// The whole post is rejected for one bad picture: half an answer would look like a whole one.
    pub async fn decode(&self, payload: Bytes) -> Result<Decoded, Rejection> {
        let shared = Arc::clone(&self.shared);
        let (mut post, pictures) = self.parse(move || given::read(&payload, &shared.config)).await?;
        let addresses = pictures.iter().filter_map(Given::address).collect();
        let fetched = self.fetched(pictures).await?;
        let kept = fetched.pictures.iter().map(|picture| picture.header.frame_bytes()).sum();
        let mut memory = self.memory_for(&fetched.pictures, kept).await?;
        // One after the other: a post of many pictures keeps no more than one thread from the others, and no more than
        // one of its pictures takes what decoding takes beside the frame.
        for picture in fetched.pictures {
            let (medium, given_back) = self.medium(picture, memory).await?;
            post.media.push(medium);
            memory = given_back;
        }
        memory.shrink_to(kept);
        Ok(Decoded { post, degraded: fetched.degraded, addresses, _memory: memory })
    }

    /// How often a picture did not have to be decoded.
    #[must_use]
    pub fn frame_counts(&self) -> FrameCounts {
        self.shared.frames.counts()
    }

    /// All that a post needs at once: posts that each hold a part and wait for more would wait for ever. That is its
    /// frames, `kept` bytes, and what the dearest of its pictures takes beside its frame while it is decoded.
    async fn memory_for(&self, pictures: &[Encoded], kept: u64) -> Result<Permit, Rejection> {
        let headers = || pictures.iter().map(|picture| picture.header);
        let beside = headers().map(|header| header.peak_bytes - header.frame_bytes()).max().unwrap_or(0);
        let (bytes, limit) = (kept + beside, self.shared.config.memory);
        if bytes > limit.as_u64() {
            let message = format!(
                "the post's pictures take {bytes} bytes while they are decoded, {kept} of them for their pixels: more \
                 than the {limit} of decode.memory"
            );
            return Err(rejected(RejectionClass::TooLarge, message));
        }
        Ok(self.shared.memory.acquire(bytes, headers().map(header::Header::work).sum()).await)
    }

    /// A picture with its pixels. The post's memory goes along: where nobody waits any more, it is held until the thread
    /// that decodes has ended.
    async fn medium(&self, picture: Encoded, memory: Permit) -> Result<(Media, Permit), Rejection> {
        let Encoded { key, alt_text, bytes, header, hash } = picture;
        let mut held = Some(memory);
        let lent = &mut held;
        let name = key.as_str();
        let decode = move || async move {
            let memory = lent.take();
            let (shared, limit) = (Arc::clone(&self.shared), self.shared.config.picture_timeout);
            let decoded = self.shared.pool.decode(header.work(), limit, move |stop| {
                (image::decode(&bytes, header, hash, &shared.config, stop), memory)
            });
            match decoded.await {
                Ok((frame, memory)) => {
                    *lent = memory;
                    frame.map_err(|fault| of_media(name, &fault))
                }
                Err(Unfinished::TooSlow) => Err(of_media(name, &too_slow(limit))),
                Err(Unfinished::Panicked(fault)) => Err(panicked(&fault)),
            }
        };
        let frame: Arc<Frame> = self.shared.frames.get_or_decode(hash, decode).await?;
        let Some(memory) = held else { unreachable!("what was lent comes back with the frame") };
        Ok((Media { key, frame, alt_text }, memory))
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

/// Decodes a picture that is no part of a record, within the same limits; `key` is what errors call it.
///
/// # Errors
/// As for a picture of a record.
pub fn picture(key: &str, bytes: Bytes, config: &Config) -> Result<Frame, Rejection> {
    let label = Label { key: key.to_owned(), declared: None, alt_text: None };
    let Encoded { bytes, header, hash, .. } = given::encoded(label, bytes, config)?;
    image::decode(&bytes, header, hash, config, &Stop::default()).map_err(|fault| of_media(key, &fault))
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
    }
}

#[cfg(test)]
#[path = "../../tests/pictures/hostile.rs"]
mod hostile_pictures;
#[cfg(test)]
mod tests;
