//! Tells the linker where libtorch lies, so that built binaries find it without LD_LIBRARY_PATH, and that its part for CUDA
//! is needed; and the binary which revision of the engine and which libtorch it was built of.

use std::path::PathBuf;
use std::process::Command;

/// What nobody says.
const UNKNOWN: &str = "unknown";

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    let libtorch = std::env::var_os("LIBTORCH").map(PathBuf::from);
    let has_cuda = libtorch.as_ref().is_some_and(|folder| folder.join("lib/libtorch_cuda.so").exists());
    if let Some(libtorch) = &libtorch {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{}", libtorch.join("lib").display());
    }
    if has_cuda {
        // Nothing calls a function of it: it registers itself when it is loaded. rustc has the linker drop such libraries.
        println!("cargo:rustc-link-arg=-Wl,--push-state,--no-as-needed,-ltorch_cuda,--pop-state");
    }
    let version = libtorch.and_then(|folder| std::fs::read_to_string(folder.join("build-version")).ok());
    let cuda = if has_cuda { "+cuda" } else { "" };
    println!("cargo:rustc-env=RIVEG_LIBTORCH={}{cuda}", version.as_deref().map_or(UNKNOWN, str::trim));
    println!("cargo:rustc-env=RIVEG_REVISION={}", revision().unwrap_or_else(|| UNKNOWN.to_owned()));
}

/// The revision: that of the environment, where there is no repository to ask, such as in a Docker build; else git's.
fn revision() -> Option<String> {
    println!("cargo:rerun-if-env-changed=RIVEG_REVISION");
    if let Some(given) = std::env::var("RIVEG_REVISION").ok().filter(|given| !given.trim().is_empty()) {
        return Some(given.trim().to_owned());
    }
    // A build for development is not made anew at every commit, so it cannot know which one it is of.
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "debug") {
        return None;
    }
    // A repository that this folder merely lies in has another history.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from)?.canonicalize().ok()?;
    if PathBuf::from(git(&["rev-parse", "--show-toplevel"])?).canonicalize().ok()? != here {
        return None;
    }
    // What moves with every commit, wherever a worktree keeps it. Cargo takes a file that is not there for a changed one.
    for file in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", file])?;
        if PathBuf::from(&path).exists() {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

/// What git answers, in one line; nothing where it has none.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let line = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !line.is_empty() && !line.contains('\n')).then_some(line)
}
