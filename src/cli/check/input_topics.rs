//! Input topics in the check: those with names, those that a pattern matches now, and formats of topics that are not read.

use crate::cli::brokers::{BrokerError, Brokers};
use crate::config::Config;

use super::finding::Finding;

/// How many topics of all patterns are checked one by one: each takes some requests.
const MOST_MATCHED: usize = 20;

/// The topics that are read, and what is to say of patterns.
pub(super) fn find(config: &Config, brokers: &Brokers) -> Result<(Vec<String>, Vec<Finding>), BrokerError> {
    let topics = config.ingest.topic.clone().without(config.publish.topics());
    let mut read: Vec<String> = topics.names().map(str::to_owned).collect();
    let patterns: Vec<&str> = topics.patterns().collect();
    if patterns.is_empty() {
        return Ok((read, Vec::new()));
    }
    let matched: Vec<String> =
        brokers.topics()?.into_iter().filter(|topic| topics.is_matched(topic)).collect();
    let (matched, written): (Vec<String>, Vec<String>) =
        matched.into_iter().partition(|topic| topics.has(topic));
    let found = match matched.len() {
        0 => "no topic matches yet".to_owned(),
        count => format!("{count} topics match: {}", listed(&matched)),
    };
    let left_out = if written.is_empty() {
        String::new()
    } else {
        format!("; not read, because the engine writes them: {}", listed(&written))
    };
    let what = format!("topics {}", patterns.join(", "));
    let is_warning = matched.is_empty();
    let finding = Finding { what, found: Ok(found + &left_out), is_warning };
    let named = read.clone();
    read.extend(matched.into_iter().filter(|topic| !named.contains(topic)).take(MOST_MATCHED));
    Ok((read, vec![finding]))
}

/// The first names of a list, and how many more there are.
fn listed(names: &[String]) -> String {
    let first = names.iter().take(MOST_MATCHED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST_MATCHED) {
        0 => first,
        more => format!("{first} and {more} more, which are not checked"),
    }
}

/// Entries of `ingest.formats` for topics that are not read: probably misspelt.
pub(super) fn formats_without_topic(config: &Config) -> Vec<Finding> {
    let unread = config.ingest.formats.keys().filter(|topic| !config.ingest.topic.has(topic));
    let finding = |topic: &String| Finding {
        what: format!("ingest.formats.\"{topic}\""),
        found: Ok(format!("has no effect: ingest.topic does not read `{topic}`")),
        is_warning: true,
    };
    unread.map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    #[test]
    fn a_format_of_a_topic_that_is_not_read_is_told() {
        let set = |entry: &str| entry.to_owned();
        let sets = vec![
            set(r#"ingest.topic=["a", "^posts\\..*"]"#),
            set("[ingest.formats]")
                .replace("[ingest.formats]", "ingest.formats={ a = \"x\", \"posts.b\" = \"x\", c = \"x\" }"),
        ];
        let config = Config::load(&Sources { sets, ..Sources::default() }).unwrap().config;
        let told: Vec<String> =
            formats_without_topic(&config).into_iter().map(|finding| finding.what).collect();
        assert_eq!(told, ["ingest.formats.\"c\""]);
    }

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<String> = (0..23).map(|number| format!("t{number}")).collect();
        assert!(listed(&names).ends_with("t19 and 3 more, which are not checked"), "{}", listed(&names));
        assert_eq!(listed(&names[..2]), "t0, t1");
    }
}
