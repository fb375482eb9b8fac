//! Tests of the graph formats with independent parsers of JSON-LD, N-Triples and N-Quads.

use std::collections::BTreeSet;

use oxjsonld::{JsonLdParser, JsonLdRemoteDocument};
use oxttl::{NQuadsParser, NTriplesParser};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::samples::{answer, mention, options, three_mentions, times, triple};
use super::{JSONLD, NEO4J_CUD, NQUADS, NTRIPLES, context};
use crate::kafka::publish::Annotated;
use crate::kafka::publish::formats::{Deletion, EncoderOptions, OutputFormat};

fn encoded(format: OutputFormat, annotated: &Annotated, options: &EncoderOptions) -> Vec<Vec<u8>> {
    let records = (format.encoder)(options).encode(annotated, times());
    records.into_iter().map(|record| record.value.to_vec()).collect()
}

fn one(format: OutputFormat, annotated: &Annotated, options: &EncoderOptions) -> Vec<u8> {
    let mut records = encoded(format, annotated, options);
    assert_eq!(records.len(), 1);
    records.remove(0)
}

/// The graph of N-Triples, as a parser of its own reads it.
fn ntriples(bytes: &[u8]) -> BTreeSet<String> {
    let parsed = NTriplesParser::new().for_slice(bytes);
    parsed.map(|triple| triple.unwrap().to_string()).collect()
}

/// The graph of a JSON-LD document. The context of Web Annotation stays empty: ours has all terms that are used.
fn jsonld(bytes: &[u8]) -> BTreeSet<String> {
    let parser = JsonLdParser::new().for_slice(bytes).with_load_document_callback(|address, _| {
        let document = if address.ends_with("anno.jsonld") { "{\"@context\":{}}" } else { context() };
        Ok(JsonLdRemoteDocument { document: document.into(), document_url: address.to_owned() })
    });
    let triple =
        |quad: oxrdf::Quad| oxrdf::Triple::new(quad.subject, quad.predicate, quad.object).to_string();
    parser.map(|quad| triple(quad.unwrap())).collect()
}

#[test]
fn the_three_rdf_formats_say_the_same() {
    let annotated = three_mentions();
    let options = options(|_| {});
    let bytes = one(NTRIPLES, &annotated, &options);
    let graph = ntriples(&bytes);
    assert_eq!(graph.len(), bytes.split(|&byte| byte == b'\n').count() - 1, "no statement is written twice");
    assert_eq!(jsonld(&one(JSONLD, &annotated, &options)), graph);
    let quads = one(NQUADS, &annotated, &options);
    let parsed: Vec<oxrdf::Quad> = NQuadsParser::new().for_slice(&quads).map(Result::unwrap).collect();
    assert_eq!(parsed.len(), graph.len());
    assert!(parsed.iter().all(|quad| quad.graph_name.to_string() == "<urn:riveg:post:post-1>"));
    let address =
        super::samples::options(|config| config.context = "https://example.org/c.jsonld".to_owned());
    assert_eq!(jsonld(&one(JSONLD, &annotated, &address)), graph, "with the context by its address");
}

#[test]
fn mentions_of_one_name_share_an_entity_and_a_link_is_its_iri() {
    let graph = ntriples(&one(NTRIPLES, &three_mentions(), &options(|_| {})));
    let bodies = |entity: &str| {
        let end = format!("<http://www.w3.org/ns/oa#hasBody> <{entity}>");
        graph.iter().filter(|triple| triple.ends_with(&end)).count()
    };
    assert_eq!(bodies("urn:riveg:entity:PER:cp3"), 3, "two mentions and a region");
    assert_eq!(bodies("http://www.wikidata.org/entity/Q72"), 1);
    for expected in [
        "<urn:riveg:entity:PER:cp3> <http://www.w3.org/2000/01/rdf-schema#label> \"CP3\"",
        "<urn:riveg:entity:PER:cp3> <http://www.w3.org/2000/01/rdf-schema#label> \"cp3\"",
        "<urn:riveg:post:post-1> <http://purl.org/dc/terms/created> \"2026-01-31T08:00:00Z\"^^<http://www.w3.org/2001/XMLSchema#dateTime>",
        "<urn:riveg:post:post-1> <http://purl.org/dc/elements/1.1/creator> \"42\"",
    ] {
        assert!(graph.contains(expected), "{expected}");
    }
    let value = |end: &str| graph.iter().any(|triple| triple.contains("#value> ") && triple.ends_with(end));
    assert!(value("\"xywh=pixel:0,1,3,3\""), "the box is in whole pixels, none of them outside");
    assert!(value("d=\\\"M1,1 2,1 2,3 1,3ZM2,1 3,1 3,3 2,3Z\\\"/></svg>\"") || value("Z\\\"/></svg>\""));
}

