//! Ablation: the paper's tables VII, IX, X and XI in miniature on the pocket world, by `riveg eval` over several seeds.
//!
//! The networks are those of a bundle and stay as they are; only what they are told changes. What is left out by training
//! (augmentation, a grounder that draws masks) is not shown, and the tables say so.
#![expect(clippy::unwrap_used, reason = "what cannot be set up ends the run, with a word where it happened")]

#[path = "../../tests/support/llm/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests ask for more of it")]
mod llm;

mod runs;
mod stand_in;
mod tables;
mod variants;

use std::path::PathBuf;

use clap::Parser;
use riveg::lab::world::Split;

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
    let bundle = variants::expansions_alone(&arguments.bundle, &arguments.out);
    let mut report = serde_json::Map::new();
    for &split in &arguments.splits {
        let runs = runs::all(&arguments, split, &bundle);
        tables::print(split, &arguments, &runs);
        report.insert(split.as_str().to_owned(), serde_json::to_value(&runs).unwrap());
    }
    let file = arguments.out.join("report.json");
    std::fs::write(&file, format!("{:#}\n", serde_json::Value::Object(report))).unwrap();
    println!("\nall figures: {}", file.display());
}
