//! Statistics of a data set: posts, words, mentions by type, and what the pictures show of them.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::mentions::GoldPost;
use super::reading::Example;

/// The figures of one split.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Statistics {
    /// All posts.
    pub posts: u64,
    /// Posts without a mention.
    pub posts_without_mentions: u64,
    /// Posts with a mention that a picture shows.
    pub posts_with_regions: u64,
    /// Words, separated by white space.
    pub words: Spread,
    /// Mentions of entities.
    pub mentions: u64,
    /// Mentions of a post.
    pub mentions_per_post: Spread,
    /// Mentions that a picture shows; none if the data set does not say.
    pub groundable: Option<u64>,
    /// Boxes.
    pub boxes: u64,
    /// Mentions with several boxes.
    pub with_several_boxes: u64,
    /// Masks.
    pub masks: u64,
    /// By the type's name.
    pub types: BTreeMap<String, OfType>,
    /// Posts with knowledge of a language model, and its words.
    pub knowledge: Option<Knowledge>,
}

/// A number per post.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The largest.
    pub most: u64,
}

/// Mentions of one type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct OfType {
    /// Mentions.
    pub mentions: u64,
    /// Mentions that a picture shows.
    pub groundable: u64,
}

/// What a language model wrote.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Knowledge {
    /// Posts that have it.
    pub posts: u64,
    /// Its words in such a post.
    pub words: Spread,
}

impl Spread {
    fn of(numbers: impl Iterator<Item = u64>) -> Self {
        let (count, sum, most) =
            numbers.fold((0_u64, 0_u64, 0), |(count, sum, most), n| (count + 1, sum + n, n.max(most)));
        Self { mean: if count == 0 { 0.0 } else { sum as f64 / count as f64 }, most }
    }
}

impl Statistics {
    /// Counts the posts of a split.
    #[must_use]
    pub fn of(examples: &[Example]) -> Self {
        let posts = || examples.iter().map(|example| &example.gold);
        let mentions = || posts().flat_map(|post| &post.mentions);
        let count = |holds: &dyn Fn(&&GoldPost) -> bool| posts().filter(holds).count() as u64;
        let is_shown = |post: &&GoldPost| post.mentions.iter().any(|mention| !mention.regions.is_empty());
        let mut types: BTreeMap<String, OfType> = BTreeMap::new();
        for mention in mentions() {
            let of_type = types.entry(mention.entity_type.as_str().to_owned()).or_default();
            of_type.mentions += 1;
            of_type.groundable += u64::from(!mention.regions.is_empty());
        }
        let grounded = posts().all(|post| post.grounded);
        let told: Vec<&str> = examples.iter().filter_map(|example| example.knowledge.as_deref()).collect();
        let knowledge =
            Knowledge { posts: told.len() as u64, words: Spread::of(told.iter().map(|told| words(told))) };
        Self {
            posts: examples.len() as u64,
            posts_without_mentions: count(&|post| post.mentions.is_empty()),
            posts_with_regions: count(&is_shown),
            words: Spread::of(posts().map(|post| words(&post.text))),
            mentions: mentions().count() as u64,
            mentions_per_post: Spread::of(posts().map(|post| post.mentions.len() as u64)),
            groundable: grounded
                .then(|| mentions().filter(|mention| !mention.regions.is_empty()).count() as u64),
            boxes: mentions().map(|mention| mention.regions.len() as u64).sum(),
            with_several_boxes: mentions().filter(|mention| mention.regions.len() > 1).count() as u64,
            masks: mentions()
                .flat_map(|mention| &mention.regions)
                .filter(|region| region.mask.is_some())
                .count() as u64,
            types,
            knowledge: (!told.is_empty()).then_some(knowledge),
        }
    }
}

fn words(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

impl fmt::Display for Statistics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { posts, mentions, boxes, masks, .. } = self;
        writeln!(
            formatter,
            "posts       {posts:>7}   {} without a mention; words: mean {:.1}, most {}",
            self.posts_without_mentions, self.words.mean, self.words.most
        )?;
        writeln!(
            formatter,
            "mentions    {mentions:>7}   a post: mean {:.2}, most {}",
            self.mentions_per_post.mean, self.mentions_per_post.most
        )?;
        match self.groundable {
            None => {
                writeln!(formatter, "groundable        -   the data set does not say what pictures show")?
            }
            Some(groundable) => writeln!(
                formatter,
                "groundable  {groundable:>7}   in {} posts; {boxes} boxes, {} mentions have several; {masks} masks",
                self.posts_with_regions, self.with_several_boxes
            )?,
        }
        for (name, OfType { mentions, groundable }) in &self.types {
            writeln!(formatter, "  {name:<8}  {mentions:>7}   {groundable} groundable")?;
        }
        if let Some(Knowledge { posts, words }) = &self.knowledge {
            writeln!(
                formatter,
                "knowledge   {posts:>7}   posts; words: mean {:.1}, most {}",
                words.mean, words.most
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{BBox, EntityType};
    use crate::lab::dataset::{GoldMention, GoldRegion};

    #[test]
    fn posts_mentions_and_regions_are_counted() {
        let bbox = BBox { x0: 0.0, y0: 0.0, x1: 1.0, y1: 1.0 };
        let region = GoldRegion { media_key: "m".into(), bbox, mask: None };
        let mention = |name: &str, boxes: usize| GoldMention {
            text: "Ann".into(),
            entity_type: EntityType::new(name),
            span: Some((0, 3)),
            regions: vec![region.clone(); boxes],
        };
        let example = |mentions, knowledge: Option<&str>| Example {
            record: Vec::new(),
            gold: GoldPost { id: "p".into(), text: "Ann and Bo".into(), mentions, grounded: true },
            knowledge: knowledge.map(str::to_owned),
        };
        let mut examples = vec![
            example(vec![mention("PER", 2), mention("LOC", 0)], Some("Ann sings well")),
            example(vec![], None),
        ];
        let counted = Statistics::of(&examples);
        assert_eq!((counted.posts, counted.posts_without_mentions, counted.posts_with_regions), (2, 1, 1));
        assert_eq!(
            (counted.mentions, counted.groundable, counted.boxes, counted.with_several_boxes),
            (2, Some(1), 2, 1)
        );
        assert_eq!(counted.words, Spread { mean: 3.0, most: 3 });
        assert_eq!(counted.types["PER"], OfType { mentions: 1, groundable: 1 });
        assert_eq!(counted.knowledge.map(|knowledge| knowledge.words.most), Some(3));
        assert!(counted.to_string().contains("groundable        1   in 1 posts; 2 boxes"), "{counted}");
        examples[1].gold.grounded = false;
        assert_eq!(Statistics::of(&examples).groundable, None);
        assert_eq!(Statistics::of(&[]).mentions_per_post.mean, 0.0);
    }
}
