//! Feeds of the pipeline bench: posts of the pocket world, alone, with reposts, or with several entities a picture.

use std::sync::Arc;

use bytes::Bytes;
use riveg::domain::Post;
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
        let records = samples.iter().map(|sample| Bytes::from(sample.record())).collect();
        let posts = samples.into_iter().map(|sample| Arc::new(sample.into_post(&["picture"]))).collect();
        Self { name, posts, records }
    }
}
