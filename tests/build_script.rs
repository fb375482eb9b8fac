//! Build script: `scripts/build` announces the duration of a first build and shows cargo's progress (with a fake cargo).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

/// Runs the script with a fake cargo that prints its arguments; `built` simulates the output of earlier builds.
fn build(arguments: &[&str], built: Option<&str>) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    let cargo = bin.join("cargo");
    fs::write(&cargo, "#!/bin/sh\necho \"   Compiling by: $*\" >&2\nexit 7\n").unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    let target = folder.path().join("target");
    if let Some(profile) = built {
        let deps = target.join(profile).join("deps");
        fs::create_dir_all(&deps).unwrap();
        fs::write(deps.join("libtch-0123.rlib"), "").unwrap();
    }
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/build"))
        .args(arguments)
        .env("PATH", path)
        .env("CARGO_TARGET_DIR", target)
        .output()
        .unwrap()
}

#[test]
fn a_first_build_says_how_long_it_takes_and_every_build_shows_what_cargo_does() {
    let cases: &[(&[&str], Option<&str>, bool)] = &[
        (&["--release", "--bin", "riveg"], None, true),
        (&["--release", "--bin", "riveg"], Some("debug"), true),
        (&["--profile", "release", "--bin", "riveg"], Some("release"), false),
        (&["--bin", "riveg"], Some("debug"), false),
        (&["--profile", "dev", "--bin", "riveg"], Some("release"), true),
    ];
    for (arguments, built, first) in cases {
        let output = build(arguments, *built);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            stderr.contains(&format!("Compiling by: build {}", arguments.join(" "))),
            "{arguments:?}: {stderr}"
        );
        assert_eq!(stderr.contains("minutes"), *first, "{arguments:?}, {built:?}: {stderr}");
        assert_eq!(output.status.code(), Some(7), "cargo's exit code is the script's");
    }
}

#[test]
fn no_command_of_the_makefile_and_of_the_scripts_builds_in_silence() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scripts = fs::read_dir(root.join("scripts")).unwrap().map(|entry| entry.unwrap().path());
    let texts: Vec<(String, String)> = scripts
        .filter(|path| path.is_file())
        .chain([root.join("Makefile")])
        .map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap()))
        .collect();
    assert!(texts.len() > 5, "only {} files found", texts.len());
    for (path, text) in texts {
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
            assert!(!(line.contains("cargo build") && line.contains("--quiet")), "{path}: {line}");
        }
        // Quiet runs are allowed after a visible build.
        let runs = text.lines().filter(|line| line.contains("cargo run") && line.contains("--quiet")).count();
        assert!(runs <= text.matches("scripts/build ").count(), "{path} runs what it did not build");
    }
}
