//! The life of one post: its mentions, what each is in words, which pictures show it, where, which pixels.
//!
//! A language model is asked first where the settings say so: what the pictures show, what the tagger should know, what
//! entities look like. Everything that can be asked side by side is asked side by side; the scheduler makes batches of
//! it. Pictures wait for all phrases, so that equal questions are asked once and the first ones where a post has too
//! many; masks wait for all boxes of a picture, so that it is encoded once for them.

use std::sync::Arc;

use futures_util::future::try_join_all;

use crate::common::imaging::{View, on_worker};
use crate::domain::{Annotation, ContentHash, GateVerdict, Mask, Media, Phrase, Post, Region, Triple};
use crate::llm::cached::asked_text;
use crate::scheduler::{CallError, Flow, Flows};
use crate::stages::caption::{Captioners, Length};
use crate::stages::entail::Entailer;
use crate::stages::expand::{Context, Expander};
use crate::stages::ground::{Grounder, Located};
use crate::stages::knowledge::{Knowledge, Known};
use crate::stages::recognise::Recogniser;
use crate::stages::segment::Segmenter;

mod boxes;
mod error;
mod limits;
mod looks;
mod pictures;
#[cfg(test)]
mod tests;

pub use error::AnnotateError;
pub use limits::Limits;
pub use pictures::Pictures;

use boxes::Boxes;
use looks::Looks;

/// The stages, joined.
pub struct Pipeline {
    /// What do the pictures show, in words?
    pub describers: Captioners,
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
    /// What one post may cost.
    pub limits: Limits,
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
        let mut mentions = self.recogniser.mentions(flow, post.read_text(), &known.words).await?;
        degraded.extend(known.fault);
        let left_out = mentions.len().saturating_sub(self.limits.entities);
        mentions.truncate(self.limits.entities);
        degraded.extend(self.limits.fewer_entities(left_out));
        let mut context = Context::default();
        if !mentions.is_empty() {
            let (read, fault) = self.context(post).await;
            context = read;
            degraded.extend(fault);
        }
        let found = mentions.iter().map(|mention| self.expander.phrase(mention, &context));
        let mut phrases = Vec::with_capacity(mentions.len());
        for found in try_join_all(found).await? {
            phrases.push(found.phrase);
            degraded.extend(found.fault);
        }

        let looks = self.looks(&phrases, post);
        degraded.extend(self.limits.fewer_looks(looks.left_out));
        let asked = looks
            .asked
            .iter()
            .map(|&(mention, media)| self.look(flow, &phrases[mention], &post.media[media]));
        let sights = try_join_all(asked).await?;
        let (drawings, left_out) = self.draw(flow, post, &looks, &sights).await?;
        degraded.extend(self.limits.fewer_masks(left_out));

