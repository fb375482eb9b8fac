//! Statements of an answer: its post, pictures, entities and annotations, and how they came about.

use std::sync::Arc;

use super::super::super::{Annotated, MediaInfo};
use super::super::format::{AnswerTimes, EncoderOptions};
use super::super::time::rfc3339;
use super::Names;
use super::datatype::Datatype;
use super::names::part;
use super::selectors;
use super::statement::{Statement, Statements};
use super::vocabulary as v;
use crate::domain::{RawJson, Region, Triple};

/// What an answer says.
pub(super) struct Said {
    /// The IRI of the post.
    pub(super) post: Arc<str>,
    pub(super) statements: Vec<Statement>,
}

/// IRIs that many statements of an answer name.
struct Subjects<'a> {
    names: &'a Names,
    post: Arc<str>,
    activity: Arc<str>,
    agent: Arc<str>,
    /// When the answer was made.
    generated: String,
}

impl Said {
    /// What the answer says, with the names of the options.
    pub(super) fn of(annotated: &Annotated, times: AnswerTimes, options: &EncoderOptions) -> Self {
        let EncoderOptions { names, provenance, .. } = options;
        let subjects = Subjects {
            names,
            post: names.post(annotated),
            activity: Names::activity(annotated),
            agent: Names::agent(&provenance.engine, &provenance.bundle),
            generated: rfc3339(times.published),
        };
        let mut out = Statements::default();
        subjects.say_post(annotated, &mut out);
        let pictures: Vec<(&str, Arc<str>)> = annotated
            .media
            .iter()
            .map(|picture| (picture.key.as_str(), subjects.say_picture(annotated, picture, &mut out)))
            .collect();
        let entities = subjects.say_entities(annotated, &mut out);
        for (triple, entity) in annotated.annotation.triples.iter().zip(&entities) {
            let annotation = subjects.say_mention(annotated, triple, entity, &mut out);
            for (number, region) in triple.regions.iter().enumerate() {
                if let Some((_, picture)) = pictures.iter().find(|(key, _)| *key == region.media_key) {
                    let about = (&annotation, &part(&annotation, &format!("region-{number}")));
                    subjects.say_region(region, about, (entity, picture), &mut out);
                }
            }
        }
        subjects.say_provenance(annotated, times, &pictures, &mut out);
        out.name(&subjects.agent, &v::TYPE, &v::SOFTWARE);
        out.name(&subjects.agent, &v::TYPE, &v::SOFTWARE_AGENT);
        out.text(&subjects.agent, &v::SOFTWARE_VERSION, &provenance.engine);
        out.text(&subjects.agent, &v::BUNDLE, &provenance.bundle);
        Self { post: subjects.post, statements: out.0 }
    }
}

