//! Runs: every variant on every seed, by `riveg eval`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use riveg::lab::world::{Split, World};
use serde_json::Value;

use crate::Arguments;
use crate::llm::LlmServer;
use crate::stand_in::StandIn;
use crate::variants::Variant;

/// The figures of each seed, by the name of the variant.
pub(crate) type Runs = BTreeMap<String, Vec<Value>>;

/// All variants on all seeds of a split.
pub(crate) fn all(arguments: &Arguments, split: Split, expansions_alone: &Path) -> Runs {
    let mut runs = Runs::new();
    for &seed in &arguments.seeds {
        let stand_in = Arc::new(StandIn::new(World::new(seed, split), arguments.posts));
        let server = LlmServer::start(move |asked| stand_in.reply(asked));
        for variant in Variant::ALL {
            eprintln!("{}, seed {seed}: {}", split.as_str(), variant.name());
            let figures = run(
                arguments,
                (split, seed),
                &server.url(),
                &variant.arguments(&arguments.bundle, expansions_alone),
            );
            runs.entry(variant.name()).or_default().push(figures);
        }
    }
    runs
}

fn run(arguments: &Arguments, (split, seed): (Split, u64), url: &str, variant: &[String]) -> Value {
    let file = arguments.out.join("scores.json");
    let mut command = Command::new(&arguments.riveg);
    command.args(["eval", "--log", "error", "--draws", "0", "--split", split.as_str()]);
    command.args(["--seed", &seed.to_string(), "--posts", &arguments.posts.to_string()]);
    command.arg("--json").arg(&file).args(variant);
    for setting in
        [format!("llm.pocket.url={url}").as_str(), "llm.pocket.model=pocket", "answers.disk_path=none"]
    {
        command.args(["--set", setting]);
    }
    let finished = command.output().unwrap();
    assert!(finished.status.success(), "{variant:?}: {}", String::from_utf8_lossy(&finished.stderr));
    serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap()
}
