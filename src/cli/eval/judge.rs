//! Judge: scores the engine on one post, and each network on the gold of that post.

use std::sync::Arc;

use crate::cli::Failure;
use crate::domain::{BBox, Mask, Media, Mention, Post, Span};
use crate::input::decode::Decoder;
use crate::lab::dataset::{Example, GoldMention, GoldPost, GoldRegion, PredictedMention};
use crate::lab::eval::{StageScores, Threshold};
use crate::lab::world::World;
use crate::stages::expand::Context;
use crate::stages::pipeline::{AnnotateError, Pipeline};

/// Runs posts as the engine does, from the record on, and scores them.
pub(super) struct Judge {
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) decoder: Decoder,
    pub(super) threshold: Threshold,
}

/// One post, judged.
pub(super) struct JudgedPost {
    pub(super) gold: GoldPost,
    /// Empty if the post was rejected.
    pub(super) predicted: Vec<PredictedMention>,
    pub(super) stages: StageScores,
    /// Why the post has no annotation.
    pub(super) fault: Option<String>,
}

/// A post of the world as an input record, with its gold.
pub(super) fn example(world: &World, index: u64) -> Example {
    let sample = world.sample(index);
    Example { record: sample.record(), gold: sample.gold(&sample.media_key()), knowledge: None }
}

impl Judge {
    /// A rejected post counts as empty; a lost device is an error.
    pub(super) async fn judge(&self, Example { record, gold, .. }: Example) -> Result<JudgedPost, Failure> {
        let refused = |gold, fault: String| JudgedPost {
            gold,
            predicted: Vec::new(),
            stages: StageScores::default(),
            fault: Some(fault),
        };
        let post = match self.decoder.decode(record.into()).await {
            Ok(post) => post,
            Err(rejection) => return Ok(refused(gold, rejection.to_string())),
        };
        match self.annotated(&post, &gold).await {
            Ok((predicted, stages)) => Ok(JudgedPost { gold, predicted, stages, fault: None }),
            Err(AnnotateError::Network(error)) if error.retry_can_help() => Err(error.into()),
            Err(error) => Ok(refused(gold, error.to_string())),
        }
    }

    async fn annotated(
        &self,
        post: &Post,
        gold: &GoldPost,
    ) -> Result<(Vec<PredictedMention>, StageScores), AnnotateError> {
        let annotation = self.pipeline.annotate(post).await?;
        let mut stages = StageScores::default();
        let (context, _) = self.pipeline.context(post).await;
        // A data set of words alone does not say what networks on pictures should answer.
        for mention in gold.mentions.iter().filter(|_| gold.grounded) {
            let Some(named) = as_mention(mention, &gold.text) else { continue };
            for media in &post.media {
                let shown = mention.regions.iter().filter(|region| region.media_key == media.key);
                let shown: Vec<GoldRegion> = shown.cloned().collect();
                self.score_stages((&named, &context), (post, media), &shown, &mut stages).await?;
            }
        }
        Ok((PredictedMention::from_annotation(&annotation), stages))
    }

    /// Scores each network on a gold mention and a picture with these gold regions.
    async fn score_stages(
        &self,
        (mention, context): (&Mention, &Context),
        (post, media): (&Post, &Media),
        gold: &[GoldRegion],
        scores: &mut StageScores,
    ) -> Result<(), AnnotateError> {
        let phrase = self.pipeline.names.get().expander.phrase(mention, None, context).await?.phrase;
        let flow = self.pipeline.flows.begin();
        let caption = self.pipeline.caption(post, media).await;
        let picture = (media, caption.as_str());
        if let Some(verdict) = self.pipeline.verdict(flow, &phrase, picture).await? {
            scores.add_entailment(verdict.depicted, gold);
        }
        if gold.is_empty() {
            return Ok(());
        }
        if let Some(located) = self.pipeline.locate(flow, &phrase, picture).await? {
            scores.add_grounding(&located.bbox, gold, self.threshold);
        }
        let Some(segmenter) = &self.pipeline.segmenter else { return Ok(()) };
        let (boxes, masks): (Vec<BBox>, Vec<&Mask>) =
            gold.iter().filter_map(|region| Some((region.bbox, region.mask.as_ref()?))).unzip();
        for ((found, _), gold) in segmenter.masks(flow, &media.frame, &boxes).await?.iter().zip(masks) {
            scores.add_segmentation(found, gold);
        }
        Ok(())
    }
}

/// A gold mention in the form of a tagged one; none without a place in the text.
pub(in crate::cli) fn as_mention(gold: &GoldMention, text: &str) -> Option<Mention> {
    let byte = |position: usize| text.char_indices().nth(position).map_or(text.len(), |(byte, _)| byte);
    let (start, end) = gold.span?;
    Some(Mention {
        text: gold.text.clone(),
        entity_type: gold.entity_type.clone(),
        span: Span { start, end, byte_start: byte(start), byte_end: byte(end) },
        score: 1.0,
    })
}
