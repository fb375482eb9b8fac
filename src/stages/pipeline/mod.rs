//! Pipeline: one post from its text to the masks of its entities.
//!
//! Read [`Pipeline::annotate`] first. Where the settings say so, language models are asked before the networks: captions,
//! knowledge for the tagger, links and expansions of entities. Calls that do not depend on each other run concurrently, so that the
//! scheduler can batch them. The pictures wait for all phrases, so that equal queries run once and a post with too many
//! is cut in reading order ([`picture_queries`]); masks wait for all boxes of a picture, so that it is encoded once
//! ([`box_groups`]).

use futures_util::FutureExt;
use futures_util::future::{try_join, try_join_all};

use crate::common::Reloadable;
use crate::common::imaging::Workers;
use crate::domain::{
    Annotation, ContentHash, Degradation, DegradedCode, GateVerdict, Media, Mention, Phrase, Post, Triple,
};
use crate::llm::cached::normalised_text;
use crate::scheduler::{Flow, Flows};
use crate::stages::caption::{Captioners, Length};
use crate::stages::expand::Context;
use crate::stages::ground::Located;
use crate::stages::knowledge::{GeneratedKnowledge, KnowledgeGenerator, ReplayedKnowledge};
use crate::stages::lexicon::Candidate;
use crate::stages::link::LinkContext;
use crate::stages::recognise::Recogniser;
use crate::stages::segment::Segmenter;
use crate::stages::vision::PostReader;
use crate::telemetry::traces::{PostTrace, StageSpan};

mod box_groups;
mod captions;
mod end_to_end;
mod error;
mod joint_reading;
mod limits;
mod looks;
mod masks;
mod names;
mod picture_queries;
mod pictures;
#[cfg(test)]
mod tests;

pub use error::{AnnotateError, NoLook};
pub use joint_reading::JointReading;
pub use limits::Limits;
pub use looks::{AnsweredBy, Gate, Looks};
pub use names::Names;
pub use pictures::Pictures;

use captions::{PictureCaptions, caption};
use end_to_end::PostAnswer;
use looks::{LookSpans, unanswered};
use masks::MaskMaker;
use picture_queries::PictureQueries;

/// All stages.
pub struct Pipeline {
    /// Captions of pictures.
    pub captioners: Captioners,
    /// Knowledge for the tagger; none: the tagger reads the text alone.
    pub knowledge: Option<KnowledgeGenerator>,
    /// Knowledge that a file has already; it goes first.
    pub replayed: Option<ReplayedKnowledge>,
    /// Finds the entities in the text.
    pub entities: EntitiesBy,
    /// Says which real entity a name means, and makes a phrase of it.
    pub names: Reloadable<Names>,
    /// Decides whether a picture shows a phrase, and finds its box.
    pub looks: Looks,
    /// Finds the mask in a box; none: the grounder's outlines are the masks.
    pub segmenter: Option<Segmenter>,
    /// The least score of a mask of the segmenter that is published.
    pub min_mask_score: f32,
    /// Resized pictures, shared by the entailer and the grounder.
    pub pictures: Pictures,
    /// Limits of one post.
    pub limits: Limits,
    /// A flow for each post: a request of one post waits for a few requests of each other post, not for all of them.
    pub flows: Flows,
    /// Threads for work on pictures and masks.
    pub workers: Workers,
}

/// Who finds the entities.
pub enum EntitiesBy {
    /// The bundle's tagger.
    Tagger(Recogniser),
    /// A vision model, which finds them in the pictures too: all other stages before the segmenter are left out.
    Endpoint(PostReader),
    /// A joint network of the bundle, which does the same, and is told what there is of knowledge.
    Joint(JointReading),
}

impl Pipeline {
    /// Annotates one post.
    ///
    /// # Errors
    /// The first call that failed, or a language model without an answer where the settings demand one.
    pub async fn annotate(&self, post: &Post) -> Result<Annotation, AnnotateError> {
        self.annotate_traced(post, &PostTrace::default()).await
    }

