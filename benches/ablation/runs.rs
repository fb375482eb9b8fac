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
        let settings = [
            format!("llm.pocket.url={}", server.url()),
            "llm.pocket.model=pocket".to_owned(),
            "answers.disk_path=none".to_owned(),
        ];
        for variant in Variant::ALL {
            eprintln!("{}, seed {seed}: {}", split.as_str(), variant.name());
            let mut options = variant.arguments(&arguments.bundle, expansions_alone);
            options.extend(settings.iter().flat_map(|setting| ["--set".to_owned(), setting.clone()]));
            runs.entry(variant.name()).or_default().push(scores(arguments, (split, seed), &options));
        }
    }
    runs
}

/// The figures of `riveg eval` with these options.
pub(crate) fn scores(arguments: &Arguments, (split, seed): (Split, u64), options: &[String]) -> Value {
    let file = arguments.out.join("scores.json");
    let mut command = Command::new(&arguments.riveg);
    command.args(["eval", "--log", "error", "--draws", "0", "--split", split.as_str()]);
    command.args(["--seed", &seed.to_string(), "--posts", &arguments.posts.to_string()]);
    command.arg("--json").arg(&file).args(options);
    finish(&mut command);
    serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap()
}

/// Runs a command of the scored binary to its end.
pub(crate) fn finish(command: &mut Command) {
    let finished = command.output().unwrap();
    assert!(finished.status.success(), "{command:?}: {}", String::from_utf8_lossy(&finished.stderr));
}
