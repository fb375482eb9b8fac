//! Pipeline: one post from its text to the masks of its entities.
//!
//! Read [`Pipeline::annotate`] first. Where the settings say so, language models are asked before the networks: captions,
//! knowledge for the tagger, expansions of entities. Calls that do not depend on each other run concurrently, so that the
//! scheduler can batch them. The pictures wait for all phrases, so that equal queries run once and a post with too many
//! is cut in reading order ([`picture_queries`]); masks wait for all boxes of a picture, so that it is encoded once
//! ([`box_groups`]).

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{try_join, try_join_all};

use crate::common::imaging::Workers;
use crate::domain::{
    Annotation, ContentHash, GateVerdict, Mask, Media, Mention, Phrase, Post, Region, Triple,
};
use crate::llm::cached::normalised_text;
use crate::scheduler::{CallError, Flow, Flows};
use crate::stages::caption::{Captioners, Length};
use crate::stages::expand::{Context, Expander};
use crate::stages::ground::Located;
use crate::stages::knowledge::{GeneratedKnowledge, KnowledgeGenerator};
use crate::stages::recognise::Recogniser;
use crate::stages::segment::Segmenter;

mod box_groups;
mod captions;
mod error;
mod limits;
mod looks;
mod picture_queries;
mod pictures;
#[cfg(test)]
mod tests;

pub use error::{AnnotateError, NoLook};
pub use limits::Limits;
pub use looks::{AnsweredBy, Gate, Looks};
pub use pictures::Pictures;

use box_groups::BoxGroups;
use captions::{PictureCaptions, caption};
use looks::{QueryResult, unanswered};
use picture_queries::PictureQueries;

/// All stages.
pub struct Pipeline {
    /// Captions of pictures.
    pub captioners: Captioners,
    /// Knowledge for the tagger; none: the tagger reads the text alone.
    pub knowledge: Option<KnowledgeGenerator>,
    /// Finds the entities in the text.
    pub recogniser: Recogniser,
    /// Makes a phrase of an entity.
    pub expander: Expander,
    /// Decides whether a picture shows a phrase, and finds its box.
    pub looks: Looks,
    /// Finds the mask in a box; none: the grounder's outlines are the masks.
    pub segmenter: Option<Segmenter>,
    /// Resized pictures, shared by the entailer and the grounder.
    pub pictures: Pictures,
    /// Limits of one post.
    pub limits: Limits,
    /// A flow for each post: a request of one post waits for a few requests of each other post, not for all of them.
    pub flows: Flows,
    /// Threads for work on pictures and masks.
    pub workers: Workers,
}

impl Pipeline {
    /// Annotates one post.
    ///
    /// # Errors
    /// The first call that failed, or a language model without an answer where the settings demand one.
    pub async fn annotate(&self, post: &Post) -> Result<Annotation, AnnotateError> {
        let flow = self.flows.begin();
        let mut degraded = Vec::new();
        let knowledge = self.knowledge(flow, post, &mut degraded).await?;
        let mut mentions = self.recogniser.mentions(flow, post.plain_text(), &knowledge.text).await?;
        degraded.extend(knowledge.fault);
        let dropped = mentions.len().saturating_sub(self.limits.entities);
        mentions.truncate(self.limits.entities);
        degraded.extend(self.limits.dropped_entities(dropped));
        let phrases = self.phrases(post, &mentions, &mut degraded);
        let captions = self.captions(post, &mentions).map(Ok);
        let (phrases, captions) = try_join(phrases, captions).await?;
        degraded.extend(captions.fault.filter(|fault| !degraded.contains(fault)));
        let captions = captions.texts;

        let queries = self.picture_queries(&phrases, post, &captions);
        degraded.extend(self.limits.dropped_queries(queries.dropped));
        let calls = queries.distinct.iter().map(|&(mention, media)| {
            let picture = (&post.media[media], captions[media].as_str());
            self.looks.query(flow, &phrases[mention], (picture, &self.pictures))
        });
        let results = try_join_all(calls).await?;
        degraded.extend(unanswered(results.iter()));
        let (masks, dropped) = self.masks(flow, post, &queries, &results).await?;
        degraded.extend(self.limits.dropped_masks(dropped));

        let pairs = mentions.into_iter().zip(phrases).enumerate();
        let triples = pairs.map(|(number, (mention, phrase))| {
            let own =
                || queries.of_mention(number).map(|(media, query)| (post.media[media].key.clone(), query));
            let verdict = |(media_key, query): (String, usize)| {
                let (depicted, probability) = results[query].verdict?;
                let dropped_box_score = results[query].dropped_box_score;
                Some(GateVerdict { media_key, depicted, probability, dropped_box_score })
            };
            let verdicts = own().filter_map(verdict).collect();
            let region = |(media_key, query): (String, usize)| {
                let (located, mask) = (results[query].located.as_ref()?, masks[query].as_ref()?);
                Some(region(media_key, located, mask))
            };
            let mention = post.in_received_text(mention);
            Triple { mention, phrase, verdicts, regions: own().filter_map(region).collect() }
        });
        Ok(Annotation { triples: triples.collect(), degraded })
    }

