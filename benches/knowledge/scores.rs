//! Scores for each source of knowledge, by `riveg eval`.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::Arguments;
use crate::llm::LlmServer;
use crate::pocket::Knowing;

/// A source of knowledge and its settings.
const WAYS: [(&str, &[&str]); 8] = [
    ("no expansion", &["--no-expansion"]),
    ("lexicon", &[]),
    (
        "LLM, scope entity",
        &[
            "--set",
            "expand.sources=[\"llm\"]",
            "--set",
            "expand.endpoints=[\"pocket\"]",
            "--set",
            "expand.scope=entity",
        ],
    ),
    (
        "LLM, scope post",
        &[
            "--set",
            "expand.sources=[\"llm\"]",
            "--set",
            "expand.endpoints=[\"pocket\"]",
            "--set",
            "expand.scope=post",
        ],
    ),
    ("lexicon, knowledge off", &["--set", "knowledge.mode=off"]),
    ("lexicon, knowledge fixed", &["--set", "knowledge.mode=fixed", "--set", "knowledge.endpoint=pocket"]),
    (
        "lexicon, knowledge similar",
        &["--set", "knowledge.mode=similar", "--set", "knowledge.endpoint=pocket"],
    ),
    (
        "LLM, scope post, knowledge similar",
        &[
            "--set",
            "expand.sources=[\"llm\"]",
            "--set",
            "expand.endpoints=[\"pocket\"]",
            "--set",
            "expand.scope=post",
            "--set",
            "knowledge.mode=similar",
            "--set",
            "knowledge.endpoint=pocket",
        ],
    ),
];

/// Scores all sources one after another and prints the table.
pub(crate) fn all(arguments: &Arguments) -> Vec<Value> {
    let knowing = Arc::new(Knowing::new(arguments.scored));
    let server = LlmServer::start(move |asked| knowing.reply(asked));
    println!(
        "\n{:<36} {:>7} {:>7} {:>7} {:>7} {:>7} {:>9}",
        "knowledge", "MNER", "GMNER", "EEG", "SMNER", "EES", "questions"
    );
    WAYS.iter()
        .map(|(name, settings)| {
            let before = server.asked();
            let figures = score(arguments, settings, &server.url());
            let questions = server.asked() - before;
            let f1 = |score: &str| {
                let count = |name: &str| figures["scores"][score][name].as_f64().unwrap();
                2.0 * count("right") / (count("predicted") + count("gold"))
            };
            let row = ["mner", "gmner", "eeg", "smner", "ees"].map(f1);
            let cells: Vec<String> = row.iter().map(|score| format!("{score:>7.4}")).collect();
            println!("{name:<36} {} {questions:>9}", cells.join(" "));
            json!({ "knowledge": name, "figures": figures, "questions": questions })
        })
        .collect()
}

fn score(arguments: &Arguments, settings: &[&str], url: &str) -> Value {
    let file = arguments.out.join("scores.json");
    let mut command = Command::new(&arguments.riveg);
    command.args(["eval", "--log", "error", "--posts", &arguments.scored.to_string()]);
    command.args(["--json", path(&file)]).args(settings);
    for setting in [
        format!("llm.pocket.url={url}"),
        "llm.pocket.model=pocket".to_owned(),
        "answers.disk_path=none".to_owned(),
    ] {
        command.args(["--set", &setting]);
    }
    let finished = command.output().unwrap();
    assert!(finished.status.success(), "{settings:?}: {}", String::from_utf8_lossy(&finished.stderr));
    serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
