//! The life of one post: its mentions, what each is in words, which pictures show it, where, which pixels.
//!
//! Everything that can be asked side by side is asked side by side; the scheduler makes batches of it. Only the masks
//! wait for all boxes of a picture, so that it is encoded once for them.

use futures_util::future::try_join_all;

use crate::domain::{Annotation, BBox, GateVerdict, Mask, Media, Mention, Phrase, Post, Region, Triple};
use crate::entail::Entailer;
use crate::expand::Expander;
use crate::ground::{Grounder, Located};
use crate::imaging::{View, on_worker};
use crate::recognise::Recogniser;
use crate::scheduler::CallError;
use crate::segment::Segmenter;

mod pictures;
#[cfg(test)]
mod tests;

pub use pictures::Pictures;

/// The stages, joined.
pub struct Pipeline {
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
    /// The first call that got no reply, with its stage.
    pub async fn annotate(&self, post: &Post) -> Result<Annotation, CallError> {
        let mentions = self.recogniser.mentions(&post.text).await?;
        let mut finds = try_join_all(mentions.into_iter().map(|mention| self.find(mention, post))).await?;
        let regions = post.media.iter().enumerate().map(|(index, media)| self.regions(index, media, &finds));
        for (find, region) in try_join_all(regions).await?.into_iter().flatten() {
            finds[find].triple.regions.push(region);
        }
        Ok(Annotation { triples: finds.into_iter().map(|find| find.triple).collect(), degraded: Vec::new() })
    }

    /// Whether a picture shows what a phrase says, in the entailer's eyes.
    ///
    /// # Errors
    /// [`CallError`] of the entailer's network.
    pub async fn verdict(&self, phrase: &Phrase, media: &Media) -> Result<GateVerdict, CallError> {
        let picture = self.pictures.seen(&media.frame, self.views.entail).await;
        let (depicted, probability) = self.entailer.depicts(&picture, phrase).await?;
        Ok(GateVerdict { media_key: media.key.clone(), depicted, probability })
    }

    /// Where a picture shows what a phrase says.
    ///
    /// # Errors
    /// [`CallError`] of the grounder's network.
    pub async fn locate(&self, phrase: &Phrase, media: &Media) -> Result<Located, CallError> {
        let picture = self.pictures.seen(&media.frame, self.views.ground).await;
        self.grounder.locate(&picture, phrase).await
    }

    /// The pixels of what was found in a picture, each with how sure who drew it is: the segmenter, or without one the
    /// grounder.
    async fn masks(&self, media: &Media, found: &[Located]) -> Result<Vec<(Mask, f32)>, CallError> {
        let Some(segmenter) = &self.segmenter else {
            let (width, height) = (media.frame.width, media.frame.height);
            let found = found.to_vec();
            let drawn = on_worker(move || {
                found.iter().map(|one| (one.mask(width, height), one.likelihood)).collect()
            });
            return Ok(drawn.await);
        };
        let boxes: Vec<BBox> = found.iter().map(|one| one.bbox).collect();
        segmenter.masks(&media.frame, &boxes).await
    }

    /// Tries a mention on each picture of its post.
    async fn find(&self, mention: Mention, post: &Post) -> Result<Find, CallError> {
        let phrase = self.expander.phrase(&mention).await;
        let sights = try_join_all(post.media.iter().map(|media| self.look(&phrase, media))).await?;
        let (verdicts, located) = sights.into_iter().unzip();
        Ok(Find { triple: Triple { mention, phrase, verdicts, regions: Vec::new() }, located })
    }

    /// Whether a picture shows what a phrase says, and if so, where.
    async fn look(
        &self,
        phrase: &Phrase,
        media: &Media,
    ) -> Result<(GateVerdict, Option<Located>), CallError> {
        let verdict = match self.gate {
            Gate::Entailer => self.verdict(phrase, media).await?,
            Gate::Open => GateVerdict { media_key: media.key.clone(), depicted: true, probability: 1.0 },
        };
        if !verdict.depicted {
            return Ok((verdict, None));
        }
        let located = self.locate(phrase, media).await?;
        Ok((verdict, Some(located)))
    }

    /// The regions in one picture, each with the number of its mention.
    async fn regions(
        &self,
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
        let masks = self.masks(media, &located).await?;
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
