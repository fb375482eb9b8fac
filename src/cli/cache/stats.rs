//! Statistics: the number, bytes and ages of cached answers by tier and kind.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use bytesize::ByteSize;
use serde_json::{Value, json};

use crate::cli::Failure;
use crate::cli::output_format::{FormatArgument, print, print_json};
use crate::cli::progress::counter;
use crate::llm::answers::{Archive, Kind, Record, unix_millis};

/// The answers of one kind in one tier.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Tally {
    entries: u64,
    negative: u64,
    bytes: u64,
    unreadable: u64,
    /// Moments in milliseconds since 1970.
    oldest: Option<u64>,
    newest: Option<u64>,
    sum: u128,
}

impl Tally {
    fn add(&mut self, record: Option<&Record>, bytes: usize) {
        self.bytes += bytes as u64;
        let Some(record) = record else {
            self.unreadable += 1;
            return;
        };
        self.entries += 1;
        self.negative += u64::from(record.text.is_none());
        self.oldest = Some(self.oldest.map_or(record.made_at, |oldest| oldest.min(record.made_at)));
        self.newest = Some(self.newest.map_or(record.made_at, |newest| newest.max(record.made_at)));
        self.sum += u128::from(record.made_at);
    }

    fn mean(&self) -> Option<u64> {
        u64::try_from(self.sum.checked_div(u128::from(self.entries))?).ok()
    }
}

pub(super) async fn run(archive: &Archive, format: FormatArgument) -> Result<(), Failure> {
    let mut tallies: BTreeMap<(&str, Kind), Tally> = BTreeMap::new();
    for tier in archive.tiers() {
        let bar = counter("answers read");
        archive
            .each(tier, |id, record, bytes| {
                bar.inc(1);
                tallies.entry((tier.as_str(), id.kind)).or_default().add(record.as_ref(), bytes);
            })
            .await?;
        bar.finish_and_clear();
        for kind in Kind::ALL {
            tallies.entry((tier.as_str(), kind)).or_default();
        }
    }
    let now = unix_millis(SystemTime::now());
    if format.is_json() {
        return print_json(&tallies.iter().map(|(of, tally)| json_of(*of, tally, now)).collect::<Vec<_>>());
    }
    print(&table(&tallies, now))
}

/// The answers of one kind in one tier for programs; ages in seconds.
fn json_of((tier, kind): (&str, Kind), tally: &Tally, now: u64) -> Value {
    let age = |made_at: Option<u64>| made_at.map(|made_at| now.saturating_sub(made_at) as f64 / 1000.0);
    json!({
        "tier": tier,
        "kind": kind.as_str(),
        "answers": tally.entries,
        "negative": tally.negative,
        "unreadable": tally.unreadable,
        "bytes": tally.bytes,
        "newest_seconds": age(tally.newest),
        "mean_seconds": age(tally.mean()),
        "oldest_seconds": age(tally.oldest),
    })
}

fn table(tallies: &BTreeMap<(&str, Kind), Tally>, now: u64) -> String {
    let mut table = format!(
        "{:<7}{:<13}{:>9}{:>10}{:>12}{:>12}  {:<14}{:<14}{:<14}\n",
        "tier", "kind", "answers", "negative", "unreadable", "bytes", "newest", "mean", "oldest"
    );
    let age = |made_at: Option<u64>| {
        made_at
            .map_or("-".to_owned(), |made_at| short_age(Duration::from_millis(now.saturating_sub(made_at))))
    };
    for ((tier, kind), tally) in tallies {
        let Tally { entries, negative, bytes, unreadable, oldest, newest, .. } = tally;
        let bytes = ByteSize(*bytes).to_string();
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "{tier:<7}{:<13}{entries:>9}{negative:>10}{unreadable:>12}{bytes:>12}  {:<14}{:<14}{}",
            kind.as_str(),
            age(*newest),
            age(tally.mean()),
            age(*oldest)
        );
    }
    table
}

/// An age in its two largest units.
fn short_age(age: Duration) -> String {
    let text = humantime::format_duration(Duration::from_secs(age.as_secs())).to_string();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_with_their_ages() {
        let record = |made_at, text: Option<&str>| Record {
            subject: String::new(),
            model: String::new(),
            text: text.map(Into::into),
            refused: None,
            made_at,
        };
        let mut tally = Tally::default();
        tally.add(Some(&record(1_000_000, Some("a"))), 100);
        tally.add(Some(&record(3_000_000, None)), 50);
        tally.add(None, 7);
        let tallies =
            BTreeMap::from([(("disk", Kind::Expansion), tally), (("disk", Kind::Caption), Tally::default())]);
        let table = table(&tallies, 100_000_000);
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(
            lines[1],
            ["disk", "expansion", "2", "1", "1", "157", "B", "1day", "2h", "1day", "3h", "1day", "3h"]
        );
        assert_eq!(lines[2], ["disk", "caption", "0", "0", "0", "0", "B", "-", "-", "-"]);
    }
}
