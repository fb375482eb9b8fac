//! Bundle of a bench: the named one, else the pocket bundle, else an untrained one of its sizes.

use std::path::{Path, PathBuf};

use riveg::lab::train::{Network, TrainingRun, assemble, recipe, train_pocket};
use riveg::networks::bundle::Bundle;

const POCKET: &str = "bundles/pocket";
const UNTRAINED: &str = "target/bench/untrained";

/// Opens it, and makes it first where there is none.
pub(crate) fn find(named: Option<PathBuf>) -> Bundle {
    let folder = named.or_else(|| Some(PathBuf::from(POCKET)).filter(|pocket| is_bundle(pocket)));
    let folder = folder.unwrap_or_else(untrained);
    println!("bundle      {}", folder.display());
    Bundle::open(&folder).unwrap_or_else(|error| panic!("{error}"))
}

/// The pocket bundle after one step of training each: its sizes, none of its sense. Made once.
fn untrained() -> PathBuf {
    let folder = PathBuf::from(UNTRAINED);
    if !is_bundle(&folder) {
        println!("making a bundle of the pocket bundle's sizes that has learnt nothing ...");
        let run =
            TrainingRun { folder: folder.join("course"), steps: Some(1), seed: recipe::SEED, threads: None };
        train_pocket(&run, &Network::ALL)
            .and_then(|()| assemble(&run, &folder))
            .unwrap_or_else(|error| panic!("{error:#}"));
    }
    println!("            untrained: what it finds is arbitrary, and so is the work a post makes");
    folder
}

fn is_bundle(folder: &Path) -> bool {
    folder.join("bundle.toml").exists()
}
