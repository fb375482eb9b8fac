//! Alerts: promtool accepts the rules, each alert fires in one case and not in another, and each says what to do.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

const RULE: &str = include_str!("../../k8s/alerts/riveg.yaml");
const CASES: &str = include_str!("../../k8s/alerts/tests.yaml");
const DOCS: &str = include_str!("../../docs/operations.md");

/// The rules as any Prometheus reads them: JSON is YAML.
pub(super) fn rules() -> Value {
    let object: Value = serde_saphyr::from_str(RULE).unwrap();
    object["spec"].clone()
}

/// All alerts.
pub(super) fn alerts(rules: &mut Value) -> Vec<&mut Value> {
    let groups = rules["groups"].as_array_mut().unwrap().iter_mut();
    groups.flat_map(|group| group["rules"].as_array_mut().unwrap()).collect()
}

pub(super) fn names() -> BTreeSet<String> {
    alerts(&mut rules()).iter().map(|alert| alert["alert"].as_str().unwrap().to_owned()).collect()
}

/// The same rules with so many seconds for each minute, for tests that wait for them. Thresholds stay.
pub(super) fn hurried(seconds: u32) -> String {
    let mut rules = rules();
    let hurry = |minutes: &str| format!("{}s", minutes.parse::<u32>().unwrap() * seconds);
    for alert in alerts(&mut rules) {
        let parts: Vec<&str> = alert["expr"].as_str().unwrap().split("m]").collect();
        let (last, windows) = parts.split_last().unwrap();
        let windows = windows.iter().map(|part| {
            let (before, minutes) = part.rsplit_once('[').unwrap();
            format!("{before}[{}]", hurry(minutes))
        });
        alert["expr"] = (windows.collect::<String>() + last).into();
        if let Some(minutes) = alert["for"].as_str() {
            alert["for"] = hurry(minutes.strip_suffix('m').unwrap()).into();
        }
    }
    rules.to_string()
}

#[test]
fn promtool_accepts_the_rules_and_their_cases() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.yaml"), rules().to_string()).unwrap();
    std::fs::write(folder.path().join("seconds.yaml"), hurried(1)).unwrap();
    std::fs::write(folder.path().join("tests.yaml"), CASES).unwrap();
    for arguments in [
        ["check", "rules", "rules.yaml"],
        ["check", "rules", "seconds.yaml"],
        ["test", "rules", "tests.yaml"],
    ] {
        let output = Command::new("promtool").args(arguments).current_dir(folder.path()).output();
        let output = output.expect("`scripts/setup test` installs prometheus, or says what to install");
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        assert!(output.status.success() && said.contains("SUCCESS"), "{arguments:?}: {said}");
    }
}

#[test]
fn every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() {
    let cases: Value = serde_saphyr::from_str(CASES).unwrap();
    let mut seen: BTreeMap<(String, bool), usize> = BTreeMap::new();
    for case in cases["tests"].as_array().unwrap() {
        for one in case["alert_rule_test"].as_array().unwrap() {
            let fires = !one["exp_alerts"].as_array().unwrap().is_empty();
            let name = one["alertname"].as_str().unwrap();
            assert!(case["name"].as_str().unwrap().starts_with(&format!("{name}: ")), "{case}");
            *seen.entry((name.to_owned(), fires)).or_default() += 1;
        }
    }
    let expected: BTreeSet<_> =
        names().into_iter().flat_map(|name| [(name.clone(), false), (name, true)]).collect();
    assert_eq!(seen.into_keys().collect::<BTreeSet<_>>(), expected);
}

#[test]
fn every_alert_has_a_section_that_says_what_to_do_and_a_severity() {
    let sections: BTreeMap<&str, &str> = DOCS
        .split("\n### ")
        .skip(1)
        .filter_map(|section| section.split_once('\n'))
        .filter(|(name, _)| name.starts_with("Riveg"))
        .collect();
    assert_eq!(sections.keys().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>(), names());
    for (name, section) in &sections {
        assert!(section.split_whitespace().count() > 20, "{name}: {section}");
    }
    let mut rules = rules();
    for alert in alerts(&mut rules) {
        let name = alert["alert"].as_str().unwrap().to_owned();
        let anchor = format!("docs/operations.md#{}", name.to_lowercase());
        assert_eq!(alert["annotations"]["runbook"], anchor, "{name}");
        assert!(["critical", "warning"].contains(&alert["labels"]["severity"].as_str().unwrap()), "{name}");
        for text in ["summary", "description"] {
            assert!(alert["annotations"][text].as_str().unwrap().ends_with('.'), "{name}: {text}");
        }
    }
}
