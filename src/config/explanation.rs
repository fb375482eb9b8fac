//! Explanations of settings: the comments of `config/default.toml` by key and by section.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::defaults::{DEFAULTS, NAMED, OPEN_TABLE, TEMPLATE, all_keys, default_of, free_table};
use super::layers::nearest;
use super::sources::variable_of;
use crate::engine::config::is_reloaded;

/// What is known of a key or a section of the settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// Its path.
    pub key: String,
    /// Its comment in `config/default.toml`, without the signs of comments.
    pub comment: String,
    /// The default of a key; none of a section, and of a key that the user chooses.
    pub default: Option<Value>,
    /// The keys of a section; none of a key.
    pub keys: Vec<String>,
    /// The environment variable of a key; none of a section.
    pub variable: Option<String>,
    /// Whether a running engine takes a changed value in at SIGHUP.
    pub is_reloaded: bool,
}

/// A path that the settings do not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no setting `{key}`; {hint}")]
pub struct UnknownKey {
    key: String,
    /// The nearest key, or how to find one.
    hint: String,
}

impl UnknownKey {
    fn new(key: &str, defaults: &Table) -> Self {
        let hint = match nearest(key, &all_keys(defaults)) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "`riveg config show` prints all there are".to_owned(),
        };
        Self { key: key.to_owned(), hint }
    }
}

/// Explains a key, such as `engine.posts_in_flight`, or a section, such as `engine`.
///
/// # Errors
/// The settings have no such path.
pub fn explain(path: &str) -> Result<Explanation, UnknownKey> {
    let defaults: Table = match DEFAULTS.parse() {
        Ok(defaults) => defaults,
        Err(fault) => unreachable!("a test reads config/default.toml: {fault}"),
    };
    let comments = Comments::of(DEFAULTS);
    let documented = in_template(path);
    let is_free = documented.starts_with(&format!("{OPEN_TABLE}."))
        || free_table(&documented).is_some_and(|table| table != documented);
    let (comment, default) = match default_of(&defaults, &documented) {
        _ if is_free => {
            let table = free_table(&documented).unwrap_or(OPEN_TABLE);
            (comments.of_section(table), None)
        }
        Some(Value::Table(_)) => (comments.of_section(&documented), None),
        Some(value) => (comments.of_key(&documented), Some(value.clone())),
        None => return Err(UnknownKey::new(path, &defaults)),
    };
    let within = format!("{documented}.");
    let is_key = default.is_some() || is_free;
    let keys = all_keys(&defaults).into_iter().filter(|key| !is_key && key.starts_with(&within)).collect();
    Ok(Explanation {
        key: path.to_owned(),
        comment,
        default,
        keys,
        variable: is_key.then(|| variable_of(path)),
        is_reloaded: is_key && is_reloaded(path),
    })
}

/// The path of the template that documents a named table: `llm.default.url` for `llm.local.url`.
fn in_template(path: &str) -> String {
    for named in NAMED {
        let Some(inner) = path.strip_prefix(named).and_then(|rest| rest.strip_prefix('.')) else { continue };
        return match inner.split_once('.') {
            Some((_, key)) => format!("{named}.{TEMPLATE}.{key}"),
            None => format!("{named}.{TEMPLATE}"),
        };
    }
    path.to_owned()
}

/// The comments of a TOML file.
#[derive(Default)]
struct Comments {
    /// By section, in the order of the file.
    sections: Vec<(String, String)>,
    keys: BTreeMap<String, String>,
}

