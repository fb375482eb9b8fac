//! Format `jsonld`: one JSON-LD 1.1 document for each post, on the model of W3C Web Annotation.

use std::collections::HashMap;
use std::sync::Arc;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::super::super::Shape;
use super::super::format::{EncodedRecord, Encoder, EncoderOptions, OutputFormat};
use super::datatype::Datatype;
use super::statement::{Object, Statement};
use super::statements::Said;
use super::vocabulary::{Predicate, Range};

/// One record for each post.
pub(in super::super) const FORMAT: OutputFormat =
    OutputFormat { name: "jsonld", shapes: &[Shape::Post], encoder, schema: None };

/// The context of Web Annotation.
const WEB_ANNOTATION: &str = "http://www.w3.org/ns/anno.jsonld";

/// The published context: `config/schemas/context.jsonld`.
const CONTEXT: &str = include_str!("../../../../../config/schemas/context.jsonld");

/// The published context, as a JSON-LD document.
#[must_use]
pub fn context() -> &'static str {
    CONTEXT
}

fn encoder(options: &EncoderOptions) -> Encoder {
    let options = options.clone();
    let context = Context::of(options.names.context());
    Encoder::new(move |annotated, times| {
        let Said { statements, .. } = Said::of(annotated, times, &options);
        vec![EncodedRecord::new("application/ld+json", to_json(&statements, &context))]
    })
}

/// The JSON of `@context`, the same in all documents.
#[derive(Debug, Clone)]
pub(super) struct Context(String);

impl Context {
    /// `address`: of the published context; empty: the context itself.
    pub(super) fn of(address: &str) -> Self {
        let own = if address.is_empty() {
            let document: Result<serde_json::Value, _> = serde_json::from_str(CONTEXT);
            document.map_or_else(
                |error| unreachable!("the context is JSON: {error}"),
                |mut own| own["@context"].take(),
            )
        } else {
            address.into()
        };
        Self(serde_json::Value::from([WEB_ANNOTATION.into(), own]).to_string())
    }
}

/// The document without line breaks.
pub(super) fn to_json(statements: &[Statement], Context(context): &Context) -> Vec<u8> {
    let mut json = format!("{{\"@context\":{context},\"@graph\":").into_bytes();
    if let Err(error) = serde_json::to_writer(&mut json, &Nodes::of(statements)) {
        unreachable!("strings and lists of them can always be written as JSON: {error}");
    }
    json.push(b'}');
    json
}

/// All subjects with their statements, in the order in which they are met. Parts are written inside their wholes.
struct Nodes<'a> {
    nodes: Vec<Node<'a>>,
    places: HashMap<&'a str, usize>,
}

/// A subject with its statements by predicate.
struct Node<'a> {
    id: &'a str,
    is_part: bool,
    properties: Vec<(&'static Predicate, Vec<&'a Object>)>,
}

impl<'a> Nodes<'a> {
    fn of(statements: &'a [Statement]) -> Self {
        let mut all = Self { nodes: Vec::new(), places: HashMap::new() };
        // Most statements have the subject of the one before.
        let mut last: Option<(&Arc<str>, usize)> = None;
        for Statement { subject, predicate, object } in statements {
            let place = match last {
                Some((known, place)) if Arc::ptr_eq(known, subject) => place,
                _ => all.place(subject),
            };
            last = Some((subject, place));
            let node = &mut all.nodes[place];
            match node.properties.iter_mut().find(|(other, _)| other.iri == predicate.iri) {
                Some((_, objects)) => objects.push(object),
                None => node.properties.push((predicate, vec![object])),
            }
            if let (Range::Part, Object::Node(part)) = (predicate.range, object) {
                let place = all.place(part);
                all.nodes[place].is_part = true;
            }
        }
        all
    }

    /// The place of a subject, which is added if it is new.
    fn place(&mut self, id: &'a str) -> usize {
        let place = *self.places.entry(id).or_insert(self.nodes.len());
        if place == self.nodes.len() {
            self.nodes.push(Node { id, is_part: false, properties: Vec::new() });
        }
        place
    }
}

impl Serialize for Nodes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let whole = self.nodes.iter().filter(|node| !node.is_part);
        serializer.collect_seq(whole.map(|node| InPlace { node, all: self }))
    }
}

/// A node where it is written.
struct InPlace<'a> {
    node: &'a Node<'a>,
    all: &'a Nodes<'a>,
}

impl Serialize for InPlace<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", self.node.id)?;
        for (predicate, objects) in &self.node.properties {
            let values = Values { predicate, objects, all: self.all };
            map.serialize_entry(predicate.name, &values)?;
        }
        map.end()
    }
}

/// The objects of one predicate: one, or a list.
struct Values<'a> {
    predicate: &'static Predicate,
    objects: &'a [&'a Object],
    all: &'a Nodes<'a>,
}

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = |object| Value { predicate: self.predicate, object, all: self.all };
        if let [object] = self.objects {
            return value(object).serialize(serializer);
        }
        let mut list = serializer.serialize_seq(Some(self.objects.len()))?;
        for object in self.objects {
            list.serialize_element(&value(object))?;
        }
        list.end()
    }
}

struct Value<'a> {
    predicate: &'static Predicate,
    object: &'a Object,
    all: &'a Nodes<'a>,
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.object {
            Object::Name(name) => serializer.serialize_str(name.name),
            Object::Node(node) if self.predicate.range == Range::Part => {
                match self.all.places.get(&**node).map(|&place| &self.all.nodes[place]) {
                    Some(part) => InPlace { node: part, all: self.all }.serialize(serializer),
                    None => serializer.serialize_str(node),
                }
            }
            Object::Node(node) => serializer.serialize_str(node),
            Object::Literal(value, datatype) => literal(value, *datatype, self.predicate.range, serializer),
        }
    }
}

/// A literal in short, as the context types it, or with its own datatype.
fn literal<S: Serializer>(
    value: &str,
    datatype: Datatype,
    range: Range,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    if range != Range::Literal(datatype) {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("@value", value)?;
        map.serialize_entry("@type", datatype.iri())?;
        return map.end();
    }
    match (datatype, value.parse::<u64>()) {
        (Datatype::Integer, Ok(number)) => serializer.serialize_u64(number),
        // A decimal stays a string: as a JSON number it would become a double.
        _ if datatype == Datatype::Boolean => serializer.serialize_bool(value == "true"),
        _ => serializer.serialize_str(value),
    }
}
