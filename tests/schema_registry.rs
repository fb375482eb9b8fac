//! Schema Registry: schemas by their ids, asked for once; what becomes of a registry that is away, slow or refuses; the
//! subjects of outputs.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use riveg::common::registry::subjects::{self, Standing, SubjectError};
use riveg::common::registry::{
    CandidateSchema, Config, JsonLimits, RegistryClient, RegistryErrorKind, Schema, SchemaFault, SchemaType,
    Schemas,
};
use riveg::config::Sources;
use serde_json::{Value, json};

use crate::support::{LocalRegistry, Trouble};

const LONG: &str = r#"{"type":"record","name":"A","fields":[{"name":"a","type":"long"}]}"#;

fn config(registry: &LocalRegistry, sets: &[&str]) -> Config {
    let mut all = vec![format!("registry.url={}", registry.url())];
    all.extend(sets.iter().map(|&set| set.to_owned()));
    riveg::config::Config::load(&Sources { sets: all, ..Sources::default() }).unwrap().config.registry.clone()
}

fn schemas(registry: &LocalRegistry, sets: &[&str]) -> Schemas {
    Schemas::new(&config(registry, sets)).unwrap().unwrap()
}

async fn json_of(schemas: &Schemas, id: u32, body: &'static [u8]) -> Value {
    let schema: Arc<Schema> = schemas.get(id).await.unwrap();
    let json = schema.to_json(&Bytes::from_static(body), JsonLimits::for_records_of(1000)).unwrap();
    serde_json::from_slice(&json).unwrap()
}