    /// As [`Self::annotate`], with a span for each stage.
    ///
    /// # Errors
    /// As [`Self::annotate`].
    pub async fn annotate_traced(&self, post: &Post, trace: &PostTrace) -> Result<Annotation, AnnotateError> {
        let flow = self.flows.begin();
        let segmenting = trace.stage("segment");
        let segmented = flow.of_span(segmenting.context());
        let recogniser = match &self.entities {
            EntitiesBy::Tagger(recogniser) => recogniser,
            // In boxes: the posts that a tagger reads need not carry the space of the other readers.
            EntitiesBy::Endpoint(reader) => {
                let read = self.read_by_model(reader, post, trace);
                let reading = Box::pin(read).await?;
                return Box::pin(self.annotation_of(reading, post, (segmented, &segmenting))).await;
            }
            EntitiesBy::Joint(joint) => {
                let read = self.read_by_network(joint, flow, (post, trace));
                let reading = Box::pin(read).await?;
                return Box::pin(self.annotation_of(reading, post, (segmented, &segmenting))).await;
            }
        };
        let mut degraded = Vec::new();
        let knowledge = self.told(flow, post, (&mut degraded, trace)).await?;
        let recognising = trace.stage("recognise");
        let of_span = flow.of_span(recognising.context());
        let mentions = recogniser.mentions(of_span, post.plain_text(), &knowledge);
        let mut mentions = recognising.during(mentions).await?;
        drop(recognising);
        let dropped = mentions.len().saturating_sub(self.limits.entities);
        self.limits.keep_first(&mut mentions);
        degraded.extend(self.limits.dropped_entities(dropped));
        let phrases = self.phrases(post, &mentions, (&mut degraded, trace));
        let captions = self.captions(post, &mentions, trace).map(Ok);
        let ((phrases, linked), captions) = try_join(phrases, captions).await?;
        let fault = captions.fault.map(|fault| DegradedCode::NotCaptioned.because(fault));
        degraded.extend(fault.filter(|fault| !degraded.contains(fault)));
        let captions = captions.texts;

        let queries = self.picture_queries(&phrases, post, &captions);
        degraded.extend(self.limits.dropped_queries(queries.dropped));
        let looking = LookSpans { entail: trace.stage("entail"), ground: trace.stage("ground") };
        let calls = queries.distinct.iter().map(|&(mention, media)| {
            let picture = (&post.media[media], captions[media].as_str());
            self.looks.query((flow, &looking), &phrases[mention], (picture, &self.pictures))
        });
        let results = try_join_all(calls).await?;
        drop(looking);
        degraded.extend(unanswered(results.iter()));
        let places: Vec<Option<(usize, &Located)>> = queries
            .distinct
            .iter()
            .zip(&results)
            .map(|(&(_, media), result)| Some((media, result.located.as_ref()?)))
            .collect();
        let masks = self.mask_maker();
        let masks = segmenting.during(masks.masks(segmented, post, &places)).await?;
        degraded.extend(self.limits.dropped_masks(masks.beyond_limit));
        degraded.extend(masks.notes);
        let masks = masks.of_queries;

        let named = mentions.into_iter().zip(linked).zip(phrases).enumerate();
        let triples = named.map(|(number, ((mention, linked), phrase))| {
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
                Some(mask.region(media_key, located))
            };
            let mention = post.in_received_text(mention);
            let iri = linked.and_then(|entity| entity.iri);
            Triple { mention, iri, phrase, verdicts, regions: own().filter_map(region).collect() }
        });
        Ok(Annotation { triples: triples.collect(), degraded })
    }

    /// What the questions about a post's entities say of the post, and what failed. Pictures are captioned only where a
    /// question uses the captions.
    pub async fn context(&self, post: &Post) -> (Context, Option<String>) {
        self.context_of(&self.names.get(), post).await
    }

    async fn context_of(&self, names: &Names, post: &Post) -> (Context, Option<String>) {
        if !names.expander.uses_post_context() {
            return (Context { post: post.id.clone(), ..Context::default() }, None);
        }
        let captions = self.captioners.captions(post, Length::Detailed).await;
        let fault = captions.fault.map(|fault| format!("a picture was not described: {fault}"));
        let (post, text) = (post.id.clone(), normalised_text(post.plain_text()));
        (Context { post, text, background: captions.text }, fault)
    }

    /// The caption of a picture for the prompts of the gate and the grounder; empty where it has none, or where neither
    /// prompt has a place for one.
    pub async fn caption(&self, post: &Post, media: &Media) -> String {
        let is_read = self.looks.read_captions();
        if is_read { caption(&self.captioners, (&post.id, media)).await.0 } else { String::new() }
    }

    /// As [`Self::caption`], for all pictures. Sources are asked only if a network will be.
    async fn captions(&self, post: &Post, mentions: &[Mention], trace: &PostTrace) -> PictureCaptions {
        if mentions.is_empty() || !self.looks.read_captions() {
            return PictureCaptions::none(post);
        }
        trace.stage("caption").during(PictureCaptions::of(&self.captioners, post)).await
    }

    /// What a vision model says of a post.
    async fn read_by_model(
        &self,
        reader: &PostReader,
        post: &Post,
        trace: &PostTrace,
    ) -> Result<PostAnswer, AnnotateError> {
        trace.stage("read").during(end_to_end::by_model(reader, self.looks.degrade, post)).await
    }

    /// What a joint network says of a post, beside what there is of knowledge.
    async fn read_by_network(
        &self,
        joint: &JointReading,
        flow: Flow,
        (post, trace): (&Post, &PostTrace),
    ) -> Result<PostAnswer, AnnotateError> {
        let mut degraded = Vec::new();
        let knowledge = self.told(flow, post, (&mut degraded, trace));
        let pictures = joint.pictures(flow, (post, trace), &self.pictures);
        let (knowledge, pictures) = try_join(knowledge, pictures).await?;
        let reading = trace.stage("read");
        let flow = flow.of_span(reading.context());
        let mut read = reading.during(joint.read(flow, (post, &knowledge), pictures)).await?;
        read.degraded.extend(degraded);
        Ok(read)
    }

    /// The annotation of what a reader of whole posts says.
    async fn annotation_of(
        &self,
        reading: PostAnswer,
        post: &Post,
        (segmented, segmenting): (Flow, &StageSpan),
    ) -> Result<Annotation, AnnotateError> {
        let makers = (self.limits, self.mask_maker());
        let names = self.names.get();
        segmenting.during(end_to_end::annotate(segmented, post, (reading, &names.linker), makers)).await
    }

    /// What the tagger is told beside the text, with the note on what is missing of it.
    async fn told(
        &self,
        flow: Flow,
        post: &Post,
        (degraded, trace): (&mut Vec<Degradation>, &PostTrace),
    ) -> Result<String, AnnotateError> {
        let knowing = trace.stage("know");
        let knowledge = self.knowledge(flow.of_span(knowing.context()), post, degraded);
        let knowledge = knowing.during(knowledge).await?;
        degraded.extend(knowledge.fault.map(|fault| DegradedCode::NoKnowledge.because(fault)));
        Ok(knowledge.text)
    }

    /// Knowledge for the tagger.
    async fn knowledge(
        &self,
        flow: Flow,
        post: &Post,
        degraded: &mut Vec<Degradation>,
    ) -> Result<GeneratedKnowledge, AnnotateError> {
        let text = normalised_text(post.plain_text());
        if text.is_empty() {
            return Ok(GeneratedKnowledge::default());
        }
        if let Some(known) = self.replayed.as_ref().and_then(|replayed| replayed.about(&text)) {
            return Ok(GeneratedKnowledge { text: known.to_owned(), fault: None });
        }
        let Some(generator) = &self.knowledge else {
            let fault = "the file of knowledge has no answer about this text, and no model is asked";
            let fault = self.replayed.as_ref().map(|_| fault.to_owned());
            return Ok(GeneratedKnowledge { text: String::new(), fault });
        };
        let caption = self.captioners.captions(post, Length::Short).await;
        let fault = caption.fault.map(|fault| format!("a picture has no caption: {fault}"));
        degraded.extend(fault.map(|fault| DegradedCode::NotCaptioned.because(fault)));
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

    /// The phrase of each mention and the entity that it is linked to, in order.
    async fn phrases(
        &self,
        post: &Post,
        mentions: &[Mention],
        (degraded, trace): (&mut Vec<Degradation>, &PostTrace),
    ) -> Result<(Vec<Phrase>, Vec<Option<Candidate>>), AnnotateError> {
        let (linking, expanding) = (trace.stage("link"), trace.stage("expand"));
        let names = self.names.get();
        let mut context = Context::default();
        if !mentions.is_empty() {
            let (found, fault) = self.context_of(&names, post).await;
            context = found;
            degraded.extend(fault.map(|fault| DegradedCode::NotCaptioned.because(fault)));
        }
        // The lexicon's expansion of a name follows its link, so a phrase waits for the link of its own name alone.
        let text = normalised_text(post.plain_text());
        let about_post = LinkContext { text: &text, background: context.background.as_deref() };
        let phrases = mentions.iter().map(async |mention| {
            let linked = linking.during(names.linker.link(mention, about_post)).await?;
            let expanded = names.expander.phrase(mention, linked.candidate.as_ref(), &context);
            let expanded = expanding.during(expanded).await?;
            Ok::<_, AnnotateError>((linked, expanded))
        });
        let (mut phrases_in_order, mut entities) =
            (Vec::with_capacity(mentions.len()), Vec::with_capacity(mentions.len()));
        for (linked, expanded) in try_join_all(phrases).await? {
            phrases_in_order.push(expanded.phrase);
            entities.push(linked.candidate);
            degraded.extend(linked.fault.map(|fault| DegradedCode::NotLinked.because(fault)));
            degraded.extend(expanded.fault.map(|fault| DegradedCode::NotExpanded.because(fault)));
        }
        Ok((phrases_in_order, entities))
    }

    /// Asks the gate whether a picture with a caption, which may be empty, shows a phrase; none where a vision model gave no
    /// answer and the settings allow that, and where a joint network answers about whole posts alone.
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
        Ok(verdict.ok().flatten().map(|(depicted, probability)| GateVerdict {
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

    fn mask_maker(&self) -> MaskMaker<'_> {
        MaskMaker {
            segmenter: self.segmenter.as_ref(),
            workers: &self.workers,
            max_pixels: self.limits.mask_pixels,
            min_score: self.min_mask_score,
        }
    }
}
