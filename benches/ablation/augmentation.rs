//! Augmentation: gate and grounder as they are, after expressions of one stand-in, and after those of four, on posts that none
//! has seen.

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
    /// After that on the expressions of the first model, each four times.
    One,
    /// After that on those of four models, so with as many pairs and steps: augmentation.
    Four,
}

/// Whose expressions they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// Those of the first model, on which both arms are trained.
    First,
    /// Those of a model on which none is.
    Unseen,
    /// The lexicon's, on which the bundle was.
    Lexicon,
}

impl Arm {
    /// All, in the order of the tables.
    pub(crate) const ALL: [Self; 3] = [Self::AsItIs, Self::One, Self::Four];

    /// Its row in tables and in the report.
    pub(crate) fn row(self, told: Told) -> String {
        let trained = match self {
            Self::AsItIs => "not fine-tuned",
            Self::One => "fine-tuned on one model",
            Self::Four => "fine-tuned on four models",
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
        let one = data.train("one", [&TRAINED[0]; TRAINED.len()]);
        let four = data.train("four", TRAINED.each_ref());
        assert_eq!(one.steps, four.steps, "steps of gate and grounder");
        eprintln!("seed {seed}: gate and grounder took {:?} steps", one.steps);
        for &split in &arguments.splits {
            let of_split = runs.entry(split.as_str()).or_default();
            for told in Told::ALL {
                let lexicon = lexicon(arguments, &World::new(seed, split), told);
                for (arm, trained) in Arm::ALL.into_iter().zip([None, Some(&one), Some(&four)]) {
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
