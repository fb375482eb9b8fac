//! Restricted: pods obey the strictest Pod Security Standard, which their namespace enforces.

use serde_json::Value;

use super::{container, everything, list, workload};

/// Kinds of volumes that the standard allows.
const VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// What a pod has that the standard forbids, or lacks that it demands.
fn faults(pod: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut demand = |holds: bool, what: &str| {
        if !holds {
            found.push(what.to_owned())
        }
    };
    for host in ["hostNetwork", "hostPID", "hostIPC"] {
        demand(pod[host].is_null() || pod[host] == false, host);
    }
    let of_pod = &pod["securityContext"];
    for one in list(&pod["containers"]).iter().chain(list(&pod["initContainers"])) {
        let own = &one["securityContext"];
        let set = |key: &str| if own[key].is_null() { of_pod[key].clone() } else { own[key].clone() };
        demand(own["privileged"].is_null() || own["privileged"] == false, "privileged");
        demand(own["allowPrivilegeEscalation"] == false, "allowPrivilegeEscalation");
        demand(set("runAsNonRoot") == true, "runAsNonRoot");
        demand(set("runAsUser") != 0, "runAsUser");
        let profile = set("seccompProfile")["type"].clone();
        demand(profile == "RuntimeDefault" || profile == "Localhost", "seccompProfile");
        demand(list(&own["capabilities"]["drop"]).contains(&"ALL".into()), "capabilities.drop");
        let added = list(&own["capabilities"]["add"]);
        demand(added.iter().all(|name| name == "NET_BIND_SERVICE"), "capabilities.add");
        demand(list(&one["ports"]).iter().all(|port| port["hostPort"].is_null()), "hostPort");
        demand(own["procMount"].is_null() || own["procMount"] == "Default", "procMount");
    }
    demand(list(&of_pod["sysctls"]).is_empty(), "sysctls");
    for volume in list(&pod["volumes"]) {
        let kinds = volume.as_object().unwrap().keys().filter(|key| *key != "name");
        kinds.for_each(|kind| {
            demand(VOLUMES.contains(&kind.as_str()), &format!("a volume of the kind {kind}"))
        });
    }
    found
}

#[test]
fn pods_obey_the_standard_that_their_namespace_enforces() {
    for (name, objects) in everything() {
        let Some(workload) = workload(objects) else { continue };
        let pod = &workload["spec"]["template"]["spec"];
        assert_eq!(faults(pod), Vec::<String>::new(), "{name}");
        // Beyond the standard.
        assert_eq!(pod["automountServiceAccountToken"], false, "{name}");
        assert_eq!(container(objects)["securityContext"]["readOnlyRootFilesystem"], true, "{name}");
        let namespace = super::of_kind(objects, "Namespace");
        assert_eq!(workload["metadata"]["namespace"], namespace["metadata"]["name"], "{name}");
        assert_eq!(
            namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted",
            "{name}"
        );
    }
}

#[test]
fn pods_with_more_rights_are_found() {
    let objects = super::built();
    let pod = &workload(&objects).unwrap()["spec"]["template"]["spec"];
    let changed = |path: &str, value: Value| {
        let mut pod = pod.clone();
        *pod.pointer_mut(path).unwrap() = value;
        faults(&pod)
    };
    let own = "/containers/0/securityContext";
    assert_eq!(
        changed(&format!("{own}/allowPrivilegeEscalation"), true.into()),
        ["allowPrivilegeEscalation"]
    );
    assert_eq!(changed(&format!("{own}/capabilities/drop"), Value::Array(Vec::new())), ["capabilities.drop"]);
    assert_eq!(changed("/securityContext/runAsNonRoot", false.into()), ["runAsNonRoot"]);
    assert_eq!(changed("/securityContext/runAsUser", 0.into()), ["runAsUser"]);
    assert_eq!(changed("/securityContext/seccompProfile/type", "Unconfined".into()), ["seccompProfile"]);
    let host = serde_json::json!([{ "name": "a", "hostPath": { "path": "/" } }]);
    assert_eq!(changed("/volumes", host), ["a volume of the kind hostPath"]);
}
