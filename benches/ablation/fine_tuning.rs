//! Fine-tuning: gate and grounder of a bundle, trained by `riveg train` on the expressions of one stand-in or of several.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use riveg::lab::world::{Split, World, described};
use serde_json::json;

use crate::Arguments;
use crate::runs::finish;
use crate::wordings::{TRAINED, Wording};

/// Pairs of a step: half of the recipes', because there are few pairs.
const BATCH: &str = "16";

/// Posts of the dev split.
const DEV_POSTS: u64 = 60;

/// Posts to learn from are those of the worlds so far above the seeds, because the pocket bundle has seen those of a low seed.
const SEEDS_APART: u64 = 100;

/// What is trained. Rates were chosen on the dev split of a seed that is not scored, with expressions of the first model alone.
/// A grounder has fewer pairs, so it takes more passes.
const NETWORKS: [Recipe; 2] = [
    Recipe { network: "gate", stage: "entail", passes: "1", rate: "3e-4" },
    Recipe { network: "grounder", stage: "ground", passes: "2", rate: "3e-4" },
];

/// What the first model says of the dev split.
const OF_DEV: &str = "dev.jsonl";

struct Recipe {
    network: &'static str,
    /// Its part of a manifest.
    stage: &'static str,
    passes: &'static str,
    rate: &'static str,
}

/// The data of a seed.
pub(crate) struct FineTuning<'a> {
    arguments: &'a Arguments,
    seed: u64,
    folder: PathBuf,
}

/// A bundle with both networks.
#[derive(Debug)]
pub(crate) struct FineTuned {
    pub(crate) bundle: PathBuf,
    /// Steps that each network took.
    pub(crate) steps: Vec<i64>,
}

impl<'a> FineTuning<'a> {
    /// Writes posts with gold, and what each stand-in says of the entities to learn from. As in the paper the dev split has
    /// expressions of the first model alone.
    pub(crate) fn prepare(arguments: &'a Arguments, seed: u64) -> Self {
        let folder = arguments.out.join(format!("augmentation-{seed}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let splits = [(Split::Train, arguments.train_posts), (Split::Dev, DEV_POSTS)];
        let [train, dev] = splits.map(|(split, posts)| (World::new(SEEDS_APART + seed, split), posts));
        for (world, posts) in [&train, &dev] {
            let mut command = Command::new(&arguments.riveg);
            let split = world.split().as_str();
            command.args(["world", "generate", "--log", "error", "--split", split]);
            command.args(["--seed", &(SEEDS_APART + seed).to_string(), "--posts", &posts.to_string()]);
            finish(command.arg("--out").arg(folder.join(split)));
        }
        for wording in TRAINED {
            write_expressions(&folder.join(expressions(wording)), wording, &train.0, train.1);
        }
        write_expressions(&folder.join(OF_DEV), &TRAINED[0], &dev.0, dev.1);
        Self { arguments, seed, folder }
    }

    /// Trains both networks on the expressions of these models, each of which makes pairs of its own. A file that is given
    /// several times makes its pairs several times, so that the steps of a pass are those of as many models.
    pub(crate) fn train(&self, name: &str, models: &[Wording], times: usize) -> FineTuned {
        let bundle = self.folder.join(name);
        for Recipe { network, passes, rate, .. } in NETWORKS {
            let mut command = Command::new(&self.arguments.riveg);
            command.args(["train", network, "--log", "error", "--seed", &self.seed.to_string()]);
            command.args(["--batch", BATCH, "--rate", rate, "--epochs", passes]);
            // Pictures are as before, so their trunk stays, which saves time. All pairs of a step in memory are faster.
            command.args(["--set", "frozen.trunk=true", "--set", &format!("steps.at_once={BATCH}")]);
            for file in (0..times).flat_map(|_| models.iter().map(expressions)) {
                command.arg("--expressions").arg(self.folder.join(file));
            }
            command.arg("--expressions").arg(self.folder.join(OF_DEV));
            command.arg("--data").arg(&self.folder).arg("--from").arg(&self.arguments.bundle);
            command.arg("--work").arg(self.folder.join(format!("{name}-{network}")));
            finish(command.arg("--out").arg(&bundle));
        }
        let manifest = fs::read_to_string(bundle.join("bundle.toml")).unwrap();
        let manifest: toml::Value = toml::from_str(&manifest).unwrap();
        let steps = NETWORKS.map(|Recipe { stage, .. }| manifest[stage]["training"]["steps"][0].as_integer());
        FineTuned { bundle, steps: steps.into_iter().map(Option::unwrap).collect() }
    }
}

/// The file of what a model says of the train split.
fn expressions(wording: &Wording) -> String {
    format!("train-{}.jsonl", wording.name)
}

/// Writes what a stand-in says of the entities of the first posts of a world, in the form of a lexicon.
pub(crate) fn write_expressions(file: &Path, wording: &Wording, world: &World, posts: u64) {
    let lines = described(world, posts).into_iter().map(|(mut entry, description)| {
        entry.expansion = wording.expression(&entry.surface, &description);
        format!("{}\n", json!(entry))
    });
    fs::write(file, lines.collect::<String>()).unwrap();
}
