//! Photographs that a package carries: those with which `jpeg-decoder` measures itself. None is in this repository.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// The package is among those of the tests for its photographs alone; cargo holds them by the hash of the lock.
const PACKAGE: &str = "jpeg-decoder";

/// A photograph of a camera.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Photograph {
    file: &'static str,
    /// What a user could write about it.
    pub(crate) text: &'static str,
    pub(crate) alt_text: &'static str,
    /// Width and height in pixels.
    pub(crate) size: (u32, u32),
}

pub(crate) const TOWER: Photograph = Photograph {
    file: "tower.jpg",
    text: "Eiffel Tower",
    alt_text: "a tower of iron behind a lawn",
    size: (512, 512),
};

/// The same with its scans in another order.
pub(crate) const PROGRESSIVE: Photograph =
    Photograph { file: "tower_progressive.jpg", text: "Paris Morning", ..TOWER };

pub(crate) const FLOWER: Photograph = Photograph {
    file: "large_image.jpg",
    text: "Hibiscus Garden",
    alt_text: "a red flower in front of leaves",
    size: (2268, 1512),
};

impl Photograph {
    /// The bytes of the JPEG.
    ///
    /// # Panics
    /// Cargo does not know the package, or it has no such file.
    pub(crate) fn read(&self) -> Vec<u8> {
        let file = folder().join("benches").join(self.file);
        std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }
}

/// The folder of the package among the sources that cargo has downloaded. Cargo is asked once: it reads its whole lock.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(found)
}

fn found() -> PathBuf {
    // Packages of other systems were never downloaded.
    let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--locked", "--offline", "--format-version", "1", "--filter-platform", &host]);
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("there are packages");
    let package = packages.iter().find(|package| package["name"] == PACKAGE).expect("it is in the lock");
    let manifest = package["manifest_path"].as_str().expect("it has a manifest");
    PathBuf::from(manifest).parent().expect("it is in a folder").to_owned()
}
