//! Recipes that ship: each is fetched from a local hub that has tiny files of the same names and layouts, as `make.py` made
//! them.

use std::fs;
use std::path::Path;

use crate::support::hub::{LocalHub, Repository};
use crate::support::{Finished, binary};

use super::finished;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn file(path: &str) -> Vec<u8> {
    fs::read(root().join("tests").join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A repository with these files of `tests`, called as they are there.
fn repository(paths: &[&str]) -> Repository {
    Repository::of(paths.iter().map(|path| {
        let name = Path::new(path).file_name().unwrap().to_str().unwrap().to_owned();
        (name, file(path))
    }))
}

fn recipe(name: &str) -> String {
    fs::read_to_string(root().join(format!("config/recipes/{name}.toml"))).unwrap()
}

struct Fetched {
    folder: tempfile::TempDir,
    done: Finished,
}

fn fetch(hub: &LocalHub, name: &str, text: &str) -> Fetched {
    let folder = tempfile::tempdir().unwrap();
    let recipe = folder.path().join(format!("{name}.toml"));
    fs::write(&recipe, text).unwrap();
    let mut command = binary();
    command.env("HF_ENDPOINT", hub.endpoint()).env("HF_HOME", folder.path().join("home"));
    command.args(["bundle", "fetch"]).arg(recipe).arg("--out").arg(folder.path().join("bundle"));
    let done = finished(&mut command);
    assert_eq!(done.code, Some(0), "{name}: {}{}", done.stdout, done.stderr);
    Fetched { folder, done }
}

#[test]
fn the_recipe_for_endpoints_writes_its_settings_beside_the_bundle() {
    let hub = LocalHub::start();
    let bert =
        ["config.json", "model.safetensors", "vocab.txt"].map(|name| format!("fetch/files/bert/{name}"));
    hub.put("dslim/bert-base-NER", repository(&bert.each_ref().map(String::as_str)));
    let sam2 = repository(&["fetch/files/sam2/config.json", "fetch/files/sam2/model.safetensors"]);
    hub.put("facebook/sam2.1-hiera-small", sam2);
    let fetched = fetch(&hub, "endpoint", &recipe("endpoint"));
    let settings = fetched.folder.path().join("bundle/riveg.toml");
    assert!(fetched.done.stdout.contains(&format!("annotate --config {}", settings.display())));
    // The engine takes them, and needs no network for gate and grounder.
    let mut command = binary();
    command.args(["check", "--skip", "kafka", "--skip", "llm", "--skip", "rights", "--config"]).arg(settings);
    let bundle = fetched.folder.path().join("bundle");
    let checked = finished(command.arg("--set").arg(format!("bundle.path={}", bundle.display())));
    assert_eq!(checked.code, Some(0), "{}{}", checked.stdout, checked.stderr);
}