impl Subjects<'_> {
    fn say_post(&self, annotated: &Annotated, out: &mut Statements) {
        let (post, facts) = (&self.post, &annotated.post);
        out.name(post, &v::TYPE, &v::POST);
        out.text(post, &v::IDENTIFIER, &annotated.post_id);
        if let Some(uri) = &facts.uri {
            out.value(post, &v::URL, (uri.clone(), Datatype::Address));
        }
        if let Some(created) = facts.created_at.as_ref().map(RawJson::plain_text) {
            let is_time = humantime::parse_rfc3339(&created).is_ok();
            let datatype = if is_time { Datatype::Time } else { Datatype::Text };
            out.value(post, &v::CREATED, (created, datatype));
        }
        if let Some(language) = facts.lang.as_ref().map(RawJson::plain_text) {
            out.text(post, &v::LANGUAGE, &language);
        }
        if let Some(author) = facts.author.as_ref().map(RawJson::plain_text) {
            out.text(post, &v::AUTHOR, &author);
        }
        if self.names.has_text() && !facts.text.is_empty() {
            out.text(post, &v::ARTICLE_BODY, &facts.text);
        }
    }

    /// The IRI of the picture. Pictures with the same bytes have the same.
    fn say_picture(&self, annotated: &Annotated, picture: &MediaInfo, out: &mut Statements) -> Arc<str> {
        let node = self.names.picture(annotated, picture);
        out.node(&self.post, &v::IMAGE, &node);
        out.name(&node, &v::TYPE, &v::PICTURE);
        out.integer(&node, &v::WIDTH, picture.width.into());
        out.integer(&node, &v::HEIGHT, picture.height.into());
        if let Some(address) = annotated.post.address(&picture.key) {
            out.value(&node, &v::CONTENT_URL, (address.to_owned(), Datatype::Address));
        }
        if let Some(alt_text) = annotated.post.alt_text(&picture.key) {
            out.text(&node, &v::CAPTION, alt_text);
        }
        node
    }

    /// The IRI of each triple's entity. What mentions share is said once.
    fn say_entities(&self, annotated: &Annotated, out: &mut Statements) -> Vec<Arc<str>> {
        let mut said: Vec<(Arc<str>, &str)> = Vec::new();
        for triple in &annotated.annotation.triples {
            let entity = self.names.entity(annotated, triple);
            let label = annotated.post.surface(&triple.mention);
            if !said.iter().any(|(other, _)| *other == entity) {
                out.name(&entity, &v::TYPE, &v::ENTITY);
                out.text(&entity, &v::ENTITY_TYPE, triple.mention.entity_type.as_str());
                out.node(&self.post, &v::MENTIONS, &entity);
            }
            if !said.iter().any(|(other, known)| *other == entity && *known == label) {
                out.text(&entity, &v::LABEL, label);
            }
            said.push((entity, label));
        }
        said.into_iter().map(|(entity, _)| entity).collect()
    }

    /// The IRI of the annotation that links the mention to the entity.
    fn say_mention(
        &self,
        annotated: &Annotated,
        triple: &Triple,
        entity: &Arc<str>,
        out: &mut Statements,
    ) -> Arc<str> {
        let Triple { mention, phrase, verdicts, .. } = triple;
        let annotation = self.names.annotation(annotated, mention);
        self.say_annotation(&annotation, entity, out);
        out.score(&annotation, &v::SCORE, mention.score);
        out.text(&annotation, &v::PHRASE, &phrase.text);
        if let Some(expansion) = &phrase.expansion {
            out.text(&annotation, &v::EXPANSION, expansion);
            out.text(&annotation, &v::EXPANSION_SOURCE, phrase.source.as_str());
        }
        if let Some(probability) = verdicts.iter().map(|verdict| verdict.probability).reduce(f32::max) {
            let depicted = verdicts.iter().any(|verdict| verdict.depicted);
            out.value(&annotation, &v::DEPICTED, (depicted.to_string(), Datatype::Boolean));
            out.score(&annotation, &v::GATE_PROBABILITY, probability);
        }
        let target = self.say_target(&annotation, &self.post, out);
        selectors::of_mention(&target, mention, &annotated.post.text, out);
        annotation
    }

    /// The annotation that links a region of a picture to the entity.
    fn say_region(
        &self,
        region: &Region,
        (mention, annotation): (&Arc<str>, &Arc<str>),
        (entity, picture): (&Arc<str>, &Arc<str>),
        out: &mut Statements,
    ) {
        self.say_annotation(annotation, entity, out);
        out.node(annotation, &v::REGION_OF, mention);
        out.score(annotation, &v::BOX_SCORE, region.box_score);
        out.score(annotation, &v::MASK_SCORE, region.mask_score);
        let target = self.say_target(annotation, picture, out);
        selectors::of_region(&target, &region.bbox, &region.mask, out);
        out.node(picture, &v::DEPICTS, entity);
    }

    fn say_annotation(&self, annotation: &Arc<str>, entity: &Arc<str>, out: &mut Statements) {
        out.name(annotation, &v::TYPE, &v::ANNOTATION);
        out.name(annotation, &v::MOTIVATION, &v::IDENTIFYING);
        out.node(annotation, &v::BODY, entity);
        out.value(annotation, &v::GENERATED, (self.generated.clone(), Datatype::Time));
        out.node(annotation, &v::GENERATOR, &self.agent);
        out.node(annotation, &v::WAS_GENERATED_BY, &self.activity);
    }

    fn say_target(&self, annotation: &Arc<str>, source: &Arc<str>, out: &mut Statements) -> Arc<str> {
        let target = part(annotation, "target");
        out.node(annotation, &v::TARGET, &target);
        out.name(&target, &v::TYPE, &v::SPECIFIC_RESOURCE);
        out.node(&target, &v::SOURCE, source);
        target
    }

    fn say_provenance(
        &self,
        annotated: &Annotated,
        times: AnswerTimes,
        pictures: &[(&str, Arc<str>)],
        out: &mut Statements,
    ) {
        let activity = &self.activity;
        out.name(activity, &v::TYPE, &v::ACTIVITY);
        out.node(activity, &v::USED, &self.post);
        pictures.iter().for_each(|(_, picture)| out.node(activity, &v::USED, picture));
        out.node(activity, &v::WAS_ASSOCIATED_WITH, &self.agent);
        out.value(activity, &v::STARTED, (rfc3339(times.ingested), Datatype::Time));
        out.value(activity, &v::ENDED, (self.generated.clone(), Datatype::Time));
        annotated.annotation.degraded.iter().for_each(|lack| out.text(activity, &v::DEGRADED, &lack.detail));
    }
}
