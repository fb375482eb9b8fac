//! Augmentation: gate and grounder as they are, after expressions of one stand-in, and after those of four, on posts that
//! training did not see.

use std::collections::BTreeMap;
use std::path::Path;

use riveg::lab::world::World;

use crate::Arguments;
use crate::fine_tuning::{FineTuned, FineTuning, write_expressions};
use crate::runs::{Runs, scores};
use crate::wordings::{TRAINED, UNSEEN, Wording};

/// What gate and grounder were trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arm {
    /// The bundle as it is: on the lexicon's wording.
    AsItIs,
    /// After that on the expressions of the first model, in as many passes as on those of four, so with a quarter of the steps,
    /// as with a recipe that fixes passes.
    SamePasses,
    /// The same with each expression four times, so with as many steps.
    SameSteps,
    /// After that on those of four models: augmentation.
    Four,
}

/// Whose expressions they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// Those of the first model, on which all fine-tuned arms are trained.
    First,
    /// Those of a model on which none is.
    Unseen,
    /// The lexicon's, on which the bundle was.
    Lexicon,
}

impl Arm {
    /// All, in the order of the tables.
    pub(crate) const ALL: [Self; 4] = [Self::AsItIs, Self::SamePasses, Self::SameSteps, Self::Four];

    /// Its row in tables and in the report.
    pub(crate) fn row(self, told: Told) -> String {
        let trained = match self {
            Self::AsItIs => "not fine-tuned",
            Self::SamePasses => "one model, same passes",
            Self::SameSteps => "one model, same steps",
            Self::Four => "four models",
        };
        format!("{}: {trained}", told.name())
    }
}

impl Told {
    /// All, in the order of the tables.
    pub(crate) const ALL: [Self; 3] = [Self::First, Self::Unseen, Self::Lexicon];

    /// Its name in rows.
    pub(crate) fn name(self) -> &'static str {
        self.wording().map_or("lexicon", |wording| wording.name)
    }

    fn wording(self) -> Option<&'static Wording> {
        match self {
            Self::First => TRAINED.first(),
            Self::Unseen => Some(&UNSEEN),
            Self::Lexicon => None,
        }
    }
}

/// Trains with each seed and scores all arms on all splits: the figures of each split.
pub(crate) fn all(arguments: &Arguments) -> BTreeMap<&'static str, Runs> {
    let mut runs: BTreeMap<&str, Runs> = BTreeMap::new();
    for &seed in &arguments.seeds {
        eprintln!("seed {seed}: fine-tuning");
        let data = FineTuning::prepare(arguments, seed);
        let passes = data.train("passes", &TRAINED[..1], 1);
        let steps = data.train("steps", &TRAINED[..1], TRAINED.len());
        let four = data.train("four", TRAINED, 1);
        assert_eq!(steps.steps, four.steps, "steps of gate and grounder");
        eprintln!("seed {seed}: gate and grounder took {:?} and {:?} steps", passes.steps, four.steps);
        let trained = [None, Some(&passes), Some(&steps), Some(&four)];
        for &split in &arguments.splits {
            let of_split = runs.entry(split.as_str()).or_default();
            for told in Told::ALL {
                let lexicon = lexicon(arguments, &World::new(seed, split), told);
                for (arm, trained) in Arm::ALL.into_iter().zip(trained) {
                    eprintln!("{}, seed {seed}: {}", split.as_str(), arm.row(told));
                    let options = [bundles(&arguments.bundle, trained), lexicon.clone()].concat();
                    of_split.entry(arm.row(told)).or_default().push(scores(
                        arguments,
                        (split, seed),
                        &options,
                    ));
                }
            }
        }
    }
    runs
}

/// The options that choose the networks.
fn bundles(bundle: &Path, trained: Option<&FineTuned>) -> Vec<String> {
    let mut chosen = vec![("path", bundle)];
    if let Some(FineTuned { bundle, .. }) = trained {
        chosen.extend([("entail", bundle.as_path()), ("ground", bundle.as_path())]);
    }
    let setting =
        |(key, folder): (&str, &Path)| ["--set".to_owned(), format!("bundle.{key}={}", folder.display())];
    chosen.into_iter().flat_map(setting).collect()
}

/// The options that choose the expressions. Without any, `riveg eval` takes the lexicon of the world.
fn lexicon(arguments: &Arguments, world: &World, told: Told) -> Vec<String> {
    let Some(wording) = told.wording() else { return Vec::new() };
    let file = arguments.out.join("told.jsonl");
    write_expressions(&file, wording, world, arguments.posts as u64);
    vec!["--lexicon".to_owned(), file.display().to_string()]
}
