//! Names: the IRIs of the things that an answer is about.

use std::sync::Arc;

use super::super::super::{Annotated, MediaInfo};
use super::Config;
use super::template::fill;
use crate::common::{iri, normalised_name};
use crate::domain::{Mention, Triple};

/// Makes IRIs. The same post, picture or entity has the same IRI in all answers and all graph formats.
#[derive(Debug, Clone)]
pub struct Names(Arc<Config>);

impl Names {
    /// Names by these templates, which must have no [`Config::faults`].
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self(Arc::new(config.clone()))
    }

    /// The address of the JSON-LD context; empty: the context is part of each document.
    pub(super) fn context(&self) -> &str {
        &self.0.context
    }

    /// Whether post nodes have the text of the post.
    #[must_use]
    pub fn has_text(&self) -> bool {
        self.0.text
    }

    /// The IRI of a post: its own address if that is one, else by the template.
    #[must_use]
    pub fn post(&self, annotated: &Annotated) -> Arc<str> {
        let own = annotated.post.uri.as_deref().and_then(iri::of_address);
        own.map_or_else(|| self.post_of_id(&annotated.post_id), |own| own.into_owned().into())
    }

    /// The IRI of a post without an address.
    fn post_of_id(&self, post: &str) -> Arc<str> {
        fill(&self.0.post_iri, &[("post", post)]).into()
    }

    /// The IRI of a picture.
    #[must_use]
    pub fn picture(&self, annotated: &Annotated, picture: &MediaInfo) -> Arc<str> {
        let hash = picture.hash.to_string();
        let values =
            [("hash", hash.as_str()), ("post", annotated.post_id.as_str()), ("key", picture.key.as_str())];
        fill(&self.0.picture_iri, &values).into()
    }

    /// The IRI of the entity of a triple: that of the lexicon if it is linked; else mentions whose plain spellings differ
    /// only in case, white space and compatibility characters, and which have one type, share an IRI.
    #[must_use]
    pub fn entity(&self, annotated: &Annotated, triple: &Triple) -> Arc<str> {
        if let Some(linked) = triple.iri.as_ref().filter(|linked| iri::is_usable(linked)) {
            return Arc::clone(linked);
        }
        let entity_type = triple.mention.entity_type.as_str();
        let name = normalised_name(annotated.post.surface(&triple.mention));
        let mut hasher = blake3::Hasher::new();
        // The length before the text: different parts never join to the same bytes.
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
        hasher.update(entity_type.as_bytes());
        let hash = hasher.finalize().to_hex();
        let values = [("type", entity_type), ("name", name.as_str()), ("hash", &hash[..32])];
        fill(&self.0.entity_iri, &values).into()
    }

    /// The IRI of the annotation of a mention.
    #[must_use]
    pub fn annotation(&self, annotated: &Annotated, mention: &Mention) -> Arc<str> {
        let values = [("id", &*annotated.entity_id(mention)), ("post", &annotated.post_id)];
        fill(&self.0.annotation_iri, &values).into()
    }

    /// The IRI of the work on a post.
    pub(super) fn activity(annotated: &Annotated) -> Arc<str> {
        fill("urn:riveg:answer:{post}", &[("post", &annotated.post_id)]).into()
    }

    /// The IRI of an engine with its bundle.
    pub(super) fn agent(engine: &str, bundle: &str) -> Arc<str> {
        fill("urn:riveg:engine:{engine}:{bundle}", &[("engine", engine), ("bundle", bundle)]).into()
    }
}

/// The IRI of a part of a thing.
pub(super) fn part(whole: &str, name: &str) -> Arc<str> {
    // An IRI has one fragment at most.
    let joint = if whole.contains('#') { '.' } else { '#' };
    format!("{whole}{joint}{name}").into()
}
