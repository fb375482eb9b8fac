//! Schemas: every object has the shape that its project publishes (`tests/k8s/schemas`), and no field that is not in it.

use regex::bytes::RegexBuilder;
use serde_json::{Value, json};

use super::{everything, root};

/// The faults of a value.
fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    look(schema, value, "", &mut found);
    found
}

fn look(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    if schema["x-kubernetes-int-or-string"] == true {
        if !(value.is_i64() || value.is_f64() || value.is_string()) {
            found.push(format!("{path}: {value} is neither a number nor text"));
        }
        return;
    }
    let fits = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        _ => true,
    };
    if !fits {
        found.push(format!("{path}: {value} is no {}", schema["type"]));
        return;
    }
    if schema["enum"].as_array().is_some_and(|allowed| !allowed.contains(value)) {
        found.push(format!("{path}: {value} is none of {}", schema["enum"]));
    }
    limits(schema, value, path, found);
    for (index, element) in value.as_array().into_iter().flatten().enumerate() {
        look(&schema["items"], element, &format!("{path}[{index}]"), found);
    }
    let Some(fields) = value.as_object() else { return };
    for required in schema["required"].as_array().into_iter().flatten() {
        if !fields.contains_key(required.as_str().unwrap()) {
            found.push(format!("{path}: {required} is missing"));
        }
    }
    let is_open = schema["x-kubernetes-preserve-unknown-fields"] == true || schema["properties"].is_null();
    for (name, field) in fields {
        let path = format!("{path}.{name}");
        match (schema["properties"].get(name), schema.get("additionalProperties")) {
            (Some(known), _) | (None, Some(known)) => look(known, field, &path, found),
            (None, None) if is_open => {}
            (None, None) => found.push(format!("{path}: there is no such field")),
        }
    }
}

/// Bounds of numbers, texts and lists.
fn limits(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    let size = match value {
        Value::String(text) => Some((text.chars().count(), "Length")),
        Value::Array(elements) => Some((elements.len(), "Items")),
        _ => None,
    };
    let (size, least, most) = match (size, value.as_f64()) {
        (Some((size, of)), _) => (size as f64, format!("min{of}"), format!("max{of}")),
        (None, Some(number)) => (number, "minimum".to_owned(), "maximum".to_owned()),
        (None, None) => return,
    };
    if schema[&least].as_f64().is_some_and(|least| size < least) {
        found.push(format!("{path}: {value} is below {}", schema[&least]));
    }
    if schema[&most].as_f64().is_some_and(|most| size > most) {
        found.push(format!("{path}: {value} is above {}", schema[&most]));
    }
    if let (Some(pattern), Some(text)) = (schema["pattern"].as_str(), value.as_str()) {
        let pattern = RegexBuilder::new(pattern).unicode(false).build().unwrap();
        if !pattern.is_match(text.as_bytes()) {
            found.push(format!("{path}: {value} does not match {}", schema["pattern"]));
        }
    }
}

fn schema_of(kind: &str) -> Value {
    let file = root().join("tests/k8s/schemas").join(format!("{kind}.json"));
    let text = std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{}: {error}: tests/k8s/schemas/reduce.py makes it", file.display()));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn every_object_has_the_shape_that_is_published_for_its_kind() {
    for (name, objects) in everything() {
        for object in objects {
            let published = schema_of(object["kind"].as_str().unwrap());
            let of = format!("{name}: {} {}", object["kind"], object["metadata"]["name"]);
            assert_eq!(object["apiVersion"], published["apiVersion"], "{of}");
            assert_eq!(faults(&published["schema"], object), Vec::<String>::new(), "{of}");
        }
    }
}

#[test]
fn no_name_stands_for_two_objects() {
    for (name, objects) in everything() {
        let mut names: Vec<_> = objects
            .iter()
            .map(|object| (object["kind"].to_string(), object["metadata"]["name"].to_string()))
            .collect();
        names.sort();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all, "{name}");
    }
}

#[test]
fn wrong_objects_are_refused() {
    let deployment = schema_of("Deployment")["schema"].clone();
    let scaled = schema_of("ScaledObject")["schema"].clone();
    let monitor = schema_of("PodMonitor")["schema"].clone();
    let spec =
        |spec: Value| json!({ "apiVersion": "x", "kind": "y", "metadata": { "name": "z" }, "spec": spec });
    let selector = json!({ "matchLabels": { "a": "b" } });
    let cases = [
        (
            &deployment,
            spec(json!({ "selector": selector, "template": {}, "replica": 1 })),
            ".spec.replica: there is no such field",
        ),
        (&deployment, spec(json!({ "template": {} })), ".spec: \"selector\" is missing"),
        (
            &deployment,
            spec(json!({ "selector": selector, "template": {}, "replicas": "1" })),
            ".spec.replicas: \"1\" is no \"integer\"",
        ),
        (&scaled, spec(json!({ "scaleTargetRef": { "name": "a" } })), ".spec: \"triggers\" is missing"),
        (
            &scaled,
            spec(
                json!({ "scaleTargetRef": { "name": "a" }, "triggers": [{ "type": "kafka", "metadata": { "lag": 5 } }] }),
            ),
            ".spec.triggers[0].metadata.lag: 5 is no \"string\"",
        ),
        (
            &monitor,
            spec(
                json!({ "selector": selector, "podMetricsEndpoints": [{ "port": "metrics", "interval": "30 s" }] }),
            ),
            ".spec.podMetricsEndpoints[0].interval: \"30 s\" does not match",
        ),
        (
            &monitor,
            spec(json!({ "selector": selector, "podMetricsEndpoints": [{ "scheme": "ftp" }] })),
            ".spec.podMetricsEndpoints[0].scheme: \"ftp\" is none of",
        ),
    ];
    for (schema, object, fault) in cases {
        let found = faults(schema, &object);
        assert!(found.len() == 1 && found[0].starts_with(fault), "{fault}\n{found:?}");
    }
    assert!(root().join("tests/k8s/schemas/README.md").exists(), "it names origins and licences");
}
