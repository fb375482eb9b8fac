//! Dashboards: panels lie beside each other, have names and units, and leave no metric out.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use riveg::telemetry::Metrics;
use serde_json::Value;

/// Families that no panel needs.
const NOT_SHOWN: [&str; 6] = [
    // Prometheus' own `up`, and riveg_ready, say more.
    "riveg_alive",
    // A process has few of either; they are for a person who looks for a leak.
    "process_open_fds",
    "process_max_fds",
    "process_threads",
    // Every dashboard has it, as an annotation.
    "process_start_time_seconds",
    // What libtorch maps says nothing of memory in use.
    "process_virtual_memory_bytes",
];

/// One dashboard, by its file.
fn dashboards() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("k8s/dashboards");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|end| end == "json"));
    let read = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let board = serde_json::from_str(&fs::read_to_string(&path).unwrap());
        (name, board.unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    };
    let mut all: Vec<_> = files.map(read).collect();
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    all
}

fn panels(board: &Value) -> impl Iterator<Item = &Value> {
    board["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row")
}

/// How a metric of a feed begins: it is of `riveg ingest`, a process of its own.
pub(super) const OF_A_FEED: &str = "riveg_feed_";

/// Every expression with the place where it stands. `window` stands for Grafana's interval and for long windows, which have
/// less data in a test.
pub(super) fn expressions(window: &str) -> Vec<(String, String)> {
    let boards = dashboards();
    let of_panel = |(name, board): &(String, Value)| {
        let expression = |panel: &Value, target: &Value| {
            let place =
                format!("{name}: {} {}", panel["title"].as_str().unwrap(), target["refId"].as_str().unwrap());
            (place, put_in(target["expr"].as_str().unwrap(), window))
        };
        let targets = |panel: &Value| {
            let targets = panel["targets"].as_array().unwrap().iter();
            targets.map(|target| expression(panel, target)).collect::<Vec<_>>()
        };
        panels(board).flat_map(targets).collect::<Vec<_>>()
    };
    boards.iter().flat_map(of_panel).collect()
}

/// What Grafana sends for an expression when the job is `riveg` and all engines are chosen.
fn put_in(expression: &str, window: &str) -> String {
    let mut sent = expression.to_owned();
    for (variable, value) in [
        ("$job", "riveg"),
        ("$instance", ".*"),
        ("$__rate_interval", window),
        ("$price_in", "0.50"),
        ("$price_out", "1.50"),
    ] {
        sent = sent.replace(variable, value);
    }
    assert!(!sent.contains('$'), "{sent}: a variable that is not known");
    sent
}

#[test]
fn panels_have_places_of_their_own_titles_and_texts() {
    let boards = dashboards();
    assert_eq!(boards.len(), 7);
    let names: BTreeSet<&str> = boards.iter().map(|(_, board)| board["uid"].as_str().unwrap()).collect();
    assert_eq!(names.len(), boards.len(), "two dashboards have one uid");
    for (name, board) in &boards {
        assert_eq!(board["uid"], format!("riveg-{name}"));
        let mut taken = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for panel in board["panels"].as_array().unwrap() {
            let of = format!("{name}: {}", panel["title"]);
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{of}: its id is taken");
            let [x, y, width, height] =
                ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
            assert!(x + width <= 24, "{of} is beyond the right border");
            for cell in (x..x + width).flat_map(|x| (y..y + height).map(move |y| (x, y))) {
                assert!(taken.insert(cell), "{of} lies on another panel");
            }
        }
        for panel in panels(board) {
            assert!(panel["description"].as_str().unwrap().ends_with('.'), "{name}: {}", panel["title"]);
            let unit = panel["fieldConfig"]["defaults"]["unit"].is_string();
            let draws = panel["type"] == "timeseries" || panel["type"] == "stat";
            assert!(unit || !draws, "{name}: {} has no unit", panel["title"]);
        }
    }
}

#[test]
fn every_metric_is_on_a_dashboard_or_is_listed_as_not_needed() {
    let shown: String = expressions("1m").into_iter().map(|(_, expression)| expression + "\n").collect();
    let names = Metrics::new().families().into_iter().map(|family| family.name);
    let is_missing = |name: &String| {
        !shown.contains(name.as_str()) && !NOT_SHOWN.iter().any(|known| name.starts_with(known))
    };
    let missing: Vec<String> = names.filter(is_missing).collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn the_kustomization_has_every_dashboard() {
    let objects = crate::k8s::built_from("k8s/dashboards");
    let data = objects[0]["data"].as_object().unwrap();
    let files: BTreeSet<String> = dashboards().iter().map(|(name, _)| format!("{name}.json")).collect();
    assert_eq!(data.keys().cloned().collect::<BTreeSet<_>>(), files);
}
