//! Format `neo4j-cud`: events that create, update and delete nodes and relationships, as the Kafka connector of Neo4j
//! reads them (its CUD strategy).
//!
//! Nodes `Post` are merged by `id`, because the feed's deletion of a post says nothing else of it, and nodes `Picture` and
//! `Entity` by `iri`; relationships `HAS_PICTURE`, `MENTIONS` and `DEPICTED_IN`
//! are merged by the nodes and, where two nodes may have several, by `id`. All events of an answer have the same key, so
//! they stay in order; a relationship merges its nodes too, for connectors that take relationships first.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::super::super::{Annotated, Shape};
use super::super::format::{AnswerTimes, EncodedRecord, Encoder, EncoderOptions, OutputFormat};
use super::super::time::rfc3339;
use crate::domain::{RawJson, Region, Triple};

/// Several records for each post, each one event.
pub(in super::super) const FORMAT: OutputFormat =
    OutputFormat { name: "neo4j-cud", shapes: &[Shape::Post], encoder, schema: None };

fn encoder(options: &EncoderOptions) -> Encoder {
    let options = options.clone();
    Encoder::new(move |annotated, times| events(annotated, times, &options)).with_deletions(move |deletion| {
        let id = deletion.post_id.map_or_else(|| String::from_utf8_lossy(deletion.key), Cow::Borrowed);
        vec![record(&self::deletion(&id))]
    })
}

/// The record of one event.
fn record(event: &impl Serialize) -> EncodedRecord {
    match serde_json::to_vec(event) {
        Ok(json) => EncodedRecord::new("application/json", json),
        Err(error) => {
            unreachable!("strings, numbers and lists of them can always be written as JSON: {error}")
        }
    }
}

/// A node of the property graph.
struct Node {
    label: &'static str,
    /// The property that the node is known by.
    known_by: &'static str,
    name: Arc<str>,
}

/// The event that merges a node.
#[derive(Serialize)]
struct NodeEvent<'a> {
    ids: Id<'a>,
    labels: [&'static str; 1],
    op: &'static str,
    properties: Properties,
    r#type: &'static str,
}

/// The event that merges a relationship.
#[derive(Serialize)]
struct RelationshipEvent<'a> {
    from: End<'a>,
    ids: Id<'a>,
    op: &'static str,
    properties: Properties,
    rel_type: &'static str,
    to: End<'a>,
    r#type: &'static str,
}

/// A node at the end of a relationship.
#[derive(Serialize)]
struct End<'a> {
    ids: Id<'a>,
    labels: [&'static str; 1],
    op: &'static str,
}

/// The property that something is known by, and its value.
struct Id<'a>(&'static str, &'a str);

impl Serialize for Id<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(self.0, self.1)])
    }
}

impl Node {
    fn id(&self) -> Id<'_> {
        Id(self.known_by, &self.name)
    }

    fn merged(&self, properties: Properties) -> EncodedRecord {
        record(&NodeEvent { ids: self.id(), labels: [self.label], op: "merge", properties, r#type: "node" })
    }

    fn end(&self) -> End<'_> {
        End { ids: self.id(), labels: [self.label], op: "merge" }
    }

    /// A relationship to another node. Those of one type between the same nodes differ in `id`.
    fn related(
        &self,
        rel_type: &'static str,
        other: &Self,
        id: &str,
        properties: Properties,
    ) -> EncodedRecord {
        record(&RelationshipEvent {
            from: self.end(),
            ids: Id("id", id),
            op: "merge",
            properties,
            rel_type,
            to: other.end(),
            r#type: "relationship",
        })
    }
}

/// The event that deletes a post with its relationships. Pictures and entities stay: other posts may have them.
fn deletion(id: &str) -> Value {
    json!({ "type": "node", "op": "delete", "labels": ["Post"], "ids": { "id": id }, "detach": true })
}

