//! Supply chain: checks of the lock file and of `cargo metadata` against `deny.toml`. `make deny` checks advisories too,
//! which needs their database and a separate tool.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use toml::Table;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn table(file: &str) -> Table {
    std::fs::read_to_string(root().join(file)).unwrap().parse().unwrap()
}

/// The output of a program of this repository, or of cargo.
fn printed_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The packages of the build: name and version, with their licence.
fn licences() -> BTreeMap<(String, String), Option<String>> {
    let cargo = env!("CARGO");
    let version = printed_by(cargo, &["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let asked = ["metadata", "--locked", "--offline", "--format-version", "1", "--filter-platform", host];
    let metadata: Value = serde_json::from_str(&printed_by(cargo, &asked)).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| {
            let licence = package["license"].as_str().map(str::to_owned);
            ((text(&package["name"]), text(&package["version"])), licence)
        })
        .collect()
}

/// The packages of a lock file: name and version, with the hash of their contents.
fn locked(file: &str) -> BTreeMap<(String, String), Option<String>> {
    let lock = table(file);
    let packages = lock["package"].as_array().unwrap().iter().map(|package| package.as_table().unwrap());
    packages
        .map(|package| {
            let text = |key: &str| package.get(key).and_then(toml::Value::as_str).map(str::to_owned);
            ((text("name").unwrap(), text("version").unwrap()), text("checksum"))
        })
        .collect()
}

#[test]
fn packages_come_from_the_registry_alone_and_are_held_by_their_hashes() {
    for (file, ours) in
        [("Cargo.lock", vec!["riveg"]), ("tests/fuzz/Cargo.lock", vec!["riveg", "riveg-fuzz"])]
    {
        let packages = locked(file);
        assert!(packages.len() > 100, "{file} has {} packages", packages.len());
        for ((name, version), checksum) in packages {
            let held = checksum.is_some_and(|checksum| checksum.len() == 64);
            assert_eq!(held, !ours.contains(&name.as_str()), "{file}: {name} {version}");
        }
        // A git package has a commit instead of a hash; this reports it clearly.
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        let sources = text.lines().filter_map(|line| line.strip_prefix("source = "));
        assert!(sources.clone().all(|source| source.starts_with("\"registry+")), "{file}");
        assert_eq!(sources.collect::<BTreeSet<_>>().len(), 1, "{file}: more than one registry");
    }
}

#[test]
fn the_fuzz_targets_are_locked_to_the_packages_of_the_build() {
    const REPAIR: &str = "cp Cargo.lock tests/fuzz/Cargo.lock && cargo metadata --manifest-path tests/fuzz/Cargo.toml >/dev/null";
    let (ours, theirs) = (locked("Cargo.lock"), locked("tests/fuzz/Cargo.lock"));
    // What the targets alone need: libFuzzer.
    let own = ["riveg-fuzz", "libfuzzer-sys", "arbitrary"];
    let others: Vec<_> = theirs
        .iter()
        .filter(|(package, hash)| !own.contains(&package.0.as_str()) && ours.get(*package) != Some(*hash))
        .collect();
    assert!(others.is_empty(), "Cargo.lock does not have {others:?}; {REPAIR}");
    let manifest = table("Cargo.toml");
    assert!(
        !manifest.contains_key("build-dependencies") && !manifest.contains_key("target"),
        "more to compare"
    );
    let needed = manifest["dependencies"].as_table().unwrap().keys();
    let needed: BTreeSet<&str> = needed.map(String::as_str).collect();
    let lock = table("tests/fuzz/Cargo.lock");
    let packages = lock["package"].as_array().unwrap();
    let riveg = packages.iter().find(|package| package["name"].as_str() == Some("riveg")).unwrap();
    let locked = riveg["dependencies"].as_array().unwrap().iter();
    // A version follows where there are two.
    let locked: BTreeSet<&str> =
        locked.map(|package| package.as_str().unwrap().split(' ').next().unwrap()).collect();
    assert_eq!(locked, needed, "{REPAIR}");
}

#[test]
fn every_licence_is_one_that_deny_toml_allows() {
    let deny = table("deny.toml");
    let allowed = deny["licenses"]["allow"].as_array().unwrap();
    let allowed: Vec<spdx::Licensee> =
        allowed.iter().map(|name| spdx::Licensee::parse(name.as_str().unwrap()).unwrap()).collect();
    let is_allowed = |licence: &str| {
        let expression = spdx::Expression::parse_mode(licence, spdx::ParseMode::LAX).unwrap();
        expression.evaluate(|asked| allowed.iter().any(|licensee| licensee.satisfies(asked)))
    };
    let packages = licences();
    assert!(packages.len() > 100, "cargo names {} packages", packages.len());
    let refused: Vec<_> =
        packages.iter().filter(|(_, licence)| !licence.as_deref().is_some_and(is_allowed)).collect();
    assert!(refused.is_empty(), "{refused:?}");
    for (licence, expected) in
        [("MIT/Apache-2.0", true), ("GPL-3.0-only", false), ("MIT AND AGPL-3.0", false)]
    {
        assert_eq!(is_allowed(licence), expected, "{licence}");
    }
}

#[test]
fn the_bill_of_materials_names_every_package_with_its_hash() {
    printed_by("scripts/sbom", &[]);
    let bill: Value =
        serde_json::from_str(&std::fs::read_to_string(root().join("target/sbom.json")).unwrap()).unwrap();
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
    let components = bill["components"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let listed: BTreeMap<(String, String), String> = components
        .iter()
        .map(|component| {
            let name = (text(&component["name"]), text(&component["version"]));
            (name, text(&component["hashes"][0]["content"]))
        })
        .collect();
    assert_eq!(listed.len(), components.len(), "a component is listed twice");
    let scope = |name: &str| {
        let named = |component: &&Value| component["name"] == name;
        components.iter().find(named).map_or_else(String::new, |component| text(&component["scope"]))
    };
    assert!(listed.contains_key(&("torch".to_owned(), "2.11.0".to_owned())), "libtorch is missing");
    assert_eq!((&*scope("torch"), &*scope("nvidia-cublas")), ("required", "optional"));
    let hashes = locked("Cargo.lock");
    for name in licences().keys().filter(|(name, _)| name != "riveg") {
        assert_eq!(listed.get(name), hashes[name].as_ref(), "{name:?}");
    }
    // Every dependency must be a component itself.
    let references: Vec<&Value> = components.iter().map(|component| &component["bom-ref"]).collect();
    for needed in bill["dependencies"].as_array().unwrap() {
        for reference in needed["dependsOn"].as_array().unwrap() {
            assert!(references.contains(&reference), "{reference}");
        }
    }
}