    /// What the questions about a post's entities say of the post, and what failed. Pictures are captioned only where a
    /// question uses the captions.
    pub async fn context(&self, post: &Post) -> (Context, Option<String>) {
        if !self.expander.uses_post_context() {
            return (Context::default(), None);
        }
        let captions = self.captioners.captions(post, Length::Detailed).await;
        let fault = captions.fault.map(|fault| format!("a picture was not described: {fault}"));
        (Context { text: normalised_text(post.plain_text()), background: captions.text }, fault)
    }

    /// The caption of a picture for the prompts of the gate and the grounder; empty where it has none, or where neither
    /// prompt has a place for one.
    pub async fn caption(&self, media: &Media) -> String {
        if self.looks.read_captions() { caption(&self.captioners, media).await.0 } else { String::new() }
    }

    /// As [`Self::caption`], for all pictures. Sources are asked only if a network will be.
    async fn captions(&self, post: &Post, mentions: &[Mention]) -> PictureCaptions {
        if mentions.is_empty() || !self.looks.read_captions() {
            return PictureCaptions::none(post);
        }
        PictureCaptions::of(&self.captioners, post).await
    }

    /// Knowledge for the tagger.
    async fn knowledge(
        &self,
        flow: Flow,
        post: &Post,
        degraded: &mut Vec<String>,
    ) -> Result<GeneratedKnowledge, AnnotateError> {
        let text = normalised_text(post.plain_text());
        let Some(generator) = self.knowledge.as_ref().filter(|_| !text.is_empty()) else {
            return Ok(GeneratedKnowledge::default());
        };
        let caption = self.captioners.captions(post, Length::Short).await;
        degraded.extend(caption.fault.map(|fault| format!("a picture has no caption: {fault}")));
        let similar = match &generator.retriever {
            None => None,
            Some(retriever) => {
                let picture = match post.media.first() {
                    Some(media) => Some(self.pictures.resized(&media.frame, retriever.view()).await),
                    None => None,
                };
                retriever.nearest(flow, (&post.id, &text), picture, generator.shown).await?
            }
        };
        Ok(generator.generate(&text, caption.text.as_deref(), similar.as_deref()).await?)
    }

    /// The phrase of each mention, in order.
    async fn phrases(
        &self,
        post: &Post,
        mentions: &[Mention],
        degraded: &mut Vec<String>,
    ) -> Result<Vec<Phrase>, AnnotateError> {
        let mut context = Context::default();
        if !mentions.is_empty() {
            let (found, fault) = self.context(post).await;
            context = found;
            degraded.extend(fault);
        }
        let expansions = mentions.iter().map(|mention| self.expander.phrase(mention, &context));
        let mut phrases = Vec::with_capacity(mentions.len());
        for expanded in try_join_all(expansions).await? {
            phrases.push(expanded.phrase);
            degraded.extend(expanded.fault);
        }
        Ok(phrases)
    }

    /// Asks the gate whether a picture with a caption, which may be empty, shows a phrase; none where a vision model gave no answer and the settings allow that.
    ///
    /// # Errors
    /// The network failed, or a vision model gave no answer where the settings demand one.
    pub async fn verdict(
        &self,
        flow: Flow,
        phrase: &Phrase,
        picture: (&Media, &str),
    ) -> Result<Option<GateVerdict>, AnnotateError> {
        let verdict = self.looks.verdict(flow, phrase, (picture, &self.pictures)).await?;
        Ok(verdict.ok().map(|(depicted, probability)| GateVerdict {
            media_key: picture.0.key.clone(),
            depicted,
            probability,
            dropped_box_score: None,
        }))
    }