fn events(annotated: &Annotated, times: AnswerTimes, options: &EncoderOptions) -> Vec<EncodedRecord> {
    let EncoderOptions { names, provenance, .. } = options;
    let post = Node { label: "Post", known_by: "id", name: annotated.post_id.as_str().into() };
    let mut properties = Properties::default();
    let facts = &annotated.post;
    properties.add("iri", Some(&*names.post(annotated)));
    properties.add("uri", facts.uri.as_ref());
    properties.add("created_at", facts.created_at.as_ref().map(RawJson::plain_text));
    properties.add("lang", facts.lang.as_ref().map(RawJson::plain_text));
    properties.add("author", facts.author.as_ref().map(RawJson::plain_text));
    properties.add("text", Some(&facts.text).filter(|text| names.has_text() && !text.is_empty()));
    properties.add("engine", Some(&provenance.engine));
    properties.add("bundle", Some(&provenance.bundle));
    properties.add("annotated_at", Some(rfc3339(times.published)));
    let mut events = vec![post.merged(properties)];
    let mut pictures: Vec<(&str, Node)> = Vec::new();
    for medium in &annotated.media {
        let picture = Node { label: "Picture", known_by: "iri", name: names.picture(annotated, medium) };
        let mut properties = Properties::default();
        properties.add("blake3", Some(medium.hash.to_string()));
        properties.add("width", Some(medium.width));
        properties.add("height", Some(medium.height));
        properties.add("url", facts.address(&medium.key));
        events.push(picture.merged(properties));
        let mut place = Properties::default();
        place.add("index", Some(medium.index));
        events.push(post.related("HAS_PICTURE", &picture, &medium.key, place));
        pictures.push((&medium.key, picture));
    }
    for triple in &annotated.annotation.triples {
        let entity = Node { label: "Entity", known_by: "iri", name: names.entity(annotated, triple) };
        let mut properties = Properties::default();
        properties.add("name", Some(annotated.post.surface(&triple.mention)));
        properties.add("type", Some(triple.mention.entity_type.as_str()));
        events.push(entity.merged(properties));
        let id = annotated.entity_id(&triple.mention);
        events.push(post.related("MENTIONS", &entity, &id, mention(triple)));
        for region in &triple.regions {
            if let Some((_, picture)) = pictures.iter().find(|(key, _)| *key == region.media_key) {
                events.push(entity.related("DEPICTED_IN", picture, &id, depiction(region, &post)));
            }
        }
    }
    events
}

/// What a post says of an entity in one place.
fn mention(triple: &Triple) -> Properties {
    let Triple { mention, phrase, verdicts, .. } = triple;
    let mut properties = Properties::default();
    properties.add("text", Some(&mention.text));
    properties.add("start", Some(mention.span.start));
    properties.add("end", Some(mention.span.end));
    properties.add("score", Some(rounded(mention.score, 1e4)));
    properties.add("phrase", Some(&phrase.text));
    properties.add("expansion", phrase.expansion.as_ref());
    if !verdicts.is_empty() {
        properties.add("depicted", Some(verdicts.iter().any(|verdict| verdict.depicted)));
    }
    properties
}

/// Where a picture shows an entity. Properties of Neo4j are values and lists of them: no objects.
fn depiction(region: &Region, post: &Node) -> Properties {
    let bbox = [region.bbox.x0, region.bbox.y0, region.bbox.x1, region.bbox.y1];
    let mut properties = Properties::default();
    properties.add("post", Some(&*post.name));
    properties.add("box", Some(bbox.map(|edge| rounded(edge, 1e2))));
    properties.add("box_score", Some(rounded(region.box_score, 1e4)));
    properties.add("mask_score", Some(rounded(region.mask_score, 1e4)));
    properties.add("mask_counts", Some(region.mask.to_coco_counts()));
    properties
}

/// Rounded as in the format `riveg`.
fn rounded(number: f32, scale: f64) -> f64 {
    (f64::from(number) * scale).round() / scale + 0.0
}

/// Properties by name.
#[derive(Default, Serialize)]
struct Properties(BTreeMap<&'static str, Value>);

impl Properties {
    /// Absent values are left out: `null` would delete a property.
    fn add(&mut self, name: &'static str, value: Option<impl Serialize>) {
        if let Some(value) = value {
            self.0.insert(name, json!(value));
        }
    }
}