impl Comments {
    /// A comment is that of the key or section below it, and of the keys that follow that key without a comment or an empty
    /// line between them.
    fn of(text: &str) -> Self {
        let mut comments = Self::default();
        let (mut section, mut comment, mut is_open) = (String::new(), Vec::new(), false);
        for line in text.lines() {
            if let Some(words) = line.strip_prefix('#') {
                if !is_open {
                    comment.clear();
                }
                is_open = true;
                comment.push(words.strip_prefix(' ').unwrap_or(words));
                continue;
            }
            is_open = false;
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                name.clone_into(&mut section);
                comments.sections.push((section.clone(), comment.join("\n")));
                comment.clear();
            } else if let Some((key, _)) = line.split_once(" = ") {
                comments.keys.insert(format!("{section}.{key}"), comment.join("\n"));
            } else if line.is_empty() {
                comment.clear();
            }
        }
        comments
    }

    /// The comment of a section. A section within another takes that of the first beside it where it has none; one that is
    /// only written in parts has that of its first part.
    fn of_section(&self, path: &str) -> String {
        let own = self.sections.iter().find(|(name, _)| name == path).map(|(_, comment)| comment.as_str());
        let found = match (own, path.rsplit_once('.')) {
            (None, _) => self.first_within(path),
            (Some(""), Some((parent, _))) => self.first_within(parent),
            (Some(comment), _) => comment,
        };
        found.to_owned()
    }

    /// The first comment of a section within another.
    fn first_within(&self, parent: &str) -> &str {
        let within = self.sections.iter().filter(|(name, _)| is_within(name, parent));
        within.map(|(_, comment)| comment.as_str()).find(|comment| !comment.is_empty()).unwrap_or_default()
    }

    /// What the comment of the section, or of the first one beside it, says of the key in a list, and the key's own comment.
    fn of_key(&self, path: &str) -> String {
        let (section, name) = path.rsplit_once('.').unwrap_or(("", path));
        let parent = section.rsplit_once('.').map_or(section, |(parent, _)| parent);
        let lists = [self.of_section(section), self.first_within(parent).to_owned()];
        let listed = lists.iter().map(|comment| of_list(comment, name)).find(|text| !text.is_empty());
        let own = self.keys.get(path).filter(|text| !text.is_empty()).cloned();
        listed.into_iter().chain(own).collect::<Vec<_>>().join("\n")
    }
}

fn is_within(name: &str, path: &str) -> bool {
    name.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))
}

/// What a list in a comment says of a name: `  name  words`, with further lines indented at least as far.
fn of_list(comment: &str, name: &str) -> String {
    let entry =
        |line: &str| Some(line.strip_prefix("  ")?.strip_prefix(name)?.strip_prefix("  ")?.trim().to_owned());
    let mut lines = comment.lines().skip_while(|line| entry(line).is_none());
    let first = lines.next().and_then(entry);
    let more = lines.take_while(|line| line.starts_with("      ")).map(|line| line.trim().to_owned());
    first.into_iter().chain(more).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_explained_by_its_own_comment() {
        let defaults: Table = DEFAULTS.parse().unwrap();
        for key in all_keys(&defaults) {
            let explained = explain(&key).unwrap();
            assert!(explained.comment.len() > 20, "{key}: {}", explained.comment);
            assert!(explained.default.is_some() && explained.keys.is_empty(), "{key}");
        }
        let comment = |key: &str| explain(key).unwrap().comment;
        assert!(comment("engine.posts_in_flight").starts_with("Posts in flight. More posts fill batches"));
        assert!(comment("engine.stall_dead").starts_with("The engine is not ready if a batch"));
        assert_eq!(comment("llm.local.url"), comment("llm.default.url"));
        assert!(comment("scheduler.entail.patience").starts_with("a request that has waited this long goes"));
        let tokens = comment("scheduler.entail.max_tokens");
        assert!(
            tokens.starts_with("tokens in a batch") && tokens.contains("5 pictures of OFA's 480"),
            "{tokens}"
        );
        assert!(comment("kafka.properties.ssl.ca.location").starts_with("Further properties of librdkafka"));
    }

    #[test]
    fn a_section_lists_its_keys_and_a_key_has_its_variable() {
        let engine = explain("engine").unwrap();
        assert!(engine.keys.contains(&"engine.posts_in_flight".to_owned()), "{engine:?}");
        assert_eq!((engine.variable, engine.default), (None, None));
        let llm = explain("llm").unwrap();
        assert!(llm.comment.starts_with("Language models, each under a name"), "{llm:?}");
        let variable = |key: &str| explain(key).unwrap().variable.unwrap();
        assert_eq!(variable("llm.local.max_tokens"), "RIVEG_LLM__LOCAL__MAX_TOKENS");
        assert_eq!(variable("kafka.properties.sasl.password"), "RIVEG_KAFKA__PROPERTIES__SASL_PASSWORD");
    }

    #[test]
    fn an_unknown_path_is_told_with_the_nearest() {
        let message = |key: &str| explain(key).unwrap_err().to_string();
        assert_eq!(
            message("engine.posts_in_fligt"),
            "there is no setting `engine.posts_in_fligt`; did you mean `engine.posts_in_flight`?"
        );
        assert!(message("zzzz").contains("`riveg config show` prints all there are"));
    }
}
