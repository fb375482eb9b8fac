//! Which rooms of the crate may a room name?

/// Rooms from the bottom to the top, with the rooms whose names each may use. `engine` and `cli` stand on top.
pub(super) const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("telemetry", &["domain"]),
    ("common", &["domain", "telemetry"]),
    ("scheduler", &["domain", "telemetry"]),
    ("kafka", &["domain", "telemetry", "common"]),
    ("input", &["domain", "telemetry", "common"]),
    ("llm", &["domain", "telemetry", "common"]),
    ("stages", &["domain", "common", "scheduler", "llm"]),
    ("networks", &["domain", "common", "scheduler", "stages"]),
    ("config", &["domain", "telemetry", "common", "scheduler", "kafka", "input", "llm", "stages"]),
    ("lab", &["domain", "common", "input", "scheduler", "stages", "networks"]),
];
