//! The page docs/metrics.md: made from the registered families, whose names, units and labels follow Prometheus' conventions.
//! `UPDATE_EXPECT=1 cargo test metrics_page` writes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use expect_test::expect_file;
use riveg::domain::RejectionClass;
use riveg::llm::answers::Kind;
use riveg::telemetry::{CacheTally, Family, Health, Metrics};

/// Sections of the page: a heading, and how the names of its families begin after `riveg_`. The first that fits counts.
const SECTIONS: [(&str, &[&str]); 13] = [
    ("Process", &["build_", "bundle_", "ready", "alive", "resident_", "planned_", "reloads_", "spans_"]),
    (
        "Lag and partitions",
        &["consumer_lag_", "commit_", "outstanding_", "paused_", "rebalances_", "transaction_"],
    ),
    ("Records", &["records_", "consumed_", "produced_", "events_", "tombstones_", "output_"]),
    ("Posts", &["posts_", "end_to_end_", "decode_", "entities_", "media_"]),
    ("Dead letters", &["dead_letters_"]),
    ("Stages", &["stage_"]),
    ("Device", &["device_", "remembered_", "pictures_read_"]),
    ("Pictures", &["picture_"]),
    ("Caches", &["cache_"]),
    ("Language models", &["llm_"]),
    ("Answers of language models", &["answer_", "answers_"]),
    ("Kafka clients", &["kafka_"]),
    ("Posts over HTTP, and feeds", &["http_", "feed_"]),
];

/// The section of the metrics that every process has.
const PROCESS: &str = "Every process";

/// What values labels have, and why these are few.
const LABELS: [(&str, &str); 28] = [
    ("answer", "closed: what a post over HTTP was answered with"),
    ("broker", "brokers that a client is connected to; series of others end"),
    ("class", "closed: classes of dead letters, of faults of a store"),
    ("client", "closed: the two clients of Kafka"),
    ("device", "one: the device in use"),
    ("direction", "closed"),
    ("endpoint", "language models in the settings, `llm.NAME`"),
    ("event", "closed for each format"),
    ("feed", "feeds that the process reads: one"),
    ("format", "formats of the engine, and mappings in the settings"),
    ("gate", "closed: what the gate decided"),
    ("hash", "one: the bundle in use"),
    ("kind", "closed for each metric"),
    ("libtorch", "one: the version in use"),
    ("outcome", "closed for each metric"),
    ("output", "outputs in the settings, `publish.outputs.NAME`"),
    ("partition", "partitions that the engine reads; gauges of revoked ones end"),
    ("reason", "closed for each metric"),
    ("revision", "one: of the build"),
    ("source", "closed: where an answer came from"),
    ("stage", "closed: the stages of the pipeline"),
    ("state", "closed for each metric"),
    ("status", "closed: statuses of HTTP that the engine sends"),
    ("tier", "closed: where answers are kept"),
    ("topic", "topics that the engine reads or writes"),
    ("type", "entity types of the bundle"),
    ("version", "one: of the build"),
    ("what", "closed: parts of a record"),
];

/// All metrics, with the series whose labels are known from the code.
fn declared() -> Metrics {
    let metrics = Metrics::new();
    metrics.watch_health(&Arc::new(Health::default()));
    metrics.declare_dead_letters(&RejectionClass::ALL.map(RejectionClass::as_str), &[]);
    metrics.answers().declare_kinds(Kind::ALL.map(Kind::as_str));
    metrics.watch_cache("NAME", CacheTally::default);
    metrics.memory().planned(0, 0);
    metrics.entities().declare_types(["TYPE"]);
    metrics.outputs().declare("NAME");
    let _series = (metrics.llm("NAME"), metrics.feed("NAME"));
    metrics
}

/// The values of the labels of each family that the code knows.
fn known_values(metrics: &Metrics) -> BTreeMap<(String, String), BTreeSet<String>> {
    let mut known: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for line in metrics.render().lines().filter(|line| !line.starts_with('#')) {
        let Some((name, rest)) = line.split_once('{') else { continue };
        let name =
            ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        for pair in rest[..rest.rfind('}').unwrap()].split("\",") {
            let (label, value) = pair.split_once("=\"").unwrap();
            let values = known.entry((name.to_owned(), label.to_owned())).or_default();
            values.insert(value.trim_end_matches('"').to_owned());
        }
    }
    known
}

