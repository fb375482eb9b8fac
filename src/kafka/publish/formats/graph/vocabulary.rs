//! Vocabulary: the predicates and classes of statements, each with its IRI and its name in JSON-LD.
//!
//! Names that the context of Web Annotation has mean the same here.

use super::datatype::Datatype;

/// A predicate.
#[derive(Debug)]
pub(super) struct Predicate {
    pub(super) iri: &'static str,
    /// The term of the JSON-LD context.
    pub(super) name: &'static str,
    /// What its objects are.
    pub(super) range: Range,
}

/// What the objects of a predicate are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Range {
    /// Things that may have statements of their own.
    Node,
    /// Parts of the subject, which JSON-LD writes inside it.
    Part,
    /// Classes, or other names of a vocabulary.
    Name,
    /// Literals, of this datatype unless they say otherwise.
    Literal(Datatype),
}

/// A class, or another name of a vocabulary.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) iri: &'static str,
    pub(super) name: &'static str,
}

const fn predicate(iri: &'static str, name: &'static str, range: Range) -> Predicate {
    Predicate { iri, name, range }
}

const fn name(iri: &'static str, name: &'static str) -> Name {
    Name { iri, name }
}

const TEXT: Range = Range::Literal(Datatype::Text);
const INTEGER: Range = Range::Literal(Datatype::Integer);
const DECIMAL: Range = Range::Literal(Datatype::Decimal);
const BOOLEAN: Range = Range::Literal(Datatype::Boolean);
const TIME: Range = Range::Literal(Datatype::Time);
const ADDRESS: Range = Range::Literal(Datatype::Address);

pub(super) static TYPE: Predicate =
    predicate("http://www.w3.org/1999/02/22-rdf-syntax-ns#type", "type", Range::Name);
pub(super) static MOTIVATION: Predicate =
    predicate("http://www.w3.org/ns/oa#motivatedBy", "motivation", Range::Name);
pub(super) static BODY: Predicate = predicate("http://www.w3.org/ns/oa#hasBody", "body", Range::Node);
pub(super) static TARGET: Predicate = predicate("http://www.w3.org/ns/oa#hasTarget", "target", Range::Part);
pub(super) static SOURCE: Predicate = predicate("http://www.w3.org/ns/oa#hasSource", "source", Range::Node);
pub(super) static SELECTOR: Predicate =
    predicate("http://www.w3.org/ns/oa#hasSelector", "selector", Range::Part);
pub(super) static START: Predicate = predicate("http://www.w3.org/ns/oa#start", "start", INTEGER);
pub(super) static END: Predicate = predicate("http://www.w3.org/ns/oa#end", "end", INTEGER);
pub(super) static EXACT: Predicate = predicate("http://www.w3.org/ns/oa#exact", "exact", TEXT);
pub(super) static PREFIX: Predicate = predicate("http://www.w3.org/ns/oa#prefix", "prefix", TEXT);
pub(super) static SUFFIX: Predicate = predicate("http://www.w3.org/ns/oa#suffix", "suffix", TEXT);
pub(super) static VALUE: Predicate =
    predicate("http://www.w3.org/1999/02/22-rdf-syntax-ns#value", "value", TEXT);
pub(super) static CONFORMS_TO: Predicate =
    predicate("http://purl.org/dc/terms/conformsTo", "conformsTo", Range::Node);
pub(super) static GENERATED: Predicate = predicate("http://purl.org/dc/terms/issued", "generated", TIME);
pub(super) static GENERATOR: Predicate =
    predicate("http://www.w3.org/ns/activitystreams#generator", "generator", Range::Node);
pub(super) static CREATED: Predicate = predicate("http://purl.org/dc/terms/created", "created", TIME);
pub(super) static LABEL: Predicate = predicate("http://www.w3.org/2000/01/rdf-schema#label", "label", TEXT);
pub(super) static IDENTIFIER: Predicate =
    predicate("http://purl.org/dc/terms/identifier", "identifier", TEXT);
pub(super) static URL: Predicate = predicate("http://schema.org/url", "url", ADDRESS);
pub(super) static AUTHOR: Predicate = predicate("http://purl.org/dc/elements/1.1/creator", "author", TEXT);
pub(super) static LANGUAGE: Predicate =
    predicate("http://purl.org/dc/elements/1.1/language", "language", TEXT);
