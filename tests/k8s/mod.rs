//! Kubernetes manifests: the output of `kubectl kustomize` agrees with published schemas, with the strictest Pod Security Standard
//! and with the engine's settings.

mod fence;
mod pods;
mod restricted;
mod scaling;
mod schemas;
mod settings;
mod strimzi;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// What is there to be applied.
const OVERLAYS: [&str; 9] = [
    "k8s/base",
    "k8s/gpu",
    "k8s/http",
    "k8s/secure",
    "k8s/exactly-once",
    "k8s/production",
    "k8s/strimzi",
    "k8s/alerts",
    "k8s/dashboards",
];

/// Components that somebody may want together, in the order in which they are written.
const COMBINATIONS: [&[&str]; 7] = [
    &["gpu", "exactly-once"],
    &["gpu", "secure", "persistent"],
    &["http", "secure", "exactly-once", "persistent"],
    &["keda"],
    &["http", "keda", "persistent"],
    &["monitoring", "network-policy"],
    &[
        "gpu",
        "http",
        "secure",
        "keda",
        "keda-secure",
        "monitoring",
        "network-policy",
        "exactly-once",
        "persistent",
    ],
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn built() -> Vec<Value> {
    built_from("k8s/base")
}

/// The objects of a folder of this repository.
pub(crate) fn built_from(folder: &str) -> Vec<Value> {
    objects_of(&root().join(folder))
}

/// The objects of the base with these components.
fn combined(components: &[&str]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    // kustomize takes no absolute paths.
    let place = folder.path().canonicalize().unwrap();
    let up = PathBuf::from("../".repeat(place.components().count() - 1));
    let to = |folder: &str| {
        up.join(root().strip_prefix("/").unwrap()).join("k8s").join(folder).display().to_string()
    };
    let list: String =
        components.iter().map(|name| format!("  - {}\n", to(&format!("components/{name}")))).collect();
    let text = format!(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - {}\ncomponents:\n{list}",
        to("base")
    );
    std::fs::write(place.join("kustomization.yaml"), text).unwrap();
    objects_of(&place)
}

/// Everything that is shipped, and the combinations, each with its name. Built once for all tests.
fn everything() -> &'static [(String, Vec<Value>)] {
    static BUILT: OnceLock<Vec<(String, Vec<Value>)>> = OnceLock::new();
    BUILT.get_or_init(|| {
        let overlays = OVERLAYS.iter().map(|folder| ((*folder).to_owned(), built_from(folder)));
        overlays.chain(COMBINATIONS.iter().map(|names| (names.join("+"), combined(names)))).collect()
    })
}

fn objects_of(folder: &Path) -> Vec<Value> {
    let output = Command::new("kubectl").arg("kustomize").arg(folder).output();
    let output = output.expect("`scripts/setup test` installs kubectl, or says what to install");
    assert!(output.status.success(), "{}: {}", folder.display(), String::from_utf8_lossy(&output.stderr));
    let yaml = String::from_utf8(output.stdout).unwrap();
    yaml.split("\n---\n").map(|document| serde_saphyr::from_str(document).unwrap()).collect()
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let mut found = objects.iter().filter(|object| object["kind"] == kind);
    let object = found.next().unwrap_or_else(|| panic!("no {kind} among {objects:#?}"));
    assert!(found.next().is_none(), "more than one {kind}");
    object
}

/// What runs the engine, if something does.
fn workload(objects: &[Value]) -> Option<&Value> {
    objects.iter().find(|object| object["kind"] == "Deployment" || object["kind"] == "StatefulSet")
}

fn container(objects: &[Value]) -> &Value {
    let workload = workload(objects).expect("a workload");
    let containers = &workload["spec"]["template"]["spec"]["containers"];
    assert_eq!(containers.as_array().map(Vec::len), Some(1));
    &containers[0]
}

/// The elements of a list; none where there is no list.
fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The elements of a list of words.
fn words(value: &Value) -> Vec<&str> {
    list(value).iter().map(|word| word.as_str().unwrap()).collect()
}
