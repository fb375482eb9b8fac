//! All integration tests, in one binary: linking against libtorch costs time and memory once.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails; clippy sees that only inside `#[test]`"
)]

#[path = "parity/albef.rs"]
mod parity_albef;
#[path = "parity/classifiers.rs"]
mod parity_classifiers;
#[path = "parity/compared.rs"]
mod parity_compared;
#[path = "parity/grounding_dino.rs"]
mod parity_grounding_dino;
#[path = "parity/jpeg.rs"]
mod parity_jpeg;
#[path = "parity/mqspn.rs"]
mod parity_mqspn;
#[path = "parity/ofa.rs"]
mod parity_ofa;
#[path = "parity/prompts.rs"]
mod parity_prompts;
#[path = "parity/resample.rs"]
mod parity_resample;
#[path = "parity/rle.rs"]
mod parity_rle;
#[path = "parity/sam.rs"]
mod parity_sam;
#[path = "parity/sam2.rs"]
mod parity_sam2;
#[path = "parity/seqtr.rs"]
mod parity_seqtr;
#[path = "parity/tagger.rs"]
mod parity_tagger;
#[path = "parity/tweets.rs"]
mod parity_tweets;
#[path = "parity/umt.rs"]
mod parity_umt;

mod support;

mod architecture;
mod bad_input;
mod hostile_posts;
mod hostile_text;
mod hostile_pictures;
mod http;
mod fuzz;
mod supply_chain;
mod answers;
mod bluesky;
mod bundle_commands;
mod calibrate;
mod knowledge_commands;
mod checkpoints;
mod fetch;
mod vocabularies;
mod build_script;
mod run_binary;
mod embedded;
mod grounding_dino;
mod gpu;
mod slow_pictures;
mod included;
mod mixed_feed;
mod schema_registry;
mod export;
mod lexicon;
mod published_answers;
mod evaluation;
mod exit_paths;
mod crf_scope;
mod demo;
mod k8s;
mod operate;
mod models;
mod operator_commands;
mod outlines;
mod reload;
mod shipped_bundle;
mod traces;
mod train_joint;
mod train_pairs;
mod ablation_wordings;
mod train_tagger;
mod variant_rows;
mod variants;
mod knowledge;
mod kafka;
mod chaos_runs;
mod dlq;
mod docs;
mod secrets;
mod llm;
mod view;
mod vision;
