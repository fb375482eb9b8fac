//! Observations: what gate and grounder say of every pair of a labelled entity and a picture.

use std::fmt;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tracing::warn;

use crate::cli::eval::as_mention;
use crate::cli::{Failure, progress};
use crate::domain::Post;
use crate::input::decode::Decoder;
use crate::lab::dataset::{Example, GoldPost, GoldRegion};
use crate::lab::eval::Threshold;
use crate::stages::pipeline::{AnnotateError, Pipeline};

/// An entity and a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    /// The gate's probability that the picture shows the entity.
    pub(super) probability: f32,
    /// Whether it does.
    pub(super) shown: bool,
    /// The score of the grounder's box, and whether the box is right; none if the grounder was not asked.
    pub(super) located: Option<(f32, bool)>,
}

/// The pairs of all posts.
#[derive(Debug, Default)]
pub(super) struct Observations {
    pub(super) posts: usize,
    /// Posts that were refused or could not be annotated: none of their pairs is counted.
    pub(super) missing: usize,
    pub(super) pairs: Vec<Pair>,
}

/// Asks the networks.
pub(super) struct Observer {
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) decoder: Decoder,
    /// Whether the grounder is asked.
    pub(super) boxes: bool,
}

impl Observer {
    pub(super) async fn all(&self, examples: Vec<Example>, at_once: usize) -> Result<Observations, Failure> {
        let bar = progress::bar(examples.len() as u64, "{wide_bar} {pos}/{len} posts, {eta} left");
        let mut all = stream::iter(examples)
            .map(|example| async {
                let id = example.gold.id.clone();
                (id, self.one(example).await)
            })
            .buffered(at_once.max(1));
        let mut observed = Observations::default();
        while let Some((post, pairs)) = all.next().await {
            observed.posts += 1;
            match pairs? {
                Ok(pairs) => observed.pairs.extend(pairs),
                Err(fault) => {
                    warn!(post, fault, "not counted");
                    observed.missing += 1;
                }
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(observed)
    }

    /// The pairs of one post, or why it has none; a lost device is an error.
    async fn one(&self, Example { record, gold, .. }: Example) -> Result<Result<Vec<Pair>, String>, Failure> {
        let post = match self.decoder.decode(record.into()).await {
            Ok(post) => post,
            Err(rejection) => return Ok(Err(rejection.to_string())),
        };
        match self.pairs(&post, &gold).await {
            Err(AnnotateError::Network(error)) if error.retry_can_help() => Err(error.into()),
            pairs => Ok(pairs.map_err(|error| error.to_string())),
        }
    }

    async fn pairs(&self, post: &Post, gold: &GoldPost) -> Result<Vec<Pair>, AnnotateError> {
        let (context, _) = self.pipeline.context(post).await;
        let flow = self.pipeline.flows.begin();
        let (mut pairs, text) = (Vec::new(), &gold.text);
        for (mention, named) in gold.mentions.iter().filter_map(|gold| Some((gold, as_mention(gold, text)?)))
        {
            let names = self.pipeline.names.get();
            let phrase = names.expander.phrase(&named, None, &context).await?.phrase;
            for media in &post.media {
                let caption = self.pipeline.caption(post, media).await;
                let picture = (media, caption.as_str());
                let shown = || mention.regions.iter().filter(|region| region.media_key == media.key);
                // Only a vision model may give no answer, and none is asked.
                let Some(verdict) = self.pipeline.verdict(flow, &phrase, picture).await? else { continue };
                let mut located = None;
                if self.boxes {
                    located = self.pipeline.locate(flow, &phrase, picture).await?.map(|found| {
                        let hits = |region: &GoldRegion| found.bbox.iou(&region.bbox);
                        let right = shown().any(|region| Threshold::default().accepts(hits(region)));
                        (found.likelihood, right)
                    });
                }
                let probability = verdict.probability;
                pairs.push(Pair { probability, shown: shown().next().is_some(), located });
            }
        }
        Ok(pairs)
    }
}

impl fmt::Display for Observations {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { posts, missing, pairs } = self;
        let shown = pairs.iter().filter(|pair| pair.shown).count();
        write!(
            formatter,
            "{posts} posts, {missing} of them without an answer; {} pairs of entity and picture, {shown} of them shown",
            pairs.len()
        )
    }
}
