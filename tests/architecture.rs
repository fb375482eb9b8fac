//! Architecture rules: which room may import which, what a file may not do, and no circles between files.
//!
//! The tables below are the design. The checks read the sources as text, because the compiler allows what the design
//! forbids.

mod cases;
mod circles;
mod imports;
mod networks_at_home;
mod rooms;
mod sources;
mod style;
mod tokens;

use sources::Source;

/// The rooms of the crate from the bottom to the top, and the rooms whose names each may use.
const ROOMS: &[(&str, &str)] = &[
    ("domain", ""),
    ("telemetry", "domain"),
    ("common", "domain telemetry"),
    ("scheduler", "domain telemetry"),
    ("kafka", "domain telemetry common"),
    ("input", "domain telemetry common"),
    ("llm", "domain telemetry common"),
    ("stages", "domain telemetry common scheduler llm"),
    ("networks", "domain common scheduler stages"),
    ("engine", "domain telemetry common scheduler kafka input llm stages networks"),
    ("config", "common kafka engine"),
    ("lab", "domain common input scheduler stages networks"),
    ("cli", "domain telemetry common scheduler kafka input llm stages networks config engine lab"),
];

/// Folders and files inside rooms, in rows from the bottom to the top. They may import those of lower rows, and none of
/// their own or of a higher row. `networks::served` has no row: it holds the networks at work, which their folders build.
const FOLDERS: &[(&str, &[&[&str]])] = &[
    ("kafka", &[&["client", "attempts"], &["ingest"], &["publish"]]),
    ("input", &[&["escape"], &["fault", "fetch"], &["config"], &["formats", "pictures"], &["decode"]]),
    ("llm", &[&["client"], &["answers"], &["cached"]]),
    (
        "stages",
        &[
            &["vocabulary"],
            &["prompt"],
            &["caption", "knowledge", "recognise", "expand", "entail", "ground", "segment", "vision"],
            &["pipeline"],
        ],
    ),
    (
        "networks",
        &[
            &["blocks", "checkpoint", "weights"],
            &["descriptor"],
            &["albef", "grounding_dino", "mqspn", "ofa", "sam", "sam2", "seqtr", "tagger", "umt"],
            &["registry"],
            &["bundle"],
        ],
    ),
    ("engine", &[&["config"], &["runtime"], &["stream", "http"]]),
    ("lab", &[&["dataset", "contact_sheet", "fetch"], &["eval"], &["world", "eval_report"], &["train"]]),
];

/// Of some modules a folder may take only these names.
const ONLY: &[(&str, &str, &[&str])] = &[
    ("src/scheduler/", "domain", &["Stage"]),
    ("src/kafka/publish/", "kafka::ingest", &["Ticket", "SourceRecord", "Fence", "Membership"]),
];

/// The folders in which the name of a dependency may stand.
const CONFINED: &[(&str, &[&str])] = &[
    ("tch", &["src/networks", "src/lab/train", "tests", "benches"]),
    ("rdkafka", &["src/kafka", "src/engine", "src/cli", "tests", "benches"]),
    ("redb", &["src/llm/answers", "tests", "benches"]),
    ("redis", &["src/llm/answers", "tests", "benches"]),
    (
        "reqwest",
        &[
            "src/input/fetch",
            "src/llm/client",
            "src/common/http_util",
            "src/common/hub",
            "src/common/registry",
            "src/telemetry/traces",
            "src/cli/top",
        ],
    ),
    ("object_store", &["src/input/fetch"]),
    ("anyhow", &["src/cli", "src/lab/train"]),
];

/// The most lines of a file. A longer file holds more than one concept.
const MAX_LINES: usize = 400;

/// The most entries of `src`: a reader sees the whole crate at once.
const MAX_ENTRIES: usize = 14;

/// The most lines of header in the `mod.rs` of a room: what it is for and in which order to read it.
const MAX_HEADER: usize = 10;

type FileCheck = fn(&Source) -> Vec<String>;
type TreeCheck = fn(&[Source]) -> Vec<String>;

const FILE_CHECKS: &[FileCheck] = &[
    rooms::imports_of_rooms,
    rooms::names_taken,
    rooms::confined_dependencies,
    rooms::header_of_room,
    style::first_line,
    style::length,
    style::banned_macros,
    style::sleeping_tests,
    style::debug_values_in_logs,
];

const TREE_CHECKS: &[TreeCheck] = &[rooms::imports_of_folders, rooms::entries, circles::circles];

#[test]
fn the_code_keeps_to_its_architecture() {
    let sources: Vec<Source> =
        ["src", "tests", "benches"].iter().flat_map(|folder| sources::read(folder)).collect();
    assert!(sources.len() > 50, "only {} files found: the test looks in the wrong place", sources.len());
    let faults = faults(&sources);
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

fn faults(sources: &[Source]) -> Vec<String> {
    let of_files = sources.iter().flat_map(|source| {
        let faults = FILE_CHECKS.iter().flat_map(|check| check(source));
        faults.map(|fault| format!("{}: {fault}", source.path))
    });
    of_files.chain(TREE_CHECKS.iter().flat_map(|check| check(sources))).collect()
}
