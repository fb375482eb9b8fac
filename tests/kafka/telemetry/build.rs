//! Build script: finds the revision and the libtorch of a build, which metrics show to operators.

use std::path::Path;
use std::process::Command;

/// The value that the build script passes to cargo under a name, run in a folder with further variables.
fn value_of(script: &Path, folder: &Path, variables: &[(&str, &str)], name: &str) -> String {
    let output = Command::new(script)
        .current_dir(folder)
        .env("CARGO_MANIFEST_DIR", folder)
        .env("PROFILE", "release")
        .env_remove("RIVEG_REVISION")
        .env_remove("LIBTORCH")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let value = said.lines().find_map(|line| line.strip_prefix(&format!("cargo:rustc-env={name}=")));
    value.unwrap_or_else(|| panic!("no {name} in {said}")).to_owned()
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let as_somebody = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"];
    let output = Command::new("git").args(as_somebody).args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_build_has_its_revision_from_git_or_from_a_variable_or_else_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let (script, source) =
        (folder.path().join("build-script"), concat!(env!("CARGO_MANIFEST_DIR"), "/build.rs"));
    let compiled =
        Command::new("rustc").args(["--edition", "2024", "-o"]).arg(&script).arg(source).status().unwrap();
    assert!(compiled.success());
    let package = folder.path().join("package");
    std::fs::create_dir(&package).unwrap();
    let revision = |variables: &[(&str, &str)]| value_of(&script, &package, variables, "RIVEG_REVISION");
    assert_eq!(revision(&[]), "unknown", "there is no repository");

    // A repository that contains the package has another history.
    git(folder.path(), &["init", "--quiet"]);
    git(folder.path(), &["commit", "--quiet", "--allow-empty", "--message", "around"]);
    assert_eq!(revision(&[]), "unknown");
    git(&package, &["init", "--quiet"]);
    git(&package, &["commit", "--quiet", "--allow-empty", "--message", "first"]);
    let head = git(&package, &["rev-parse", "HEAD"]);
    let told_of_it = revision(&[]);
    assert!(told_of_it.len() >= 12 && head.starts_with(&told_of_it), "{told_of_it} of {head}");
    assert_eq!(revision(&[("RIVEG_REVISION", "given")]), "given");
    assert_eq!(revision(&[("PROFILE", "debug")]), "unknown");

    let libtorch = package.join("libtorch");
    std::fs::create_dir(&libtorch).unwrap();
    std::fs::write(libtorch.join("build-version"), "2.11.0\n").unwrap();
    let lies = [("LIBTORCH", libtorch.to_str().unwrap())];
    assert_eq!(value_of(&script, &package, &lies, "RIVEG_LIBTORCH"), "2.11.0");
    assert_eq!(value_of(&script, &package, &[], "RIVEG_LIBTORCH"), "unknown");
}
