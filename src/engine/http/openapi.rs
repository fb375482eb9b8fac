//! OpenAPI: the description of the addresses, made of the code that answers them and of the schemas of answers.

use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::element::{Deleted, Skipped};
use super::problem::Problem;

/// What the code says of itself: `annotate`'s parameters, headers and statuses, and what they refer to.
#[derive(OpenApi)]
#[openapi(
    info(title = "riveg", description = "Named entities of posts, grounded in their pictures."),
    paths(super::annotate::annotate),
    components(schemas(Problem, Deleted, Skipped))
)]
struct Description;

/// The schemas of answers as files of their own, which tests hold against the code that writes them.
const ANSWERS: [(&str, &str); 2] = [
    ("annotation", include_str!("../../../config/schemas/riveg.annotation.json")),
    ("triple", include_str!("../../../config/schemas/riveg.triple.json")),
];

/// The description as JSON, OpenAPI 3.1. `formats` are the names that the parameter `format` may have.
pub(super) fn description(formats: &[String]) -> String {
    let mut described = match serde_json::to_value(Description::openapi()) {
        Ok(described) => described,
        Err(error) => unreachable!("strings and lists of them always become JSON: {error}"),
    };
    let schemas = member(&mut described, &["components", "schemas"]);
    for (name, schema) in ANSWERS {
        let Ok(schema) = serde_json::from_str(schema) else { unreachable!("a test reads config/schemas") };
        add_schema(schemas, name, schema);
    }
    let part = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let single = json!({ "oneOf": [part("annotation"), part("Problem"), part("Deleted"), part("Skipped"), part("triple")] });
    schemas.insert("one".to_owned(), single);
    let answer = json!({
        "description": "The answer to a record: an object, or a list where the record says several things or the shape is `triple`.",
        "anyOf": [part("one"), { "type": "array", "items": part("one") }],
    });
    schemas.insert("answer".to_owned(), answer);
    let indexed = json!({
        "description": "The answer to a record of a batch in the order of completion.",
        "type": "object",
        "required": ["index", "answer"],
        "properties": { "index": { "type": "integer", "minimum": 0 }, "answer": part("answer") },
    });
    schemas.insert("indexed".to_owned(), indexed);
    let batch = json!({ "type": "array", "items": { "anyOf": [part("answer"), part("indexed")] } });
    let content = json!({
        "application/json": { "schema": { "anyOf": [part("answer"), batch] } },
        "application/x-ndjson": { "schema": { "anyOf": [part("answer"), part("indexed")] } },
    });
    let post = member(&mut described, &["paths", "/v1/annotate", "post"]);
    post.insert("security".to_owned(), json!([{ "bearer": [] }, {}]));
    member_of(post, &["responses", "200"]).insert("content".to_owned(), content);
    if let Some(Value::Array(parameters)) = post.get_mut("parameters") {
        let format = parameters.iter_mut().find(|parameter| parameter["name"] == "format");
        format.into_iter().for_each(|format| format["schema"] = json!({ "type": "string", "enum": formats }));
    }
    let schemes = json!({ "bearer": { "type": "http", "scheme": "bearer", "description": "http.token, where it is set." } });
    member(&mut described, &["components"]).insert("securitySchemes".to_owned(), schemes);
    described.to_string()
}

/// Adds a schema, and those within it under names of their own, since all references start at the document.
fn add_schema(schemas: &mut Map<String, Value>, name: &str, mut schema: Value) {
    let within = schema.as_object_mut().and_then(|schema| {
        schema.remove("$schema");
        schema.remove("$id");
        schema.remove("$defs")
    });
    let names = |inner: &str| format!("{name}.{inner}");
    for (inner, mut schema) in within.and_then(|within| within.as_object().cloned()).into_iter().flatten() {
        refer(&mut schema, &names);
        schemas.insert(names(&inner), schema);
    }
    refer(&mut schema, &names);
    schemas.insert(name.to_owned(), schema);
}

/// Replaces references within a schema's own file.
fn refer(value: &mut Value, names: &impl Fn(&str) -> String) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str().and_then(|target| target.strip_prefix("#/$defs/")) {
                    Some(inner) if name == "$ref" => {
                        *member = format!("#/components/schemas/{}", names(inner)).into()
                    }
                    _ => refer(member, names),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| refer(value, names)),
        _ => {}
    }
}

fn member<'a>(value: &'a mut Value, path: &[&str]) -> &'a mut Map<String, Value> {
    match value {
        Value::Object(members) => member_of(members, path),
        _ => unreachable!("a description is an object of objects"),
    }
}

/// The object at a path, made where there is none.
fn member_of<'a>(mut members: &'a mut Map<String, Value>, path: &[&str]) -> &'a mut Map<String, Value> {
    for name in path {
        members = match members.entry(*name).or_insert_with(|| json!({})) {
            Value::Object(inner) => inner,
            _ => unreachable!("a description is an object of objects"),
        };
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn the_description_has_what_the_code_takes_and_all_that_it_refers_to() {
        let formats = ["auto", "riveg"].map(str::to_owned);
        let described: Value = serde_json::from_str(&description(&formats)).unwrap();
        assert!(described["openapi"].as_str().unwrap().starts_with("3.1"), "{described}");
        assert_eq!(described["info"]["version"], env!("CARGO_PKG_VERSION"));
        let post = &described["paths"]["/v1/annotate"]["post"];
        let parameters = post["parameters"].as_array().unwrap();
        let names: Vec<&str> =
            parameters.iter().map(|parameter| parameter["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["format", "order", "shape", "masks", "boxes", "X-Server-Timeout"]);
        assert_eq!(parameters[0]["schema"]["enum"], json!(formats));
        assert!(parameters[3].to_string().contains("\"polygon\""), "{}", parameters[3]);
        assert!(parameters.iter().all(|parameter| parameter["required"] != true), "{parameters:?}");
        for status in ["200", "400", "401", "413", "415", "422", "429", "503", "504"] {
            assert!(post["responses"][status]["content"].is_object(), "{status}");
        }
        let mut found = Vec::new();
        references(&described, &mut found);
        assert!(found.len() > 10, "{found:?}");
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(described.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
        assert!(!described.to_string().contains("$defs"));
    }
}
