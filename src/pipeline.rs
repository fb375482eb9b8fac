//! The life of one post: its mentions, what each is in words, which pictures show it, where, which pixels.
//!
//! A language model is asked first where the settings say so: what the pictures show, what the tagger should know, what
//! entities look like. Everything that can be asked side by side is asked side by side; the scheduler makes batches of it. Only the masks
//! wait for all boxes of a picture, so that it is encoded once for them.

use futures_util::future::try_join_all;

use crate::consult::asked_text;
use crate::describe::{Describers, Length};
use crate::domain::{Annotation, BBox, GateVerdict, Mask, Media, Mention, Phrase, Post, Region, Triple};
use crate::entail::Entailer;
use crate::expand::{Context, Expander};
use crate::ground::{Grounder, Located};
use crate::imaging::{View, on_worker};
use crate::knowledge::{Knowledge, Known};
use crate::recognise::Recogniser;
use crate::scheduler::{CallError, Flow, Flows};
use crate::segment::Segmenter;

mod error;
mod pictures;
#[cfg(test)]
mod tests;

pub use error::AnnotateError;
pub use pictures::Pictures;

/// The stages, joined.
pub struct Pipeline {
    /// What do the pictures show, in words?
    pub describers: Describers,
    /// What should the tagger know of a post? Without it, the text alone.
    pub knowledge: Option<Knowledge>,
    /// Which entities does the text name?
    pub recogniser: Recogniser,
    /// What would a picture of it show?
    pub expander: Expander,
    /// Does the picture show it?
    pub entailer: Entailer,
    /// Where?
    pub grounder: Grounder,
    /// Which pixels? Without one, those within the outlines that the grounder draws.
    pub segmenter: Option<Segmenter>,
    /// The pictures as the entailer and the grounder read them.
    pub pictures: Pictures,
    /// How they see pictures.
    pub views: Views,
    /// Whether the entailer is asked at all.
    pub gate: Gate,
    /// Entities of one post that are answered: a text may name thousands, each of which is dear.
    pub most_entities: usize,
    /// Each post is a flow of its own: what one asks of a network waits for a few questions of each other, not for all.
    pub flows: Flows,
}

/// How networks see pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Views {
    /// The entailer.
    pub entail: View,
    /// The grounder.
    pub ground: View,
}

/// What decides whether a picture is searched for an entity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Gate {
    /// The entailer.
    #[default]
    Entailer,
    /// Nothing: every picture is searched for every entity, to see what the gate is worth.
    Open,
}

impl Pipeline {
    /// All that the engine says of one post.
    ///
    /// # Errors
    /// The first call that got no reply, or a language model that said nothing where the settings want it to.
    pub async fn annotate(&self, post: &Post) -> Result<Annotation, AnnotateError> {
        let flow = self.flows.begin();
        let mut degraded = Vec::new();
        let known = self.known(flow, post, &mut degraded).await?;
        let mut mentions = self.recogniser.mentions(flow, &post.text, &known.words).await?;
        degraded.extend(known.fault);
        let left_out = mentions.len().saturating_sub(self.most_entities);
        if left_out > 0 {
            mentions.truncate(self.most_entities);
            degraded
                .push(format!("{left_out} entities after the first {} were left out", self.most_entities));
        }
        let mut context = Context::default();
        if !mentions.is_empty() {
            let (read, fault) = self.context(post).await;
            context = read;
            degraded.extend(fault);
        }
        let found = mentions.into_iter().map(|mention| self.find(flow, mention, post, &context));
        let (mut finds, faults): (Vec<Find>, Vec<Option<String>>) =
            try_join_all(found).await?.into_iter().unzip();
        degraded.extend(faults.into_iter().flatten());
        let regions =
            post.media.iter().enumerate().map(|(index, media)| self.regions(flow, index, media, &finds));
        for (find, region) in try_join_all(regions).await?.into_iter().flatten() {
            finds[find].triple.regions.push(region);
        }
        Ok(Annotation { triples: finds.into_iter().map(|find| find.triple).collect(), degraded })
    }

    /// What questions about a post's entities may hold of it, and what could not be done as configured. Pictures are
    /// described only where any question holds that.
    pub async fn context(&self, post: &Post) -> (Context, Option<String>) {
        if !self.expander.reads_posts() {
            return (Context::default(), None);
        }
        let described = self.describers.describe(post, Length::Detailed).await;
        let fault = described.fault.map(|fault| format!("a picture was not described: {fault}"));
        (Context { text: asked_text(&post.text), background: described.words }, fault)
    }

