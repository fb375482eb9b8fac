//! From the bytes of a record to a post with its pictures as pixels.

use std::ops::Deref;
use std::sync::Arc;

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine, alphabet};
use bytes::Bytes;
use futures_util::future::try_join_all;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::{ContentHash, Frame, Media, Post, Rejection, RejectionClass};
use crate::fetch::Fetcher;

mod config;
mod fetched;
mod frames;
mod image;
mod jpeg;
mod said;
mod strings;
mod webp;
mod wire;

pub use config::Config;
pub use frames::FrameCounts;

use self::image::{Header, PictureFault};

/// Turns records into posts: off the async threads, within limits, each picture once.
#[derive(Debug, Clone)]
pub struct Decoder {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: Config,
    /// Threads that may decode at one time.
    workers: Arc<Semaphore>,
    /// Decoded bytes that posts in flight may hold together, in [`MEMORY_UNIT`]s.
    memory: Arc<Semaphore>,
    frames: frames::Frames,
    fetcher: Fetcher,
}

/// A decoded post, and its share of the memory for pictures, given back when this is dropped.
#[derive(Debug)]
pub struct Decoded {
    post: Post,
    degraded: Vec<String>,
    _memory: OwnedSemaphorePermit,
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
}

impl Decoder {
    /// A decoder with its own workers' permits, memory and kept pictures; pictures that the record does not hold are
    /// fetched by `fetcher`.
    #[must_use]
    pub fn new(config: Config, fetcher: Fetcher) -> Self {
        let shared = Shared {
            workers: Arc::new(Semaphore::new(config.threads)),
            memory: Arc::new(Semaphore::new(memory_units(config.memory.as_u64()) as usize)),
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
        let (mut post, pictures) = self.on_worker(move || read(&payload, &shared.config)).await?;
        let fetched = self.fetched(pictures).await?;
        let bytes = fetched.pictures.iter().map(|picture| picture.header.decoded_bytes()).sum::<u64>();
        let memory = self.memory_for(bytes).await?;
        post.media = try_join_all(fetched.pictures.into_iter().map(|picture| self.medium(picture))).await?;
        Ok(Decoded { post, degraded: fetched.degraded, _memory: memory })
    }

    /// How often a picture did not have to be decoded.
    #[must_use]
    pub fn frame_counts(&self) -> FrameCounts {
        self.shared.frames.counts()
    }

    /// All that a post needs at once: posts that each hold a part and wait for more would wait for ever.
    async fn memory_for(&self, bytes: u64) -> Result<OwnedSemaphorePermit, Rejection> {
        let limit = self.shared.config.memory;
        if bytes > limit.as_u64() {
            let message = format!(
                "the post's pictures take {bytes} bytes decoded, more than the {limit} of decode.memory"
            );
            return Err(rejected(RejectionClass::TooLarge, message));
        }
        let acquired = Arc::clone(&self.shared.memory).acquire_many_owned(memory_units(bytes)).await;
        acquired.map_err(|_| unreachable!("the decoder never closes its semaphores"))
    }

    async fn medium(&self, picture: Encoded) -> Result<Media, Rejection> {
        let Encoded { key, alt_text, bytes, header, hash } = picture;
        let decode = || {
            let (shared, key) = (Arc::clone(&self.shared), key.clone());
            self.on_worker(move || {
                image::decode(&bytes, header, hash, &shared.config).map_err(|fault| of_media(&key, &fault))
            })
        };
        let frame: Arc<Frame> = self.shared.frames.get_or_decode(hash, decode).await?;
        Ok(Media { key, frame, alt_text })
    }

    /// Runs what takes long on a thread that may block, at most `threads` of them at a time.
    async fn on_worker<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Rejection> + Send + 'static,
    ) -> Result<T, Rejection> {
        let Ok(permit) = Arc::clone(&self.shared.workers).acquire_owned().await else {
            unreachable!("the decoder never closes its semaphores")
        };
        let worked = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        worked.await.unwrap_or_else(|fault| {
            // A decoder's panic on hostile bytes ends one post, not the engine.
            Err(rejected(RejectionClass::Internal, format!("decoding the record failed: {fault}")))
        })
    }
}

