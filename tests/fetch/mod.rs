//! Command `riveg bundle fetch`, through the real binary and a local hub: what comes, what goes wrong, and that nothing is
//! left half.

mod cache;
mod commands;
mod faults;
mod recipes;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::hub::{LocalHub, Repository};
use crate::support::{Finished, binary};

/// The `config.json` of the tiny SAM of `tests/checkpoints`.
const SAM: &str = r#"{"model_type": "sam", "architectures": ["SamModel"],
    "vision_config": {"image_size": 16, "patch_size": 4, "hidden_size": 8, "num_hidden_layers": 2,
        "num_attention_heads": 2, "mlp_dim": 16, "window_size": 3, "global_attn_indexes": [1], "output_channels": 8},
    "mask_decoder_config": {"num_attention_heads": 2, "mlp_dim": 12, "hidden_size": 8}}"#;

/// The repository in which it is.
const NAME: &str = "facebook/sam-tiny";

fn weights() -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checkpoints/files/sam.safetensors");
    std::fs::read(file).unwrap()
}

/// A user with a cache, a recipe and a place for a bundle, beside a hub that has the tiny SAM.
struct Bench {
    hub: LocalHub,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let hub = LocalHub::start();
        let files = [("config.json", SAM.as_bytes().to_vec()), ("model.safetensors", weights())];
        hub.put(NAME, Repository::of(files.map(|(name, bytes)| (name.to_owned(), bytes))));
        let bench = Self { hub, folder: tempfile::tempdir().unwrap() };
        bench.recipe(&format!(
            "from = {{ hub = \"{NAME}\", files = [\"config.json\", \"model.safetensors\"], optional = [\"extra.json\"] }}"
        ));
        bench
    }

    /// Writes the recipe of a segmenter from there.
    fn recipe(&self, from: &str) {
        let text = format!(
            "about = \"a test\"\n[segment]\nlicence = \"none\"\nlicence_read = \"here\"\nsize = \"1\"\n{from}\n"
        );
        std::fs::write(self.at("mine.toml"), text).unwrap();
    }

    /// The commit at which the repository is.
    fn commit(&self) -> String {
        let mut commit = String::new();
        self.hub.change(NAME, |one| commit.clone_from(&one.commit));
        commit
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn out(&self) -> PathBuf {
        self.at("bundle")
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = binary();
        for (name, _) in std::env::vars_os() {
            let shown = name.to_string_lossy().to_lowercase();
            if shown.starts_with("hf_") || shown.ends_with("_proxy") {
                command.env_remove(name);
            }
        }
        command.env("HF_ENDPOINT", self.hub.endpoint()).env("HF_HOME", self.at("home"));
        command.args(["bundle", "fetch"]).arg(self.at("mine.toml")).arg("--out").arg(self.out());
        command.args(["--retries", "1"]).args(more);
        command
    }

    fn fetch(&self, more: &[&str]) -> Finished {
        finished(&mut self.command(more))
    }

    /// Fetches, which must succeed.
    fn done(&self, more: &[&str]) -> Finished {
        let finished = self.fetch(more);
        assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
        assert!(self.out().join("bundle.toml").is_file());
        finished
    }

    /// Fetches, which must fail with such words; and no bundle is there, nor anything of one.
    fn fails(&self, more: &[&str], expected: &[&str]) {
        let finished = self.fetch(more);
        assert_eq!(finished.code, Some(1), "{}{}", finished.stdout, finished.stderr);
        for expected in expected {
            assert!(finished.stderr.contains(expected), "{expected}: {}", finished.stderr);
        }
        assert!(!finished.stderr.contains("canary"), "{}", finished.stderr);
        let names: Vec<_> = names(self.folder.path());
        assert!(names.iter().all(|name| ["home", "mine.toml"].contains(&name.as_str())), "{names:?}");
    }

    /// The folder of the repository in the cache.
    fn cached(&self) -> PathBuf {
        self.at("home/hub").join(format!("models--{}", NAME.replace('/', "--")))
    }

    /// The files of blobs, by the end of their names.
    fn blobs(&self, ending: &str) -> Vec<PathBuf> {
        let blobs = self.cached().join("blobs");
        let all = names(&blobs).into_iter().map(|name| blobs.join(name));
        all.filter(|path| path.to_string_lossy().ends_with(ending)).collect()
    }
}

fn finished(command: &mut Command) -> Finished {
    let output = command.output().expect("cargo built the binary");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
    Finished { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// All names in a folder, sorted; none where there is no folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
