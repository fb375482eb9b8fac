//! Tests of tables with free keys: `llm.NAME.extra`, whose parameters are kept or refused, and tables of formats.

use super::{Config, Sources};

#[test]
fn a_server_is_told_whatever_its_section_says_beyond_the_settings_and_nothing_that_the_engine_decides() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = "[llm.local]\nurl = \"http://h/v1\"\nmodel = \"m\"\n[llm.local.extra]\ntop_p = 0.5\n\"a.b\" = [1]\n\
         [llm.local.extra.chat_template_kwargs]\nenable_thinking = true\nlevel = 1\n\
         [llm.default.extra]\nreasoning_effort = \"low\"\n[llm.other]\nurl = \"http://h/v1\"\nmodel = \"m\"";
    std::fs::write(file.path(), text).unwrap();
    let environment = vec![("RIVEG_LLM__LOCAL__EXTRA__TOP_K".to_owned(), "20".to_owned())];
    let sets = vec!["llm.local.extra.chat_template_kwargs.enable_thinking=false".to_owned()];
    let sources = Sources { files: vec![file.path().to_owned()], environment, sets };
    let effective = Config::load(&sources).unwrap();
    let extra = |name: &str| serde_json::Value::Object(effective.config.llm[name].extra.clone());
    let expected = serde_json::json!({
        "top_p": 0.5, "top_k": 20, "a.b": [1], "chat_template_kwargs": {"enable_thinking": false, "level": 1},
    });
    assert_eq!(extra("local"), expected);
    assert_eq!(extra("other"), serde_json::json!({"reasoning_effort": "low"}), "the template says it");
    let printed: toml::Table = effective.to_string().parse().unwrap();
    let kept = &printed["llm"]["local"]["extra"];
    assert_eq!(kept["chat_template_kwargs"]["enable_thinking"], toml::Value::Boolean(false), "{effective}");
    let endpoint = ["llm.local.url=http://h/v1", "llm.local.model=m"];
    for (set, expected) in [
        ("llm.local.extra.stream=true", "`stream`, which the engine decides itself"),
        ("llm.local.extra.messages=[]", "`messages`, which"),
        ("llm.local.extra.temperature=0", "the setting `temperature` is for that"),
        ("llm.local.extra=5", "must be a table, `[llm.local.extra]`"),
    ] {
        let sets = endpoint.iter().chain([&set]).map(|set| (*set).to_owned()).collect();
        let faults = Config::load(&Sources { sets, ..Sources::default() }).unwrap_err();
        let [fault] = &faults.0[..] else { panic!("{faults}") };
        assert_eq!((fault.key.as_str(), fault.layer.as_str()), ("llm.local.extra", "--set"), "{faults}");
        assert!(fault.message.contains(expected), "{faults}");
    }
}

#[test]
fn topics_and_mappings_have_any_name_and_what_is_wrong_in_them_is_told_by_its_key() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = "[ingest.formats]\n\"a.b\" = \"x\"\nc = \"shop\"\n[ingest.mappings.shop]\nid = \"$.i\"\ntext = \"$.t\"\n";
    std::fs::write(file.path(), text).unwrap();
    let sets = vec!["ingest.mappings.shop.lang=$['l']".to_owned(), "ingest.formats.d=jetstream".to_owned()];
    let sources = Sources { files: vec![file.path().to_owned()], sets, ..Sources::default() };
    let ingest = Config::load(&sources).unwrap().config.ingest;
    let formats: Vec<(&str, &str)> =
        ingest.formats.iter().map(|(topic, name)| (topic.as_str(), name.as_str())).collect();
    assert_eq!(formats, [("a.b", "x"), ("c", "shop"), ("d", "jetstream")]);
    assert_eq!(ingest.mappings["shop"]["lang"], "$['l']");
    for (set, key, expected) in [
        ("ingest.formats.a=avr", "ingest.formats.a", "is `avr`; it must be `auto` or one of `riveg`"),
        ("ingest.formats=3", "ingest.formats", "must be a table"),
        ("ingest.mappings.m.id=$.i", "ingest.mappings.m.text", "must be a JSONPath"),
        ("ingest.mappings.m=3", "ingest.mappings.m", "must be"),
        ("ingest.formats.a=[1]", "ingest.formats.a", "must be"),
        ("ingest.format=avr", "ingest.format", "is `avr`"),
    ] {
        let sources = Sources { sets: vec![set.to_owned()], ..Sources::default() };
        let faults = Config::load(&sources).unwrap_err();
        let is_told = |fault: &super::Fault| fault.key == key && fault.message.contains(expected);
        assert!(faults.0.iter().any(is_told), "{set}: {faults}");
    }
}