    /// What the tagger should know.
    async fn known(
        &self,
        flow: Flow,
        post: &Post,
        degraded: &mut Vec<String>,
    ) -> Result<Known, AnnotateError> {
        let text = asked_text(&post.text);
        let Some(knowledge) = self.knowledge.as_ref().filter(|_| !text.is_empty()) else {
            return Ok(Known::default());
        };
        let caption = self.describers.describe(post, Length::Short).await;
        degraded.extend(caption.fault.map(|fault| format!("a picture has no caption: {fault}")));
        let similar = match &knowledge.likeness {
            None => None,
            Some(likeness) => {
                let picture = match post.media.first() {
                    Some(media) => Some(self.pictures.seen(&media.frame, likeness.view()).await),
                    None => None,
                };
                likeness.nearest(flow, (&post.id, &text), picture, knowledge.shown).await?
            }
        };
        Ok(knowledge.of(&text, caption.words.as_deref(), similar.as_deref()).await?)
    }

    /// Whether a picture shows what a phrase says, in the entailer's eyes.
    ///
    /// # Errors
    /// [`CallError`] of the entailer's network.
    pub async fn verdict(
        &self,
        flow: Flow,
        phrase: &Phrase,
        media: &Media,
    ) -> Result<GateVerdict, CallError> {
        let picture = self.pictures.seen(&media.frame, self.views.entail).await;
        let (depicted, probability) = self.entailer.depicts(flow, &picture, phrase).await?;
        Ok(GateVerdict { media_key: media.key.clone(), depicted, probability })
    }

    /// Where a picture shows what a phrase says.
    ///
    /// # Errors
    /// [`CallError`] of the grounder's network.
    pub async fn locate(&self, flow: Flow, phrase: &Phrase, media: &Media) -> Result<Located, CallError> {
        let picture = self.pictures.seen(&media.frame, self.views.ground).await;
        self.grounder.locate(flow, &picture, phrase).await
    }

    /// The pixels of what was found in a picture, each with how sure who drew it is: the segmenter, or without one the
    /// grounder.
    async fn masks(
        &self,
        flow: Flow,
        media: &Media,
        found: &[Located],
    ) -> Result<Vec<(Mask, f32)>, CallError> {
        let Some(segmenter) = &self.segmenter else {
            let (width, height) = (media.frame.width, media.frame.height);
            let found = found.to_vec();
            let drawn = on_worker(move || {
                found.iter().map(|one| (one.mask(width, height), one.likelihood)).collect()
            });
            return Ok(drawn.await);
        };
        let boxes: Vec<BBox> = found.iter().map(|one| one.bbox).collect();
        segmenter.masks(flow, &media.frame, &boxes).await
    }

    /// Tries a mention on each picture of its post; says what of it could not be done as configured.
    async fn find(
        &self,
        flow: Flow,
        mention: Mention,
        post: &Post,
        context: &Context,
    ) -> Result<(Find, Option<String>), AnnotateError> {
        let found = self.expander.phrase(&mention, context).await?;
        let phrase = found.phrase;
        let sights = try_join_all(post.media.iter().map(|media| self.look(flow, &phrase, media))).await?;
        let (verdicts, located) = sights.into_iter().unzip();
        let triple = Triple { mention, phrase, verdicts, regions: Vec::new() };
        Ok((Find { triple, located }, found.fault))
    }

    /// Whether a picture shows what a phrase says, and if so, where.
    async fn look(
        &self,
        flow: Flow,
        phrase: &Phrase,
        media: &Media,
    ) -> Result<(GateVerdict, Option<Located>), CallError> {
        let verdict = match self.gate {
            Gate::Entailer => self.verdict(flow, phrase, media).await?,
            Gate::Open => GateVerdict { media_key: media.key.clone(), depicted: true, probability: 1.0 },
        };
        if !verdict.depicted {
            return Ok((verdict, None));
        }
        let located = self.locate(flow, phrase, media).await?;
        Ok((verdict, Some(located)))
    }

    /// The regions in one picture, each with the number of its mention.
    async fn regions(
        &self,
        flow: Flow,
        index: usize,
        media: &Media,
        finds: &[Find],
    ) -> Result<Vec<(usize, Region)>, CallError> {
        let found = finds
            .iter()
            .enumerate()
            .filter_map(|(number, find)| Some((number, find.located[index].clone()?)));
        let (numbers, located): (Vec<usize>, Vec<Located>) = found.unzip();
        if located.is_empty() {
            return Ok(Vec::new());
        }
        let masks = self.masks(flow, media, &located).await?;
        let regions = located.into_iter().zip(masks).map(|(located, (mask, mask_score))| Region {
            media_key: media.key.clone(),
            bbox: located.bbox,
            box_score: located.likelihood,
            mask,
            mask_score,
        });
        Ok(numbers.into_iter().zip(regions).collect())
    }
}

/// A mention, and where it is in each picture of the post that shows it.
struct Find {
    triple: Triple,
    located: Vec<Option<Located>>,
}