#[tokio::test]
async fn a_schema_is_asked_for_once_whoever_needs_it() {
    let registry = LocalRegistry::start();
    let id = registry.add("a", "AVRO", LONG, &json!([]));
    let schemas = schemas(&registry, &[]);
    let all = futures_util::future::join_all((0..20).map(|_| schemas.get(id))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(json_of(&schemas, id, &[14]).await, json!({ "a": 7 }));
    assert_eq!(registry.asked(), ["GET /schemas/ids/1"]);
}

#[tokio::test]
async fn a_schema_brings_those_that_it_refers_to() {
    let registry = LocalRegistry::start();
    registry.add(
        "author",
        "AVRO",
        r#"{"type":"record","name":"Author","fields":[{"name":"n","type":"int"}]}"#,
        &json!([]),
    );
    let to = |name: &str, subject: &str| json!([{ "name": name, "subject": subject, "version": 1 }]);
    let post = r#"{"type":"record","name":"Post","fields":[{"name":"by","type":"Author"}]}"#;
    let avro = registry.add("post", "AVRO", post, &to("Author", "author"));
    registry.add("inner", "PROTOBUF", "syntax=\"proto3\"; message Inner { int32 n = 1; }", &json!([]));
    let file = "syntax=\"proto3\"; import \"inner.proto\"; message Outer { Inner inner = 1; }";
    let protobuf = registry.add("outer", "PROTOBUF", file, &to("inner.proto", "inner"));
    let schemas = schemas(&registry, &[]);
    assert_eq!(json_of(&schemas, avro, &[2]).await, json!({ "by": { "n": 1 } }));
    assert_eq!(json_of(&schemas, protobuf, &[0, 0x0a, 2, 8, 5]).await, json!({ "inner": { "n": 5 } }));
    let plain = registry.add("json", "JSON", "{}", &json!([]));
    assert_eq!(json_of(&schemas, plain, b"[1]").await, json!([1]));

    // Two that refer to each other are each asked for once, and are no schema.
    let one = registry.add("one", "AVRO", post, &to("Two", "two"));
    registry.add(
        "two",
        "AVRO",
        "{\"type\":\"record\",\"name\":\"Two\",\"fields\":[{\"name\":\"x\",\"type\":\"Post\"}]}",
        &to("Post", "one"),
    );
    let Err(SchemaFault::Unusable(fault)) = schemas.get(one).await else { panic!("it is no schema") };
    assert!(fault.contains("is no schema of Avro"), "{fault}");
    let lonely = registry.add("lonely", "AVRO", post, &to("Author", "nobody"));
    let Err(SchemaFault::Unusable(fault)) = schemas.get(lonely).await else { panic!("it is not whole") };
    assert!(
        fault.contains("Version not found (40402)") && fault.contains("refers to it as `Author`"),
        "{fault}"
    );
}

#[tokio::test]
async fn an_id_that_is_not_known_is_asked_for_again_only_after_some_time() {
    let registry = LocalRegistry::start();
    let patient = schemas(&registry, &["registry.unknown_for=1h"]);
    let hasty = schemas(&registry, &["registry.unknown_for=0s"]);
    for schemas in [&patient, &hasty] {
        for _ in 0..2 {
            let Err(SchemaFault::Unusable(fault)) = schemas.get(1).await else { panic!("there is none") };
            let expected = format!(
                "the Schema Registry at `{}` was asked `GET /schemas/ids/1`: 404 Not Found: Schema not found (40403)",
                registry.url()
            );
            assert_eq!(fault, expected);
        }
    }
    assert_eq!(registry.asked().len(), 3);
    registry.add("bad", "AVRO", "{", &json!([]));
    assert!(matches!(patient.get(1).await, Err(SchemaFault::Unusable(_))), "it is still believed");
    let Err(SchemaFault::Unusable(fault)) = hasty.get(1).await else { panic!("it is no schema") };
    assert!(
        fault.starts_with("the schema 1 of the Schema Registry at") && fault.contains("no schema of Avro"),
        "{fault}"
    );
}

#[tokio::test]
async fn a_registry_in_trouble_is_asked_again_until_patience_is_over() {
    let registry = LocalRegistry::start();
    let id = registry.add("a", "AVRO", LONG, &json!([]));
    registry.trouble(Some(Trouble::Status(503, 2)));
    schemas(&registry, &[]).get(id).await.unwrap();
    assert_eq!(registry.asked().len(), 3);

    for (trouble, sets, part) in [
        (Trouble::Status(503, 100), &["registry.patience=50ms"][..], "503"),
        (Trouble::Silent, &["registry.patience=50ms", "registry.timeout=100ms"], "no answer"),
        (Trouble::Status(401, 100), &["registry.patience=50ms"], "401"),
    ] {
        registry.trouble(Some(trouble));
        let Err(SchemaFault::Unavailable(fault)) = schemas(&registry, sets).get(id).await else {
            panic!("{trouble:?}")
        };
        assert!(fault.contains(part) && fault.contains(&registry.url()), "{fault}");
    }
    // The second address answers where the first does not.
    registry.trouble(None);
    let two = format!("registry.url=http://127.0.0.1:1,{}", registry.url());
    schemas(&registry, &[&two]).get(id).await.unwrap();
}

#[tokio::test]
async fn name_and_password_are_sent_and_an_answer_that_is_too_long_is_refused() {
    let registry = LocalRegistry::start();
    let id = registry.add("a", "AVRO", LONG, &json!([]));
    // `me:canary` in Base64.
    registry.require("Basic bWU6Y2FuYXJ5");
    schemas(&registry, &["registry.username=me", "registry.password=canary"]).get(id).await.unwrap();
    let long = registry.add("b", "JSON", &"x".repeat(200_000), &json!([]));
    let sets = ["registry.username=me", "registry.password=canary", "registry.max_schema=1KiB"];
    let Err(SchemaFault::Unusable(fault)) = schemas(&registry, &sets).get(long).await else {
        panic!("too long")
    };
    assert!(fault.contains("registry.max_schema"), "{fault}");
    let client =
        RegistryClient::new(&config(&registry, &["registry.username=me", "registry.password=other"]))
            .unwrap();
    let denied = client.answers().await.unwrap_err();
    assert_eq!(denied.kind, RegistryErrorKind::Denied);
    assert!(!format!("{denied} {client:?}").contains("other"), "{denied}");
}

#[tokio::test]
async fn the_schema_of_an_output_is_registered_found_or_refused() {
    let registry = LocalRegistry::start();
    let client = RegistryClient::new(&config(&registry, &[])).unwrap();
    let schema = CandidateSchema { schema_type: SchemaType::Avro, schema: LONG };
    let id_of = |subject: &'static str, may_register| {
        let client = &client;
        async move { subjects::id_of(client, subject, (schema, "a.avsc"), may_register).await }
    };
    let missing = id_of("out-value", false).await.unwrap_err();
    assert!(matches!(missing, SubjectError::Missing { .. }), "{missing}");
    assert!(missing.to_string().contains("register config/schemas/a.avsc"), "{missing}");
    assert_eq!(subjects::standing(&client, "out-value", schema).await, Ok(Standing::Registrable));
    let id = id_of("out-value", true).await.unwrap();
    assert_eq!(id_of("out-value", false).await, Ok(id));
    assert_eq!(subjects::standing(&client, "out-value", schema).await, Ok(Standing::Registered(id)));

    registry.add("other-value", "AVRO", "\"int\"", &json!([]));
    registry.refuse("other-value", "reader field a has no default");
    let refused = id_of("other-value", true).await.unwrap_err().to_string();
    assert!(
        refused.contains("`other-value`") && refused.contains("reader field a has no default"),
        "{refused}"
    );
    // A registry that answers nothing of use.
    registry.trouble(Some(Trouble::Status(422, 1)));
    let invalid = id_of("third-value", true).await.unwrap_err().to_string();
    assert!(invalid.contains("422") && invalid.contains("in trouble (422)"), "{invalid}");
}

#[tokio::test]
async fn patience_of_many_records_passes_side_by_side() {
    let registry = LocalRegistry::start();
    registry.trouble(Some(Trouble::Status(503, u32::MAX)));
    let schemas = schemas(&registry, &["registry.patience=300ms"]);
    let begun = std::time::Instant::now();
    let all = futures_util::future::join_all((0..50).map(|_| schemas.get(1))).await;
    assert!(all.iter().all(|got| matches!(got, Err(SchemaFault::Unavailable(_)))));
    assert!(begun.elapsed() < Duration::from_secs(5), "each waits for itself");
    assert!(registry.asked().len() < 50, "{} questions for 50 records", registry.asked().len());
}