#[test]
fn web_annotations_have_the_form_of_the_recommendation() {
    let document: Value = serde_json::from_slice(&one(JSONLD, &three_mentions(), &options(|_| {}))).unwrap();
    assert_eq!(document["@context"][0], "http://www.w3.org/ns/anno.jsonld");
    let nodes = document["@graph"].as_array().unwrap();
    let annotations: Vec<&Value> = nodes.iter().filter(|node| node["type"] == "Annotation").collect();
    assert_eq!(annotations.len(), 4);
    let first = annotations[0];
    assert_eq!((&first["motivation"], &first["score"]), (&json!("identifying"), &json!("0.9877")));
    let target = &first["target"];
    assert_eq!(
        (&target["type"], &target["source"]),
        (&json!("SpecificResource"), &json!("urn:riveg:post:post-1"))
    );
    let selectors = target["selector"].as_array().unwrap();
    assert_eq!((&selectors[0]["start"], &selectors[0]["end"]), (&json!(0), &json!(3)));
    assert_eq!(
        (&selectors[1]["exact"], &selectors[1]["suffix"]),
        (&json!("CP3"), &json!(" in Zürich. cp3!"))
    );
    let region = annotations.iter().find(|node| node.get("boxScore").is_some()).unwrap();
    let hash = "ab".repeat(32);
    assert_eq!(region["target"]["source"], format!("urn:riveg:picture:{hash}"));
    assert_eq!(region["target"]["selector"][1]["type"], "SvgSelector");
}

#[test]
fn neo4j_gets_nodes_before_relationships_and_a_deletion_detaches() {
    let options = options(|_| {});
    let encoded_events = encoded(NEO4J_CUD, &three_mentions(), &options);
    let events: Vec<Value> =
        encoded_events.iter().map(|event| serde_json::from_slice(event).unwrap()).collect();
    for (event, written) in events.iter().zip(&encoded_events) {
        assert_eq!(event.to_string().as_bytes(), written, "members are in the order of their names");
    }
    let count = |name: &str, value: &str| events.iter().filter(|event| event[name] == value).count();
    let relations = ["HAS_PICTURE", "MENTIONS", "DEPICTED_IN"].map(|relation| count("rel_type", relation));
    assert_eq!((count("type", "node"), relations), (6, [2, 3, 1]));
    let shown = events.iter().find(|event| event["rel_type"] == "DEPICTED_IN").unwrap();
    assert_eq!(shown["properties"]["box"], json!([0.0, 1.0, 3.0, 4.0]));
    // A post with an address of its own is found by its id, which is all that a deletion knows.
    let mut with_address = three_mentions();
    with_address.post.uri = Some("https://example.org/1".to_owned());
    let post: Value = serde_json::from_slice(&encoded(NEO4J_CUD, &with_address, &options)[0]).unwrap();
    assert_eq!(
        (&post["ids"], &post["properties"]["iri"]),
        (&json!({ "id": "post-1" }), &json!("https://example.org/1"))
    );
    let deletion = Deletion { key: b"post-1", post_id: None };
    let records = (NEO4J_CUD.encoder)(&options).delete(&deletion).unwrap();
    let event: Value = serde_json::from_slice(&records[0].value).unwrap();
    let expected = json!({
        "type": "node", "op": "delete", "labels": ["Post"], "ids": { "id": "post-1" }, "detach": true
    });
    assert_eq!((records.len(), event), (1, expected));
    assert!((NTRIPLES.encoder)(&options).delete(&deletion).is_none(), "a deletion of RDF is a tombstone");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever a feed says: all formats are well-formed, and say the same.
    #[test]
    fn hostile_texts_and_addresses_are_written_without_loss(
        texts in prop::array::uniform5(any::<String>()),
        uri in "(urn:|schema:|https://|at://did:|)[ -~\u{a0}-\u{ff}]{0,20}",
        iri in "(urn:|oa:|http://)[ -~]{0,12}",
    ) {
        let [text, name, id, key, author] = texts;
        let name = if name.is_empty() { "\u{2028}\"\\\u{0}".to_owned() } else { name };
        let whole = format!("{text}{name}{text}");
        let found = mention(&whole, (text.len(), text.len() + name.len()), &key);
        let mut annotated = answer(&whole, vec![triple(found, true)]);
        annotated.annotation.triples[0].iri = Some(iri.into());
        annotated.post.uri = Some(uri);
        annotated.post.author = Some(crate::domain::RawJson::new(json!(author).to_string()));
        annotated.post_id = id;
        annotated.annotation.degraded.push(crate::domain::DegradedCode::NotRead.because(text));
        let options = options(|config| config.text = true);
        let lines = one(NTRIPLES, &annotated, &options);
        let graph = ntriples(&lines);
        prop_assert_eq!(std::str::from_utf8(&lines).unwrap().lines().count(), graph.len());
        prop_assert_eq!(jsonld(&one(JSONLD, &annotated, &options)), graph.clone());
        let written = oxrdf::Literal::new_simple_literal(&whole).to_string();
        prop_assert!(graph.iter().any(|triple| triple.ends_with(&written)), "the text is there");
        for event in encoded(NEO4J_CUD, &annotated, &options) {
            prop_assert!(serde_json::from_slice::<Value>(&event).is_ok());
        }
    }
}