        let told = mentions.into_iter().zip(phrases).enumerate();
        let triples = told.map(|(number, (mention, phrase))| {
            let own = || looks.of_mention(number).map(|(media, look)| (post.media[media].key.clone(), look));
            let verdicts = own().map(|(media_key, look)| sights[look].verdict(media_key)).collect();
            let region = |(media_key, look): (String, usize)| {
                let (located, drawing) = (sights[look].located.as_ref()?, drawings[look].as_ref()?);
                Some(region(media_key, located, drawing))
            };
            let mention = post.as_received(mention);
            Triple { mention, phrase, verdicts, regions: own().filter_map(region).collect() }
        });
        Ok(Annotation { triples: triples.collect(), degraded })
    }

    /// What questions about a post's entities may hold of it, and what could not be done as configured. Pictures are
    /// described only where any question holds that.
    pub async fn context(&self, post: &Post) -> (Context, Option<String>) {
        if !self.expander.reads_posts() {
            return (Context::default(), None);
        }
        let described = self.describers.describe(post, Length::Detailed).await;
        let fault = described.fault.map(|fault| format!("a picture was not described: {fault}"));
        (Context { text: asked_text(post.read_text()), background: described.words }, fault)
    }

    /// What the tagger should know.
    async fn known(
        &self,
        flow: Flow,
        post: &Post,
        degraded: &mut Vec<String>,
    ) -> Result<Known, AnnotateError> {
        let text = asked_text(post.read_text());
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

    /// The distinct questions that a post asks of its pictures, as many as it may.
    fn looks(&self, phrases: &[Phrase], post: &Post) -> Looks {
        let phrases: Vec<&str> = phrases.iter().map(|phrase| phrase.text.as_str()).collect();
        let pictures: Vec<ContentHash> = post.media.iter().map(|media| media.frame.hash).collect();
        Looks::new(&phrases, &pictures, self.limits.looks)
    }

    /// Whether a picture shows what a phrase says, and if so, where.
    async fn look(&self, flow: Flow, phrase: &Phrase, media: &Media) -> Result<Sight, CallError> {
        let (depicted, probability) = match self.gate {
            Gate::Entailer => {
                let verdict = self.verdict(flow, phrase, media).await?;
                (verdict.depicted, verdict.probability)
            }
            Gate::Open => (true, 1.0),
        };
        let located = if depicted { Some(self.locate(flow, phrase, media).await?) } else { None };
        Ok(Sight { depicted, probability, located })
    }

    /// The pixels of each sight that was located, and how many masks the segmenter was not asked for: the grounder's
    /// stand in for them.
    async fn draw(
        &self,
        flow: Flow,
        post: &Post,
        looks: &Looks,
        sights: &[Sight],
    ) -> Result<(Vec<Option<Drawing>>, usize), CallError> {
        let found: Vec<(usize, &Media, &Located)> = (0..)
            .zip(&looks.asked)
            .zip(sights)
            .filter_map(|((look, &(_, media)), sight)| {
                Some((look, &post.media[media], sight.located.as_ref()?))
            })
            .collect();
        let mut drawings: Vec<Option<Drawing>> = sights.iter().map(|_| None).collect();
        let Some(segmenter) = &self.segmenter else {
            for &(look, media, located) in &found {
                drawings[look] = Some(outlined(media, located).await);
            }
            return Ok((drawings, 0));
        };
        let place = |&(look, media, located): &(usize, &Media, &Located)| {
            let pixels = u64::from(media.frame.width) * u64::from(media.frame.height);
            (looks.asked[look].1, pixels, located.bbox)
        };
        let boxes = Boxes::new(found.iter().map(place), self.limits.mask_pixels);
        let asked = boxes.pictures.iter().map(|(media, boxes)| {
            let frame = &post.media[*media].frame;
            segmenter.masks(flow, frame, boxes)
        });
        let drawn = try_join_all(asked).await?;
        let drawn: Vec<Vec<Drawing>> =
            drawn.into_iter().map(|masks| masks.into_iter().map(Drawing::from).collect()).collect();
        for (&(look, media, located), of) in found.iter().zip(&boxes.of) {
            drawings[look] = Some(match of {
                Some((picture, number)) => drawn[*picture][*number].clone(),
                None => outlined(media, located).await,
            });
        }
        Ok((drawings, boxes.left_out))
    }
}

/// What one question about a picture found.
struct Sight {
    depicted: bool,
    probability: f32,
    located: Option<Located>,
}

impl Sight {
    fn verdict(&self, media_key: String) -> GateVerdict {
        GateVerdict { media_key, depicted: self.depicted, probability: self.probability }
    }
}

/// The pixels of one sight, and how sure who drew it is: the segmenter, or else the grounder.
#[derive(Clone)]
struct Drawing {
    mask: Arc<Mask>,
    score: f32,
}

impl From<(Mask, f32)> for Drawing {
    fn from((mask, score): (Mask, f32)) -> Self {
        Self { mask: Arc::new(mask), score }
    }
}

/// The pixels within what the grounder drew in a picture.
async fn outlined(media: &Media, located: &Located) -> Drawing {
    let (width, height) = (media.frame.width, media.frame.height);
    let located = located.clone();
    on_worker(move || Drawing::from((located.mask(width, height), located.likelihood))).await
}

fn region(media_key: String, located: &Located, drawing: &Drawing) -> Region {
    Region {
        media_key,
        bbox: located.bbox,
        box_score: located.likelihood,
        mask: Arc::clone(&drawing.mask),
        mask_score: drawing.score,
    }
}