pub(super) static ARTICLE_BODY: Predicate = predicate("http://schema.org/text", "postText", TEXT);
pub(super) static IMAGE: Predicate = predicate("http://schema.org/image", "image", Range::Node);
pub(super) static MENTIONS: Predicate = predicate("http://schema.org/mentions", "mentions", Range::Node);
pub(super) static DEPICTS: Predicate = predicate("http://xmlns.com/foaf/0.1/depicts", "depicts", Range::Node);
pub(super) static WIDTH: Predicate = predicate("http://schema.org/width", "width", INTEGER);
pub(super) static HEIGHT: Predicate = predicate("http://schema.org/height", "height", INTEGER);
pub(super) static CONTENT_URL: Predicate = predicate("http://schema.org/contentUrl", "contentUrl", ADDRESS);
pub(super) static CAPTION: Predicate = predicate("http://schema.org/caption", "caption", TEXT);
pub(super) static SOFTWARE_VERSION: Predicate =
    predicate("http://schema.org/softwareVersion", "softwareVersion", TEXT);
pub(super) static WAS_GENERATED_BY: Predicate =
    predicate("http://www.w3.org/ns/prov#wasGeneratedBy", "wasGeneratedBy", Range::Node);
pub(super) static USED: Predicate = predicate("http://www.w3.org/ns/prov#used", "used", Range::Node);
pub(super) static WAS_ASSOCIATED_WITH: Predicate =
    predicate("http://www.w3.org/ns/prov#wasAssociatedWith", "wasAssociatedWith", Range::Node);
pub(super) static STARTED: Predicate =
    predicate("http://www.w3.org/ns/prov#startedAtTime", "startedAt", TIME);
pub(super) static ENDED: Predicate = predicate("http://www.w3.org/ns/prov#endedAtTime", "endedAt", TIME);
pub(super) static ENTITY_TYPE: Predicate = predicate("urn:riveg:vocabulary#entityType", "entityType", TEXT);
pub(super) static SCORE: Predicate = predicate("urn:riveg:vocabulary#score", "score", DECIMAL);
pub(super) static PHRASE: Predicate = predicate("urn:riveg:vocabulary#phrase", "phrase", TEXT);
pub(super) static EXPANSION: Predicate = predicate("urn:riveg:vocabulary#expansion", "expansion", TEXT);
pub(super) static EXPANSION_SOURCE: Predicate =
    predicate("urn:riveg:vocabulary#expansionSource", "expansionSource", TEXT);
pub(super) static DEPICTED: Predicate = predicate("urn:riveg:vocabulary#depicted", "depicted", BOOLEAN);
pub(super) static GATE_PROBABILITY: Predicate =
    predicate("urn:riveg:vocabulary#gateProbability", "gateProbability", DECIMAL);
pub(super) static REGION_OF: Predicate = predicate("urn:riveg:vocabulary#regionOf", "regionOf", Range::Node);
pub(super) static BOX_SCORE: Predicate = predicate("urn:riveg:vocabulary#boxScore", "boxScore", DECIMAL);
pub(super) static MASK_SCORE: Predicate = predicate("urn:riveg:vocabulary#maskScore", "maskScore", DECIMAL);
pub(super) static BUNDLE: Predicate = predicate("urn:riveg:vocabulary#bundle", "bundle", TEXT);
pub(super) static DEGRADED: Predicate = predicate("urn:riveg:vocabulary#degraded", "degraded", TEXT);

pub(super) static ANNOTATION: Name = name("http://www.w3.org/ns/oa#Annotation", "Annotation");
pub(super) static SPECIFIC_RESOURCE: Name =
    name("http://www.w3.org/ns/oa#SpecificResource", "SpecificResource");
pub(super) static TEXT_POSITION_SELECTOR: Name =
    name("http://www.w3.org/ns/oa#TextPositionSelector", "TextPositionSelector");
pub(super) static TEXT_QUOTE_SELECTOR: Name =
    name("http://www.w3.org/ns/oa#TextQuoteSelector", "TextQuoteSelector");
pub(super) static FRAGMENT_SELECTOR: Name =
    name("http://www.w3.org/ns/oa#FragmentSelector", "FragmentSelector");
pub(super) static SVG_SELECTOR: Name = name("http://www.w3.org/ns/oa#SvgSelector", "SvgSelector");
pub(super) static IDENTIFYING: Name = name("http://www.w3.org/ns/oa#identifying", "identifying");
pub(super) static SOFTWARE: Name = name("http://www.w3.org/ns/activitystreams#Application", "Software");
pub(super) static SOFTWARE_AGENT: Name = name("http://www.w3.org/ns/prov#SoftwareAgent", "SoftwareAgent");
pub(super) static ACTIVITY: Name = name("http://www.w3.org/ns/prov#Activity", "Activity");
pub(super) static POST: Name = name("http://schema.org/SocialMediaPosting", "Post");
pub(super) static PICTURE: Name = name("http://schema.org/ImageObject", "Picture");
pub(super) static ENTITY: Name = name("urn:riveg:vocabulary#Entity", "Entity");
