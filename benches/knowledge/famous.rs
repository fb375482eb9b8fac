//! Post stream: names with a power-law distribution, and reposts.

use rand::distr::Distribution;
use rand::distr::weighted::WeightedIndex;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use riveg::domain::{EntityType, Mention, Span};

/// The exponent: the second name is a little less than half as frequent as the first.
const EXPONENT: f64 = 1.1;
/// The share of reposts.
const REPOSTS: f64 = 0.15;
/// How many posts back a repost may reach.
const LATEST: usize = 5_000;
/// Mentions of a post, 1 to 4: the distribution of Twitter-GMNER without posts that have none.
const MENTIONS: [f64; 4] = [0.45, 0.37, 0.14, 0.04];

/// A post: its text and its mentions.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) text: String,
    pub(crate) mentions: Vec<Mention>,
}

/// The stream of a seed.
pub(crate) fn stream(posts: usize, entities: usize, seed: u64) -> Vec<Post> {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let fame = WeightedIndex::new((1..=entities).map(|rank| (rank as f64).powf(-EXPONENT))).unwrap();
    let counts = WeightedIndex::new(MENTIONS).unwrap();
    let mut stream: Vec<Post> = Vec::with_capacity(posts);
    for number in 0..posts {
        let latest = &stream[stream.len().saturating_sub(LATEST)..];
        let repost = latest.choose(&mut dice).filter(|_| dice.random_bool(REPOSTS));
        let post = match repost {
            Some(post) => repeated(post, &mut dice),
            None => {
                let ranks: Vec<usize> =
                    (0..=counts.sample(&mut dice)).map(|_| fame.sample(&mut dice)).collect();
                original(number, &ranks)
            }
        };
        stream.push(post);
    }
    stream
}

fn original(number: usize, ranks: &[usize]) -> Post {
    let names: Vec<String> = ranks.iter().map(|&rank| name(rank)).collect();
    let text = format!("{} seen on day {number}", names.join(" and "));
    let mentions = ranks.iter().zip(&names).map(|(&rank, name)| mention(name, rank));
    Post { mentions: mentions.collect(), text }
}

/// A repost: with a retweet mark in front or a link at the end.
fn repeated(post: &Post, dice: &mut impl Rng) -> Post {
    let text = if dice.random_bool(0.7) {
        format!("RT @reader{}: {}", dice.random_range(0..1_000), post.text)
    } else {
        format!("{} https://t.co/{}", post.text, dice.random_range(0..1_000_000))
    };
    Post { text, mentions: post.mentions.clone() }
}

fn name(rank: usize) -> String {
    format!("Name{rank}")
}

fn mention(name: &str, rank: usize) -> Mention {
    let types = ["PER", "ORG", "LOC", "OTHER"];
    let span = Span { start: 0, end: name.len(), byte_start: 0, byte_end: name.len() };
    Mention {
        text: name.to_owned(),
        entity_type: EntityType::new(types[rank % types.len()]),
        span,
        score: 1.0,
    }
}