fn page() -> String {
    let metrics = declared();
    let (families, known) = (metrics.families(), known_values(&metrics));
    let mut page = String::from(
        "# Metrics\n\nMade from the code; `UPDATE_EXPECT=1 cargo test metrics_page` writes it anew. [Operations](operations.md) says \
         how to\nread them: questions, dashboards, alerts.\n\n`/metrics` has Prometheus' text format, or OpenMetrics on request, whose \
         counters have no `_total` in `# TYPE`. Names follow\nPrometheus' conventions: base units, `_total` for counters. Histograms \
         are classic ones; the client library has no native\nones. In OpenMetrics the buckets of `riveg_end_to_end_seconds` have \
         exemplars, the ids of traces that are recorded\n(Prometheus keeps them with `--enable-feature=exemplar-storage`). Label \
         values that are known in advance start at 0.\n",
    );
    for heading in SECTIONS.iter().map(|(heading, _)| *heading).chain([PROCESS]) {
        let belongs = |family: &&Family| heading_of(&family.name) == Some(heading);
        write!(page, "\n## {heading}\n\n| metric | kind | labels | |\n|---|---|---|---|\n").unwrap();
        for family in families.iter().filter(belongs) {
            let labels: Vec<String> =
                family.labels.iter().map(|label| shown(family, label, &known)).collect();
            let help = family.help.replace('|', "\\|");
            writeln!(page, "| `{}` | {} | {} | {help} |", family.name, family.kind, labels.join("; "))
                .unwrap();
        }
    }
    page.push_str("\n## Labels\n\nNo label has the text, the author or the id of a post.\n\n| label | values |\n|---|---|\n");
    for (label, values) in LABELS {
        writeln!(page, "| `{label}` | {values} |").unwrap();
    }
    page
}

/// A label with its values, where the code knows them and they are not those of all stages.
fn shown(family: &Family, label: &str, known: &BTreeMap<(String, String), BTreeSet<String>>) -> String {
    let values = known.get(&(family.name.clone(), label.to_owned()));
    let values = values
        .filter(|values| label != "stage" && !values.iter().any(|value| value == "NAME" || value == "TYPE"));
    match values {
        Some(values) => {
            format!("`{label}`: {}", values.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
        }
        None => format!("`{label}`"),
    }
}

fn heading_of(name: &str) -> Option<&'static str> {
    let Some(rest) = name.strip_prefix("riveg_") else {
        return name.starts_with("process_").then_some(PROCESS);
    };
    let fits = |(_, prefixes): &&(_, &[&str])| prefixes.iter().any(|prefix| rest.starts_with(prefix));
    SECTIONS.iter().find(fits).map(|(heading, _)| *heading)
}

#[test]
fn metrics_page_is_that_of_the_code() {
    let mut families = declared().families();
    families.retain(|family| heading_of(&family.name).is_none());
    assert!(families.is_empty(), "these have no section: {families:?}");
    expect_file!["../../docs/metrics.md"].assert_eq(&page());
}

#[test]
fn names_units_and_labels_follow_the_conventions() {
    let described: BTreeSet<&str> = LABELS.iter().map(|(label, _)| *label).collect();
    assert_eq!(described.len(), LABELS.len());
    let mut used = BTreeSet::new();
    for Family { name, kind, labels, help } in declared().families() {
        let counts = name.ends_with("_total");
        assert_eq!(counts, kind == "counter", "{name} is a {kind}");
        assert!(
            !["_count", "_sum", "_bucket"].iter().any(|end| name.ends_with(end)),
            "{name} looks like part of a histogram"
        );
        for unit in ["milliseconds", "millis", "minutes", "hours", "kilobytes", "megabytes", "mib", "percent"]
        {
            assert!(!name.split('_').any(|word| word == unit), "{name}: {unit} is no base unit");
        }
        // The unit stands at the end, or before `_total`.
        let rest = name.strip_suffix("_total").unwrap_or(&name);
        for unit in ["_seconds", "_bytes", "_ratio"] {
            let is_within = rest.contains(&format!("{unit}_")) && !rest.contains("_bytes_in_flight");
            assert!(!is_within, "{name}: the unit {unit} is not at the end");
        }
        assert!(help.ends_with('.') || name.starts_with("process_"), "{name}: {help}");
        for label in labels {
            assert!(
                described.contains(label.as_str()),
                "{name}: docs/metrics.md does not say which values `{label}` has"
            );
            used.insert(label);
        }
    }
    let used: BTreeSet<&str> = used.iter().map(String::as_str).collect();
    assert_eq!(used, described, "labels that are described and those that there are");
}
