//! Tests of `llm.NAME.extra`: free parameters are kept, and those that the engine sets are refused.

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
