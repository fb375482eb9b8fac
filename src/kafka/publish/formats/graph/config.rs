//! The section `graph` of the configuration: IRIs of posts, pictures, entities and annotations.

use serde::{Deserialize, Serialize};

use super::template::fault;
use crate::common::iri;

/// The names of things in graphs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// IRI of a post that has no `uri` of its own; `{post}` is its id.
    pub post_iri: String,
    /// IRI of a picture; `{hash}` names its bytes, `{post}` and `{key}` its place.
    pub picture_iri: String,
    /// IRI of an entity without an IRI in the lexicon; `{type}`, and `{name}` or `{hash}` of both.
    pub entity_iri: String,
    /// IRI of an annotation; `{id}` is that of the entity in the format `riveg`.
    pub annotation_iri: String,
    /// The address of the published JSON-LD context; empty: the context is part of each document.
    pub context: String,
    /// Whether post nodes have the text of the post.
    pub text: bool,
}

impl Default for Config {
    /// As `config/default.toml` has them.
    fn default() -> Self {
        Self {
            post_iri: "urn:riveg:post:{post}".to_owned(),
            picture_iri: "urn:riveg:picture:{hash}".to_owned(),
            entity_iri: "urn:riveg:entity:{type}:{name}".to_owned(),
            annotation_iri: "urn:riveg:annotation:{id}".to_owned(),
            context: String::new(),
            text: false,
        }
    }
}

impl Config {
    /// Range faults: the key within the section, and why its value cannot work.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let templates = [
            ("post_iri", fault(&self.post_iri, &["post"], &[&["post"]])),
            (
                "picture_iri",
                fault(&self.picture_iri, &["hash", "post", "key"], &[&["hash"], &["post", "key"]]),
            ),
            (
                "entity_iri",
                fault(&self.entity_iri, &["type", "name", "hash"], &[&["hash"], &["type", "name"]]),
            ),
            ("annotation_iri", fault(&self.annotation_iri, &["post", "id"], &[&["id"]])),
        ];
        let mut faults: Vec<(&'static str, String)> =
            templates.into_iter().filter_map(|(key, fault)| Some((key, fault?))).collect();
        if !self.context.is_empty() && !iri::is_usable(&self.context) {
            faults.push((
                "context",
                "must be an absolute IRI such as `https://example.org/context.jsonld`".to_owned(),
            ));
        }
        faults
    }
}
