//! Published checkpoints are read as what they are, and nothing in them is run. `make.py` made the files.

mod formats;
mod harm;
mod folder;
mod import;
mod import_albef;
mod import_grounding_dino;
mod import_ofa;
mod import_taggers;
mod import_seqtr;
mod import_sam2;
mod networks;

use std::path::PathBuf;

use riveg::networks::checkpoint::{Checkpoint, CheckpointError};

fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "checkpoints", "files", name].iter().collect()
}

fn open(name: &str) -> Checkpoint {
    Checkpoint::open(&file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn error_of(name: &str) -> CheckpointError {
    match Checkpoint::open(&file(name)) {
        Ok(checkpoint) => panic!("{name} was read: {:?}", checkpoint.names().collect::<Vec<_>>()),
        Err(error) => error,
    }
}