/// Decodes a picture that is no part of a record, within the same limits; `key` is what errors call it.
///
/// # Errors
/// As for a picture of a record.
pub fn picture(key: &str, bytes: Bytes, config: &Config) -> Result<Frame, Rejection> {
    let label = Label { key: key.to_owned(), declared: None, alt_text: None };
    let Encoded { bytes, header, hash, .. } = encoded(label, bytes, config)?;
    image::decode(&bytes, header, hash, config).map_err(|fault| of_media(key, &fault))
}

/// A picture as the record gives it.
enum Given {
    Here(Encoded),
    Elsewhere { label: Label, address: String },
}

/// What the record says of a picture beside its bytes.
struct Label {
    key: String,
    /// What the feed calls it.
    declared: Option<String>,
    alt_text: Option<String>,
}

/// A picture's encoded bytes, its header found good.
struct Encoded {
    key: String,
    alt_text: Option<String>,
    bytes: Bytes,
    header: Header,
    hash: ContentHash,
}

const MEMORY_UNIT: u64 = 1024; // bytes: a semaphore counts to 2^32 at most, which is 4 TiB of these

fn memory_units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(MEMORY_UNIT)).unwrap_or(u32::MAX)
}

/// Reads a record: its post without pictures, and the pictures still encoded.
fn read(payload: &[u8], config: &Config) -> Result<(Post, Vec<Given>), Rejection> {
    let wire = wire::read(payload, config)?;
    let pictures = wire.media.into_iter().map(|medium| given(medium, config)).collect::<Result<_, _>>()?;
    let post = Post {
        id: wire.id.0,
        text: wire.text.0,
        created_at: wire.created_at.map(|text| text.0),
        lang: wire.lang.map(|text| text.0),
        author: wire.author.map(|text| text.0),
        media: Vec::new(),
    };
    Ok((post, pictures))
}

fn given(medium: wire::WireMedia<'_>, config: &Config) -> Result<Given, Rejection> {
    let label = Label {
        key: medium.key.0,
        declared: medium.declared.map(|text| text.0),
        alt_text: medium.alt_text.map(|text| text.0),
    };
    let refused = |message| Err(of_media(&label.key, &malformed(message)));
    match (medium.bytes, medium.url) {
        (Some(base64), None) => {
            let bytes = inline(&base64, config.max_picture.as_u64());
            let bytes = bytes.map_err(|fault| of_media(&label.key, &fault))?;
            encoded(label, bytes.into(), config).map(Given::Here)
        }
        (None, Some(url)) => Ok(Given::Elsewhere { label, address: url.0 }),
        (Some(_), Some(_)) => refused("has both `bytes` and `url`; one of them is expected"),
        (None, None) => refused("has neither `bytes` nor `url`; one of them is expected"),
    }
}

/// Looks at a picture's header: all pictures share these limits, wherever they come from.
fn encoded(label: Label, bytes: Bytes, config: &Config) -> Result<Encoded, Rejection> {
    let Label { key, declared, alt_text } = label;
    let header = image::probe(&bytes, config).map_err(|mut fault| {
        if let (RejectionClass::UnsupportedMedia, Some(declared)) = (fault.class, declared) {
            fault.message += &format!(" (the record calls it `{}`)", wire::brief(&declared));
        }
        of_media(&key, &fault)
    })?;
    let hash = image::content_hash(&bytes);
    Ok(Encoded { key, alt_text, bytes, header, hash })
}

/// Standard base64, with or without its padding.
fn inline(base64: &str, limit: u64) -> Result<Vec<u8>, PictureFault> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    // Known before decoding, so that nothing is allocated for a picture that is refused anyway.
    let size = base64.len() as u64 / 4 * 3;
    if size > limit + 3 {
        let message = format!("has about {size} bytes, more than the {limit} of decode.max_picture");
        return Err(PictureFault { class: RejectionClass::TooLarge, message });
    }
    GeneralPurpose::new(&alphabet::STANDARD, LENIENT)
        .decode(base64)
        .map_err(|error| malformed(&format!("has `bytes` that are not base64: {error}")))
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
        memory: ByteSize::mib(256),
        cache: ByteSize::mib(64),
        threads: 2,
    }
}

#[cfg(test)]
mod tests;
