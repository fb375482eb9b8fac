//! Formats `ntriples` and `nquads`: the statements of an answer, one a line (W3C N-Triples and N-Quads 1.1).
//!
//! In N-Quads the graph of each statement is its post: a loader replaces that graph when a post is answered again.

use std::fmt::Write as _;

use super::super::super::Shape;
use super::super::format::{EncodedRecord, Encoder, EncoderOptions, OutputFormat};
use super::datatype::Datatype;
use super::statement::{Object, Statement};
use super::statements::Said;

/// One record for each post, of all its statements.
pub(in super::super) const TRIPLES: OutputFormat =
    OutputFormat { name: "ntriples", shapes: &[Shape::Post], encoder: triples, schema: None };

/// The same with the post as graph.
pub(in super::super) const QUADS: OutputFormat =
    OutputFormat { name: "nquads", shapes: &[Shape::Post], encoder: quads, schema: None };

fn triples(options: &EncoderOptions) -> Encoder {
    let options = options.clone();
    Encoder::new(move |annotated, times| {
        let Said { statements, .. } = Said::of(annotated, times, &options);
        vec![EncodedRecord::new("application/n-triples", lines(&statements, None))]
    })
}

fn quads(options: &EncoderOptions) -> Encoder {
    let options = options.clone();
    Encoder::new(move |annotated, times| {
        let Said { post, statements } = Said::of(annotated, times, &options);
        vec![EncodedRecord::new("application/n-quads", lines(&statements, Some(&post)))]
    })
}

/// The statements as lines, each with a line feed.
pub(super) fn lines(statements: &[Statement], graph: Option<&str>) -> String {
    let mut lines = String::with_capacity(statements.len() * 160);
    for Statement { subject, predicate, object } in statements {
        iri(subject, &mut lines);
        lines.push(' ');
        iri(predicate.iri, &mut lines);
        lines.push(' ');
        match object {
            Object::Node(node) => iri(node, &mut lines),
            Object::Name(name) => iri(name.iri, &mut lines),
            Object::Literal(value, datatype) => literal(value, *datatype, &mut lines),
        }
        if let Some(graph) = graph {
            lines.push(' ');
            iri(graph, &mut lines);
        }
        lines.push_str(" .\n");
    }
    lines
}

/// IRIs are valid before they come here: nothing in them needs an escape.
fn iri(iri: &str, line: &mut String) {
    line.push('<');
    line.push_str(iri);
    line.push('>');
}

fn literal(value: &str, datatype: Datatype, line: &mut String) {
    line.push('"');
    let mut rest = value;
    while let Some((place, character)) = rest.char_indices().find(|(_, character)| is_escaped(*character)) {
        line.push_str(&rest[..place]);
        match character {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            character => {
                // Writing to a string cannot fail.
                let _ = write!(line, "\\u{:04X}", u32::from(character));
            }
        }
        rest = &rest[place + character.len_utf8()..];
    }
    line.push_str(rest);
    line.push('"');
    if datatype != Datatype::Text {
        line.push_str("^^");
        iri(datatype.iri(), line);
    }
}

/// Whether a character is escaped. Readers that split lines by Unicode's rules would split at U+0085, U+2028 and U+2029
/// too.
fn is_escaped(character: char) -> bool {
    matches!(character, '"' | '\\' | '\u{2028}' | '\u{2029}') || character.is_control()
}
