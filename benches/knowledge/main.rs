//! Knowledge benchmark: cost and benefit of language models. `make knowledge` reports questions, hits and latency over a
//! stream with a power-law distribution of names, and the five scores for each source of knowledge.
//!
//! The language model is the stand-in of the tests: it reads the question and answers from the pocket world's hidden facts.
#![expect(clippy::unwrap_used, reason = "what cannot be set up ends the run, with a word where it happened")]

#[path = "../../tests/support/llm/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests ask for more of it")]
mod llm;

#[path = "../../tests/support/redis.rs"]
#[expect(dead_code, reason = "the tests ask for more of it")]
mod redis_server;
#[path = "../../tests/support/wait.rs"]
mod wait;

mod famous;
mod pocket;
mod scores;
mod stream;

use std::path::PathBuf;

use clap::Parser;
use serde_json::json;

use wait::until;

#[derive(Debug, Parser)]
struct Arguments {
    /// Posts of the stream.
    #[arg(long, default_value_t = 100_000)]
    posts: usize,
    /// Entities in the stream.
    #[arg(long, default_value_t = 20_000)]
    entities: usize,
    /// Posts of the pocket world that are scored.
    #[arg(long, default_value_t = 1_000)]
    scored: usize,
    /// Skip the stream.
    #[arg(long)]
    no_stream: bool,
    /// Skip the scores.
    #[arg(long)]
    no_scores: bool,
    /// The `riveg` binary that is scored.
    #[arg(long, default_value = "target/release/riveg")]
    riveg: PathBuf,
    /// The folder of the report and the caches.
    #[arg(long, default_value = "target/knowledge")]
    out: PathBuf,
}

fn main() {
    let arguments = Arguments::parse();
    std::fs::create_dir_all(&arguments.out).unwrap();
    let runs = if arguments.no_stream { Vec::new() } else { stream::all(&arguments) };
    let scores = if arguments.no_scores { Vec::new() } else { scores::all(&arguments) };
    let report = json!({ "stream": runs, "scores": scores });
    std::fs::write(arguments.out.join("report.json"), format!("{report:#}\n")).unwrap();
}
