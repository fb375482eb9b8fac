//! Tests of layers and of each kind of fault.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;

use super::*;
use crate::domain::Stage;

fn with(sets: &[&str]) -> Result<Effective, Faults> {
    Config::load(&Sources { sets: sets.iter().map(|&set| set.to_owned()).collect(), ..Sources::default() })
}

fn in_environment(variables: &[(&str, &str)]) -> Result<Effective, Faults> {
    let environment = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    Config::load(&Sources { environment, ..Sources::default() })
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[test]
fn the_defaults_are_whole_and_within_their_ranges() {
    let config = with(&[]).unwrap().config;
    assert_eq!(config.engine.drain_deadline, Duration::from_secs(60));
    assert_eq!(config.decode.cache, ByteSize::mib(64));
    // What is printed can be read again.
    let printed = with(&[]).unwrap().to_string();
    let again = file(&printed);
    let sources = Sources { files: vec![again.path().to_owned()], ..Sources::default() };
    assert_eq!(Config::load(&sources).unwrap().config, config);
    assert!(config.fetch.patience < config.ingest.revoke_deadline, "as the comments of both say");
    assert!(config.fetch.breaker_pause < config.fetch.patience, "as its comment says");
}

#[test]
fn every_default_has_a_comment() {
    let mut commented = false;
    for line in DEFAULTS.lines() {
        // Comments above a table speak for all its keys.
        if line.is_empty() {
            commented = false;
        } else if line.starts_with('#') {
            commented = true;
        } else if line.contains(" = ") {
            assert!(commented, "{line}");
        } else if line.starts_with('[') {
            commented |= line.starts_with("[scheduler.");
        }
    }
}

#[test]
fn the_overlays_that_ship_are_valid() {
    for name in ["local.toml", "cluster.toml", "outlines.toml"] {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config").join(name);
        let effective = Config::load(&Sources { files: vec![path], ..Sources::default() });
        assert!(effective.is_ok(), "{name}: {}", effective.unwrap_err());
    }
}

#[test]
fn stages_come_from_the_bundle_or_from_others_and_only_the_segmenter_may_be_none() {
    let stages = |sets: &[&str]| {
        let bundle = with(sets).unwrap().config.bundle;
        let named = bundle.elsewhere().into_iter().map(|(stage, folder)| (stage, folder.to_owned()));
        (named.collect::<Vec<_>>(), bundle.has_segmenter())
    };
    assert_eq!(stages(&[]), (vec![], true));
    let (entail, segment) = (PathBuf::from("a"), PathBuf::from("b/c"));
    assert_eq!(stages(&["bundle.entail=a"]), (vec![(Stage::Entail, entail.clone())], true));
    assert_eq!(stages(&["bundle.entail=a", "bundle.segment=none"]), (vec![(Stage::Entail, entail)], false));
    assert_eq!(stages(&["bundle.segment=b/c"]), (vec![(Stage::Segment, segment)], true));
    let fault = with(&["bundle.ground=none"]).unwrap_err().to_string();
    assert!(fault.contains("--set: bundle.ground: cannot be `none`"), "{fault}");
}

#[test]
fn later_layers_win() {
    let (one, two) = (
        file("[engine]\nposts_in_flight = 1\n[ingest]\ntopic = \"a\"\ngroup = \"a\""),
        file("ingest.topic = \"b\""),
    );
    let sources = Sources {
        files: vec![one.path().to_owned(), two.path().to_owned()],
        environment: vec![
            ("RIVEG_ENGINE__POSTS_IN_FLIGHT".to_owned(), "2".to_owned()),
            ("HOME".to_owned(), "/".to_owned()),
        ],
        sets: vec!["engine.posts_in_flight=3".to_owned()],
    };
    let effective = Config::load(&sources).unwrap();
    let config = &effective.config;
    assert_eq!(
        (config.engine.posts_in_flight, config.ingest.topic.only().unwrap(), config.ingest.group.as_str()),
        (3, "b", "a")
    );
    assert!(effective.to_string().contains("posts_in_flight = 3"));
    let line =
        effective.to_string().lines().find(|line| line.starts_with("posts_in_flight")).unwrap().to_owned();
    assert!(line.ends_with("# --set"), "{line}");
}

#[test]
fn strings_need_no_quotes_on_the_command_line() {
    let config =
        with(&["ingest.topic=posts", "ingest.group=\"7\"", "decode.memory=1GiB", "device.threads=1"])
            .unwrap()
            .config;
    assert_eq!((config.ingest.topic.only(), config.ingest.group.as_str()), (Some("posts"), "7"));
    assert_eq!((config.decode.memory, config.device.threads), (ByteSize::gib(1), 1));
    assert_eq!(with(&["ingest.topic=123"]).unwrap().config.ingest.topic.only(), Some("123"));
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_one_and_its_layer() {
    let cases = [
        ("kafka.bootstrp=a:1", "--set: kafka.bootstrp: there is no such key; did you mean kafka.bootstrap?"),
        ("engine.max_media=1", "did you mean decode.max_media?"),
        ("dekode.max_media=1", "did you mean decode.max_media?"),
        ("zzz.qqq=1", "there is no such key; `riveg check` prints all there are"),
        (
            "engine.posts_in_flight.x=1",
            "--set: engine.posts_in_flight: is a table; it must be a whole number of 0 or more",
        ),
        ("engine=1", "--set: engine: must be a table, `[engine]`"),
    ];
    for (set, expected) in cases {
        let fault = with(&[set]).unwrap_err().to_string();
        assert!(fault.contains(expected), "{set}: {fault}");
    }
    let path = file("[ingest]\ntopik = \"x\"");
    let fault =
        Config::load(&Sources { files: vec![path.path().to_owned()], ..Sources::default() }).unwrap_err();
    assert_eq!(fault.0[0].layer, format!("{}:2", path.path().display()));
}

#[test]
fn all_faults_are_reported_at_once() {
    let broken = file("[engine\n");
    let sources = Sources {
        files: vec![PathBuf::from("/nowhere.toml"), broken.path().to_owned()],
        environment: vec![("RIVEG_DECODE__MEMORY".to_owned(), "lots".to_owned())],
        sets: [
            "engine.drain_deadline=5 parsecs",
            "device.threads=\"x\"",
            "publish.topik=a",
            "decode.threads=0",
            "nothing",
        ]
        .map(str::to_owned)
        .to_vec(),
    };
    let faults = Config::load(&sources).unwrap_err();
    let text = faults.to_string();
    for expected in [
        "the configuration has 8 faults:",
        "--config: /nowhere.toml: cannot be read",
        ":1: column 8: this is not TOML: ",
        "environment variable RIVEG_DECODE__MEMORY: decode.memory:",
        "--set: engine.drain_deadline: is \"5 parsecs\"; it must be a duration such as",
        "--set: device.threads: is \"x\"; it must be a whole number of 0 or more",
        "--set: publish.topik: there is no such key; did you mean publish.topic?",
        "--set: decode.threads: is 0; it must be from 1 to 1024",
        "--set: nothing: has no `=`",
    ] {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
}

#[test]
fn what_is_out_of_range_names_its_bound() {
    let cases = [
        ("engine.posts_in_flight=100001", "must be 1 to 100000"),
        (
            "scheduler.ground.max_requests=0",
            "--set: scheduler.ground.max_requests: is 0; it must be a whole number of 1 or more",
        ),
        ("device.name=gpu", "must be `cpu`, `cuda`"),
        ("device.name=[\"cuda:0\", \"cpu\"]", "--set: device.name: names `cpu` beside other devices"),
        ("ingest.topic=a b", "--set: ingest.topic: must be 1 to 249"),
        ("ingest.topic=[]", "--set: ingest.topic: is empty; it must name a topic"),
        ("ingest.topic=[\"a\", 1]", "--set: ingest.topic: entry 2 is 1; it must be a text in quotes"),
        ("ingest.topic=[\"a\"", "--set: ingest.topic: must be 1 to 249"),
        ("ingest.topic=^a(", "--set: ingest.topic: has the pattern `^a(`, which is no regular expression"),
        (
            "ingest.topic=[\"a\", \"riveg.dead-letters\"]",
            "publish.dead_letter_topic: is the name of another topic of this configuration too, `ingest.topic`",
        ),
        ("telemetry.address=9090", "must be `host:port`"),
        ("decode.memory=1KiB", "--set: decode.memory: is 1.0 KiB; one picture"),
        ("fetch.memory=1MiB", "--set: fetch.memory: is 1.0 MiB; one post of decode.max_media"),
        ("fetch.per_host=0", "--set: fetch.per_host: must be 1 to 10000"),
        ("fetch.timeout=0s", "--set: fetch.timeout: must be longer than nothing"),
        ("fetch.hosts=[\"https://a\"]", "--set: fetch.hosts: must hold names such as `example.org`"),
        ("fetch.hosts=[\"EXAMPLE.org\"]", "--set: fetch.hosts: must hold names such as `example.org`"),
        ("fetch.schemes=[\"file\"]", "--set: fetch.schemes: entry 1 is `file`; it must be `https` or `http`"),
        ("fetch.allow_networks=[\"10.0.0.0/40\"]", "entry 1 is no network; it must be such as"),
        (
            "fetch.nat64_prefixes=[\"2001:db8::/33\"]",
            "--set: fetch.nat64_prefixes: must hold prefixes of 32, 40, 48, 56, 64 or 96 bits",
        ),
        ("fetch.per_post=0", "--set: fetch.per_post: must be 1 to 10000"),
        ("fetch.breaker_failures=0", "--set: fetch.breaker_failures: must be 1 or more"),
        ("fetch.breaker_pause=0s", "--set: fetch.breaker_pause: must be longer than nothing"),
        ("fetch.buckets=[\"pictures\"]", "`pictures` is no bucket"),
        (
            "answers.redis=http://:canary@host",
            "--set: answers.redis: must be an address such as `redis://host",
        ),
        ("answers.disk=1MiB", "--set: answers.disk: must be 8 MiB or more"),
        ("answers.ttl_jitter=2.0", "--set: answers.ttl_jitter: must be 0 to 1"),
        ("fetch.degrade=ignore", "it must be `publish-without` or `dead-letter`"),
        ("publish.topic=riveg.posts", "is the name of another topic"),
        ("publish.headers=[\"riveg.x\"]", "--set: publish.headers: names `riveg.x`; names that begin with"),
        ("publish.headers=[\"*\", \"a\"]", "--set: publish.headers: has `*`, which stands for all"),
        ("publish.headers=[\"trace*\"]", "`*` stands for all headers and for nothing else"),
        ("publish.key=none", "is `none`; it must be `input` or `post-id`"),
        ("publish.include=[\"title\"]", "it must be one of `created_at`, `lang`, `author`, `text`, `media`"),
        ("device.threads=-1", "--set: device.threads: is -1; it must be a whole number of 0 or more"),
    ];
    for (set, expected) in cases {
        let fault = with(&[set]).unwrap_err().to_string();
        assert!(fault.contains(expected), "{set}: {fault}");
    }
}

#[test]
fn properties_of_kafka_come_from_every_layer_and_secrets_are_never_shown() {
    let path = file(
        "[kafka.properties]\n\"security.protocol\" = \"SASL_SSL\"\nsasl.username = \"me\"\nlinger.ms = 5\n",
    );
    let sources = Sources {
        files: vec![path.path().to_owned()],
        environment: vec![("RIVEG_KAFKA__PROPERTIES__SASL_PASSWORD".to_owned(), "hunter2".to_owned())],
        sets: vec!["kafka.properties.ssl.key.pem=hunter2".to_owned()],
    };
    let effective = Config::load(&sources).unwrap();
    let properties: Vec<_> = effective.config.kafka.properties.iter().collect();
    let expected = [
        ("linger.ms", "5"),
        ("sasl.password", "hunter2"),
        ("sasl.username", "me"),
        ("security.protocol", "SASL_SSL"),
        ("ssl.key.pem", "hunter2"),
    ];
    assert_eq!(properties, expected);
    for shown in [effective.to_string(), format!("{:?}", effective.config)] {
        assert!(
            !shown.contains("hunter2") && shown.contains("SASL_SSL") && shown.contains("[redacted]"),
            "{shown}"
        );
    }
}

#[test]
fn variables_of_others_are_passed_over_and_misspelt_ones_of_ours_are_not() {
    // What Kubernetes sets for a service called riveg.
    assert!(
        in_environment(&[("RIVEG_PORT", "tcp://10.0.0.1:9090"), ("RIVEG_SERVICE_HOST", "10.0.0.1")]).is_ok()
    );
    let fault = in_environment(&[("RIVEG_KAFKA_BOOTSTRAP", "a:1")]).unwrap_err().to_string();
    assert!(fault.contains("did you mean RIVEG_KAFKA__BOOTSTRAP?"), "{fault}");
    let fault = in_environment(&[("RIVEG_KAFKA__BOOTSTRP", "a:1")]).unwrap_err().to_string();
    assert!(fault.contains("did you mean kafka.bootstrap?"), "{fault}");
}

#[test]
fn a_reference_holds_for_what_lies_there_and_is_shown_as_it_is() {
    let secret = file("canary\n");
    let reference = format!("${{file:{}}}", secret.path().display());
    let sources = Sources {
        environment: vec![("TOPIC".to_owned(), "posts".to_owned())],
        sets: vec![
            format!("kafka.properties.sasl.password={reference}"),
            format!("kafka.properties.sasl.username={reference}"),
            format!("kafka.properties.ssl.key.password=canary{reference}"),
            "ingest.topic=${env:TOPIC}".to_owned(),
        ],
        ..Sources::default()
    };
    let effective = Config::load(&sources).unwrap();
    let config = &effective.config;
    let properties: Vec<_> = config.kafka.properties.iter().collect();
    let expected =
        [("sasl.password", "canary"), ("sasl.username", "canary"), ("ssl.key.password", "canarycanary")];
    assert_eq!((properties.as_slice(), config.ingest.topic.only()), (expected.as_slice(), Some("posts")));
    let shown = effective.to_string();
    for line in [
        format!("\"sasl.password\" = \"{reference}\""),
        format!("\"sasl.username\" = \"{reference}\""),
        "\"ssl.key.password\" = \"[redacted]\"".to_owned(),
        "topic = \"${env:TOPIC}\"".to_owned(),
    ] {
        assert!(shown.contains(&line), "{line} is not in {shown}");
    }
    for shown in [shown, format!("{effective:?}"), format!("{config:?}")] {
        assert!(!shown.contains("canary"), "{shown}");
    }
}

#[test]
fn a_reference_to_nothing_is_a_fault_of_its_key_and_layer_and_others_are_found_too() {
    let sets = [
        "kafka.properties.sasl.password=${file:/nowhere}",
        "decode.memory=${env:NOWHERE}",
        "device.threads=\"x\"",
        "kafka.properties.sasl.mechanism=OAUTHBEARER",
    ];
    let text = with(&sets).unwrap_err().to_string();
    for expected in [
        "the configuration has 4 faults:",
        "--set: kafka.properties.sasl.password: names the file `/nowhere`, which cannot be read: No such file",
        "--set: decode.memory: names the environment variable `NOWHERE`, which is not set",
        "--set: device.threads: is \"x\"",
        "--set: kafka.properties.sasl.mechanism: needs a token: kafka.oauth_token_file",
    ] {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
}

#[test]
fn a_value_that_is_wrong_deep_inside_is_told_by_its_key() {
    let cases = [
        ("[publish]\ndelivery = { at-least-once = 1 }\n", "publish.delivery: "),
        ("[ingest]\nprotocol = { classic = { a = [1] } }\n", "ingest.protocol: "),
        ("[decode]\nmax_text = [1, 2]\n", "decode.max_text: "),
        ("[ingest]\ncommit_interval = { secs = 1 }\n", "ingest.commit_interval: "),
        ("[scheduler.entail]\npatience = 1979-05-27T07:32:00Z\n", "scheduler.entail.patience: "),
    ];
    for (text, expected) in cases {
        let path = file(text);
        let sources = Sources { files: vec![path.path().to_owned()], ..Sources::default() };
        let faults = Config::load(&sources).unwrap_err();
        assert_eq!(faults.0.len(), 1, "{faults}");
        assert!(faults.to_string().contains(expected), "{faults}");
    }
}

#[test]
fn a_key_of_very_many_parts_is_refused_before_it_is_walked() {
    for key in ["a.".repeat(100_000), format!("kafka.properties{}", ".a".repeat(100_000))] {
        let faults = with(&[&format!("{key}=1")]).unwrap_err();
        assert!(faults.0[0].message.contains("more than the 16 parts"), "{:?}", faults.0[0].message);
    }
}

#[test]
fn what_is_printed_can_be_read_again_whatever_properties_are_called() {
    let path = file("[kafka.properties]\n\"a b\\n\\\"\\u007f.c\" = \"x\\ny\"\nd = \"\"\n");
    let sources = Sources { files: vec![path.path().to_owned()], ..Sources::default() };
    let effective = Config::load(&sources).unwrap();
    let printed: toml::Table = effective.to_string().parse().unwrap();
    let properties = printed["kafka"]["properties"].as_table().unwrap();
    assert_eq!(properties.get("a b\n\"\u{7f}.c").and_then(toml::Value::as_str), Some("x\ny"));
}

#[test]
fn an_endpoint_says_what_the_template_does_not_and_the_template_is_what_the_code_takes_for_granted() {
    let sets = [
        "llm.local.url=http://localhost:8000/v1",
        "llm.local.model=small",
        "llm.local.max_tokens=64",
        "llm.default.seed=7",
    ];
    let effective = with(&sets).unwrap();
    let local = &effective.config.llm["local"];
    let expected = crate::llm::client::Config {
        url: "http://localhost:8000/v1".to_owned(),
        model: "small".to_owned(),
        max_tokens: 64,
        seed: Some(7),
        ..crate::llm::client::Config::default()
    };
    assert_eq!(local, &expected);
    assert_eq!(effective.config.endpoints().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["local"]);
}
