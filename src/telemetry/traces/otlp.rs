//! OTLP in JSON: the body of a request with spans (OpenTelemetry Protocol 1, JSON mapping of Protobuf).

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value as Json, json};

use super::context::SpanContext;
use super::span::{Span, Value};

/// The numbers of a status.
const UNSET: u8 = 0;
const ERROR: u8 = 2;

/// The body of a request with these spans, from the engine on this host.
pub(super) fn encode(spans: &[Span], host: &str) -> Vec<u8> {
    let resource = [
        ("service.name", "riveg"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("service.instance.id", host),
    ];
    let resource: Vec<Json> = resource.iter().map(|(name, text)| attribute(name, &(*text).into())).collect();
    let body = json!({
        "resourceSpans": [{
            "resource": { "attributes": resource },
            "scopeSpans": [{
                "scope": { "name": "riveg", "version": env!("CARGO_PKG_VERSION") },
                "spans": spans.iter().map(span).collect::<Vec<_>>(),
            }],
        }],
    });
    body.to_string().into_bytes()
}

/// The spans that a response says were not taken; none in a response of another form.
pub(super) fn rejected(response: &[u8]) -> u64 {
    let read: Option<Json> = serde_json::from_slice(response).ok();
    let count = read.and_then(|body| body.get("partialSuccess")?.get("rejectedSpans").cloned());
    // 64-bit numbers are texts in this mapping, and numbers in some collectors.
    count.and_then(|count| count.as_u64().or_else(|| count.as_str()?.parse().ok())).unwrap_or(0)
}

fn span(span: &Span) -> Json {
    let Span { context, parent, name, kind, begun, ended, attributes, links, failure } = span;
    let parent = if *parent == 0 { String::new() } else { span_id(*parent) };
    let link =
        |context: &SpanContext| json!({ "traceId": context.trace_id(), "spanId": span_id(context.span) });
    json!({
        "traceId": context.trace_id(),
        "spanId": span_id(context.span),
        "parentSpanId": parent,
        "name": name,
        "kind": *kind as u8,
        "startTimeUnixNano": nanoseconds(*begun),
        // A clock may be set back meanwhile.
        "endTimeUnixNano": nanoseconds((*ended).max(*begun)),
        "attributes": attributes.iter().map(|(name, value)| attribute(name, value)).collect::<Vec<_>>(),
        "links": links.iter().map(link).collect::<Vec<_>>(),
        "status": match failure {
            Some(why) => json!({ "code": ERROR, "message": why }),
            None => json!({ "code": UNSET }),
        },
    })
}

fn attribute(name: &str, value: &Value) -> Json {
    let value = match value {
        Value::Text(text) => json!({ "stringValue": text }),
        Value::Number(number) => json!({ "intValue": number.to_string() }),
    };
    json!({ "key": name, "value": value })
}

fn span_id(span: u64) -> String {
    format!("{span:016x}")
}

fn nanoseconds(moment: SystemTime) -> String {
    moment.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::span::Kind;
    use super::*;

    #[test]
    fn a_span_is_written_as_the_protocol_says() {
        let context = SpanContext { trace: 0xab, span: 0xcd };
        let begun = UNIX_EPOCH + Duration::from_nanos(1_500);
        let span = Span {
            context,
            parent: 0,
            name: "batch entail".to_owned(),
            kind: Kind::Consumer,
            begun,
            ended: UNIX_EPOCH,
            attributes: vec![("a", "b".into()), ("n", 7.into())],
            links: vec![context],
            failure: Some("malformed"),
        };
        let body: Json = serde_json::from_slice(&encode(&[span], "host")).unwrap();
        let resource = &body["resourceSpans"][0]["resource"]["attributes"];
        assert_eq!(resource[2], json!({"key": "service.instance.id", "value": {"stringValue": "host"}}));
        let ids = json!({"traceId": format!("{:032x}", 0xab), "spanId": "00000000000000cd"});
        assert_eq!(
            body["resourceSpans"][0]["scopeSpans"][0]["spans"][0],
            json!({
                "traceId": ids["traceId"], "spanId": ids["spanId"], "parentSpanId": "", "name": "batch entail", "kind": 5,
                "startTimeUnixNano": "1500", "endTimeUnixNano": "1500",
                "attributes": [{"key": "a", "value": {"stringValue": "b"}}, {"key": "n", "value": {"intValue": "7"}}],
                "links": [ids], "status": {"code": 2, "message": "malformed"},
            })
        );
    }

    #[test]
    fn spans_that_a_collector_rejects_are_counted() {
        let cases = [
            (r#"{"partialSuccess": {"rejectedSpans": "3", "errorMessage": "x"}}"#, 3),
            (r#"{"partialSuccess": {"rejectedSpans": 2}}"#, 2),
            (r#"{"partialSuccess": {}}"#, 0),
            ("{}", 0),
            ("<html>", 0),
            ("", 0),
        ];
        for (response, expected) in cases {
            assert_eq!(rejected(response.as_bytes()), expected, "{response}");
        }
    }
}
