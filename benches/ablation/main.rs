//! Ablation: the paper's tables VII, IX, X and XI in miniature on the pocket world, by `riveg eval` over several seeds.
//!
//! The networks are those of a bundle and stay as they are; only what they are told changes. With `--augmentation` gate and
//! grounder are trained further, by `riveg train`, and the rows of the tables IX and X about augmentation are printed instead.
//! Another tagger and a grounder that draws masks are not shown, and the tables say so.
#![expect(clippy::unwrap_used, reason = "what cannot be set up ends the run, with a word where it happened")]

#[path = "../../tests/support/llm/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests ask for more of it")]
mod llm;

mod variants;
mod stand_in;
mod runs;
mod wordings;
mod fine_tuning;
mod augmentation;
mod tables;

use std::path::PathBuf;

use clap::Parser;
use riveg::lab::world::Split;
use serde_json::Value;

/// Prints the paper's tables VII, IX, X and XI in miniature.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    /// Seeds of the posts.
    #[arg(long, value_delimiter = ',', default_value = "0,1,2")]
    seeds: Vec<u64>,
    /// Splits of the pocket world: `test`, and `hard` with posts that are harder.
    #[arg(long, value_delimiter = ',', default_value = "test,hard", value_parser = |name: &str| name.parse::<Split>())]
    splits: Vec<Split>,
    /// Posts of each seed.
    #[arg(long, default_value_t = 300)]
    posts: usize,
    /// Trains gate and grounder on expressions of one stand-in for a language model, and of four, and prints what that makes of
    /// the tables IX and X, in place of all else.
    #[arg(long)]
    augmentation: bool,
    /// Posts of each seed that gate and grounder are trained on.
    #[arg(long, default_value_t = 400, requires = "augmentation")]
    train_posts: u64,
    /// The bundle.
    #[arg(long, default_value = "bundles/pocket")]
    bundle: PathBuf,
    /// The `riveg` binary that is scored.
    #[arg(long, default_value = "target/release/riveg")]
    riveg: PathBuf,
    /// The folder of the report.
    #[arg(long, default_value = "target/ablation")]
    out: PathBuf,
}

fn main() {
    let arguments = Arguments::parse();
    std::fs::create_dir_all(&arguments.out).unwrap();
    let (report, name) = if arguments.augmentation {
        (augmentation(&arguments), "augmentation.json")
    } else {
        (told(&arguments), "report.json")
    };
    let file = arguments.out.join(name);
    std::fs::write(&file, format!("{report:#}\n")).unwrap();
    println!("\nall figures: {}", file.display());
}

/// The tables of networks that stay as they are.
fn told(arguments: &Arguments) -> Value {
    let bundle = variants::expansions_alone(&arguments.bundle, &arguments.out);
    let mut report = serde_json::Map::new();
    for &split in &arguments.splits {
        let runs = runs::all(arguments, split, &bundle);
        tables::print(split, arguments, &runs);
        report.insert(split.as_str().to_owned(), serde_json::to_value(&runs).unwrap());
    }
    Value::Object(report)
}

/// The tables of networks that are trained further.
fn augmentation(arguments: &Arguments) -> Value {
    let all = augmentation::all(arguments);
    for &split in &arguments.splits {
        tables::print_augmentation(split, arguments, &all[split.as_str()]);
    }
    serde_json::to_value(&all).unwrap()
}