    /// Asks the grounder where a picture shows a phrase; none where a vision model finds it nowhere, or as with
    /// [`Self::verdict`].
    ///
    /// # Errors
    /// As [`Self::verdict`].
    pub async fn locate(
        &self,
        flow: Flow,
        phrase: &Phrase,
        picture: (&Media, &str),
    ) -> Result<Option<Located>, AnnotateError> {
        let located = self.looks.locate(flow, phrase, (picture, &self.pictures)).await?;
        Ok(located.ok().flatten())
    }

    fn picture_queries(&self, phrases: &[Phrase], post: &Post, captions: &[String]) -> PictureQueries {
        let phrases: Vec<&str> = phrases.iter().map(|phrase| phrase.text.as_str()).collect();
        let pictures = post.media.iter().zip(captions);
        let pictures: Vec<(ContentHash, &str)> =
            pictures.map(|(media, caption)| (media.frame.hash, caption.as_str())).collect();
        PictureQueries::new(&phrases, &pictures, self.limits.looks)
    }

    /// The mask of each query that was located, and the number of masks beyond the limit of pixels. Those are the
    /// grounder's outlines.
    async fn masks(
        &self,
        flow: Flow,
        post: &Post,
        queries: &PictureQueries,
        results: &[QueryResult],
    ) -> Result<(Vec<Option<ScoredMask>>, usize), CallError> {
        let found: Vec<(usize, &Media, &Located)> = (0..)
            .zip(&queries.distinct)
            .zip(results)
            .filter_map(|((query, &(_, media)), result)| {
                Some((query, &post.media[media], result.located.as_ref()?))
            })
            .collect();
        let mut masks: Vec<Option<ScoredMask>> = results.iter().map(|_| None).collect();
        let Some(segmenter) = &self.segmenter else {
            for &(query, media, located) in &found {
                masks[query] = Some(outline_mask(&self.workers, media, located).await);
            }
            return Ok((masks, 0));
        };
        let bbox = |&(query, media, located): &(usize, &Media, &Located)| {
            let pixels = u64::from(media.frame.width) * u64::from(media.frame.height);
            (queries.distinct[query].1, pixels, located.bbox)
        };
        let groups = BoxGroups::new(found.iter().map(bbox), self.limits.mask_pixels);
        let calls = groups.pictures.iter().map(|(media, boxes)| {
            let frame = &post.media[*media].frame;
            segmenter.masks(flow, frame, boxes)
        });
        let segmented = try_join_all(calls).await?;
        let segmented: Vec<Vec<ScoredMask>> =
            segmented.into_iter().map(|masks| masks.into_iter().map(ScoredMask::from).collect()).collect();
        for (&(query, media, located), place) in found.iter().zip(&groups.places) {
            masks[query] = Some(match place {
                Some((picture, number)) => segmented[*picture][*number].clone(),
                None => outline_mask(&self.workers, media, located).await,
            });
        }
        Ok((masks, groups.dropped))
    }
}

/// A mask with the confidence of the network that made it: the segmenter, or else the grounder.
#[derive(Clone)]
struct ScoredMask {
    mask: Arc<Mask>,
    score: f32,
}

impl From<(Mask, f32)> for ScoredMask {
    fn from((mask, score): (Mask, f32)) -> Self {
        Self { mask: Arc::new(mask), score }
    }
}

/// The pixels within the grounder's outline.
async fn outline_mask(workers: &Workers, media: &Media, located: &Located) -> ScoredMask {
    let (width, height) = (media.frame.width, media.frame.height);
    let located = located.clone();
    workers.run(move || ScoredMask::from((located.mask(width, height), located.likelihood))).await
}

fn region(media_key: String, located: &Located, mask: &ScoredMask) -> Region {
    Region {
        media_key,
        bbox: located.bbox,
        box_score: located.likelihood,
        mask: Arc::clone(&mask.mask),
        mask_score: mask.score,
    }
}
