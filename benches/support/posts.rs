//! Which posts are fed? Those of the pocket world, alone, with reposts, or with several entities a picture.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use riveg::domain::{Media, Post};
use riveg::lab::train::DEMO_SEED;
use riveg::lab::world::{Sample, Split, World};

/// A feed, as records and as decoded posts.
pub(crate) struct Feed {
    pub(crate) name: &'static str,
    pub(crate) posts: Vec<Arc<Post>>,
    pub(crate) records: Vec<Bytes>,
}

/// The first posts of the world's test split, whose names the pocket lexicon knows: each with a picture of its own.
pub(crate) fn distinct(count: usize) -> Feed {
    let world = World::new(DEMO_SEED, Split::Test);
    Feed::of("distinct pictures", (0..count as u64).map(|index| world.sample(index)).collect())
}

/// As many posts, of which three in twenty are an earlier one again.
pub(crate) fn with_reposts(count: usize) -> Feed {
    let world = World::new(DEMO_SEED, Split::Test);
    let mut samples: Vec<Sample> = Vec::with_capacity(count);
    for index in 0..count {
        // Every sixth or seventh, from anywhere before: 3, 9, 16 of each twenty.
        let repeated = matches!(index % 20, 3 | 9 | 16).then(|| samples[index * 7 / 11].clone());
        let mut sample = repeated.unwrap_or_else(|| world.sample(index as u64));
        sample.id = format!("{}-{index}", sample.id);
        samples.push(sample);
    }
    Feed::of("15 % reposts", samples)
}

/// Posts of the world that name three entities.
pub(crate) fn of_three_entities(count: usize) -> Feed {
    let world = World::new(DEMO_SEED, Split::Test);
    let named = (0..).filter(|&index| world.text(index).mentions.len() >= 3).take(count);
    Feed::of("3 entities a picture", named.map(|index| world.sample(index)).collect())
}

impl Feed {
    fn of(name: &'static str, samples: Vec<Sample>) -> Self {
        let records = samples.iter().map(record).collect();
        Self { name, posts: samples.into_iter().map(|sample| Arc::new(post(sample))).collect(), records }
    }
}

fn post(sample: Sample) -> Post {
    let frame = Arc::new(sample.picture.frame);
    Post {
        id: sample.id,
        text: sample.text,
        created_at: None,
        lang: None,
        author: None,
        unescaped: None,
        media: vec![Media { key: "picture".to_owned(), frame, alt_text: None, index: 0, is_preview: false }],
    }
}

fn record(sample: &Sample) -> Bytes {
    let bytes = BASE64_STANDARD.encode(&sample.picture.jpeg);
    let post = serde_json::json!({
        "id": sample.id,
        "text": sample.text,
        "created_at": sample.created_at,
        "media": [{ "key": "picture", "type": "image/jpeg", "bytes": bytes }],
    });
    Bytes::from(post.to_string())
}
