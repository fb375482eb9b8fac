//! Sample records: what each says in the format of the settings, and what the paths of a mapping find.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use crate::cli::Failure;
use crate::cli::line_reader::LineReader;
use crate::cli::quoted::shown;
use crate::config::Config;
use crate::input::formats::{Event, Feeds, InputRecord};

use super::finding::Finding;

/// Characters of a text or an id that a finding shows.
const SHOWN: usize = 100;

/// Reads the records of a file, one a line.
pub(super) fn check(path: &Path, topic: Option<&str>, config: &Config) -> Result<Vec<Finding>, Failure> {
    let opened =
        File::open(path).map_err(|error| format!("cannot open the sample `{}`: {error}", path.display()))?;
    let feeds = Feeds::new(&config.feeds());
    let mut findings = Vec::new();
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for line in LineReader::new(BufReader::new(opened), config.decode.max_record.as_u64()) {
        let line = line?;
        let record =
            InputRecord { payload: line.record, topic: topic.map(Into::into), ..InputRecord::default() };
        for (setting, count) in feeds.found_by_paths(&record) {
            *found.entry(setting).or_default() += count;
        }
        findings.extend(findings_of(&feeds, &record, line.number, config));
    }
    if findings.is_empty() {
        let message = Err("has no records".to_owned());
        findings.push(Finding::new(format!("sample {}", path.display()), message));
    }
    let without = found.into_iter().filter(|(_, count)| *count == 0).map(|(setting, _)| Finding {
        what: setting,
        found: Err("finds nothing in any record of the sample".to_owned()),
        is_warning: false,
    });
    findings.extend(without);
    Ok(findings)
}

/// What one record says.
fn findings_of(feeds: &Feeds, record: &InputRecord, number: u64, config: &Config) -> Vec<Finding> {
    let what = format!("sample line {number}");
    match feeds.read(record, &config.decode) {
        Err(rejection) => vec![Finding::new(what, Err(rejection.to_string()))],
        Ok(read) if read.events.is_empty() => {
            vec![Finding::new(what, Ok(format!("{}: nothing", read.format)))]
        }
        Ok(read) => {
            let finding = |event: &Event| {
                let found =
                    said(event, feeds, config.decode.unescape).map(|said| format!("{}: {said}", read.format));
                // It is skipped, as the settings say.
                let is_warning = found.is_ok() && matches!(event, Event::Unknown { .. });
                Finding { what: what.clone(), found, is_warning }
            };
            read.events.iter().map(finding).collect()
        }
    }
}

/// An event in words. Texts are untrusted.
fn said(event: &Event, feeds: &Feeds, unescape: bool) -> Result<String, String> {
    let shown = |text: &str| shown(text, SHOWN);
    match event {
        Event::Post(draft) => {
            let read = draft.text_form.clone().read(&draft.text, unescape);
            let read = read.as_ref().map_or(draft.text.as_str(), |read| read.text());
            let (id, text, pictures) = (shown(&draft.id), shown(read), draft.media.len());
            Ok(format!("post `{id}` with {pictures} media: \"{text}\""))
        }
        Event::Deletion { id } => Ok(format!("deletion of the post `{}`", shown(id))),
        Event::Ignored { kind } => Ok(format!("nothing to answer ({kind})")),
        Event::Unknown { what } if feeds.skips_unknown() => Ok(format!("{}, which is skipped", shown(what))),
        Event::Unknown { what } => {
            Err(format!("{}, which becomes a dead letter: ingest.unknown_events", shown(what)))
        }
        Event::Faulty(rejection) => Err(rejection.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::config::Sources;

    fn findings(sets: &[&str], lines: &str, topic: Option<&str>) -> Vec<(String, Result<String, String>)> {
        let sets = sets.iter().map(|&set| set.to_owned()).collect();
        let config = Config::load(&Sources { sets, ..Sources::default() }).unwrap().config;
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(lines.as_bytes()).unwrap();
        let findings = check(file.path(), topic, &config).unwrap();
        findings.into_iter().map(|finding| (finding.what, finding.found)).collect()
    }

    #[test]
    fn each_record_is_told_with_its_format() {
        let told = findings(&[], "{\"id\":\"1\",\"text\":\"a\\nb\"}\nno JSON\n", None);
        let expected = Ok("riveg: post `1` with 0 media: \"a\\nb\"".to_owned());
        assert_eq!(told[0], ("sample line 1".to_owned(), expected));
        assert!(told[1].1.as_ref().unwrap_err().contains("not JSON"), "{told:?}");
        assert_eq!(findings(&[], "", None)[0].1, Err("has no records".to_owned()));
    }

    #[test]
    fn an_unknown_event_fails_where_it_would_be_a_dead_letter() {
        let like = r#"{"did":"did:plc:a","time_us":1,"kind":"commit","commit":{"rev":"3lbq2w5skmc2k","operation":"create","collection":"app.bsky.feed.like","rkey":"3lbq2w5s7vc2k","cid":"b","record":{}}}"#;
        let refused = &findings(&[], like, None)[0].1;
        assert!(refused.as_ref().is_err_and(|message| message.contains("dead letter")), "{refused:?}");
        let skipped = &findings(&["ingest.unknown_events=skip"], like, None)[0].1;
        assert!(skipped.as_ref().is_ok_and(|said| said.ends_with("which is skipped")), "{skipped:?}");
    }

    #[test]
    fn markup_is_shown_as_networks_read_it() {
        let note = r#"{"@context":"https://www.w3.org/ns/activitystreams","id":"https://a.example/1","type":"Note","content":"<p>Ada &amp; <b>Bo</b></p>"}"#;
        let told = &findings(&[], note, None)[0].1;
        let expected = "activitypub: post `https://a.example/1` with 0 media: \"Ada & Bo\"";
        assert_eq!(told.as_deref(), Ok(expected));
        let escaped = r#"{"data":{"id":"1","text":"Ada &amp; Bo","edit_history_tweet_ids":["1"]}}"#;
        let text = |sets: &[&str]| findings(sets, escaped, None)[0].1.clone();
        assert_eq!(text(&[]).as_deref(), Ok("x: post `1` with 0 media: \"Ada & Bo\""));
        assert_eq!(
            text(&["decode.unescape=false"]).as_deref(),
            Ok("x: post `1` with 0 media: \"Ada &amp; Bo\"")
        );
    }

    #[test]
    fn a_path_that_finds_nothing_in_any_record_is_told() {
        let sets = [
            "ingest.formats.sales=shop",
            "ingest.mappings.shop.id=$.i",
            "ingest.mappings.shop.text=$.t",
            "ingest.mappings.shop.media=$.pics[*]",
            "ingest.mappings.shop.lang=$.language",
        ];
        let lines = "{\"i\":1,\"t\":\"x\"}\n{\"i\":2,\"t\":\"y\",\"language\":\"sv\"}\n";
        let told = findings(&sets, lines, Some("sales"));
        let [first, second, path] = &told[..] else { panic!("{told:?}") };
        assert!(first.1.is_ok() && second.1.is_ok(), "{told:?}");
        assert_eq!(path.0, "ingest.mappings.shop.media = `$.pics[*]`");
        assert!(findings(&sets, lines, None)[0].1.is_err(), "another topic has another format");
    }
}
