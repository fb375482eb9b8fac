//! Settings of a pod: its arguments, environment and mounted files, read as the binary reads them.

use std::path::PathBuf;

use clap::Parser;
use riveg::cli::Arguments;
use riveg::config::{Config, Sources};
use serde_json::Value;

use super::{container, everything, list, words, workload};

/// The name of the pod that the kubelet puts in.
const POD: &str = "riveg-1";

/// What a secret holds in these tests, in each of its files.
pub(super) const SECRET: &str = "canary";

/// The settings with which the engine of these objects runs.
///
/// # Panics
/// If the binary would refuse arguments, variables or files.
pub(super) fn settings_of_pod(objects: &[Value]) -> Config {
    let mounted = Mounted::of(objects);
    let container = container(objects);
    let arguments = words(&container["args"]);
    let parsed = Arguments::try_parse_from(std::iter::once("riveg").chain(arguments.iter().copied()));
    parsed.unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
    let of_flag = |flag: &str| {
        let pairs = arguments.windows(2).filter(|pair| pair[0] == flag).map(|pair| pair[1].to_owned());
        pairs.collect::<Vec<String>>()
    };
    let environment = list(&container["env"]).iter().map(|variable| {
        let value = match variable["value"].as_str() {
            Some(value) => mounted.moved(&value.replace("$(POD_NAME)", POD)),
            None => {
                assert_eq!(variable["valueFrom"]["fieldRef"]["fieldPath"], "metadata.name", "{variable}");
                POD.to_owned()
            }
        };
        (variable["name"].as_str().unwrap().to_owned(), value)
    });
    let sources = Sources {
        files: of_flag("--config").iter().map(|file| PathBuf::from(mounted.moved(file))).collect(),
        environment: environment.collect(),
        sets: of_flag("--http").iter().map(|address| format!("http.address={address}")).collect(),
    };
    Config::load(&sources).unwrap_or_else(|faults| panic!("{faults}")).config
}

/// The files of a pod's volumes, in a folder of the test.
struct Mounted(tempfile::TempDir);

/// Below which paths volumes with files are mounted.
const PLACES: [&str; 2] = ["/etc/riveg", "/run/secrets"];

impl Mounted {
    fn of(objects: &[Value]) -> Self {
        let mounted = Self(tempfile::tempdir().unwrap());
        let pod = &workload(objects).unwrap()["spec"]["template"]["spec"];
        let mounts = list(&container(objects)["volumeMounts"]);
        let place = |volume: &Value| {
            let mount = mounts.iter().find(|mount| mount["name"] == volume["name"]);
            mount.unwrap_or_else(|| panic!("{volume} is not mounted"))["mountPath"].as_str().unwrap()
        };
        for volume in list(&pod["volumes"]) {
            if let Some(map) = volume["configMap"]["name"].as_str() {
                let map = objects
                    .iter()
                    .find(|object| object["kind"] == "ConfigMap" && object["metadata"]["name"] == map);
                let data = map.unwrap_or_else(|| panic!("there is no {volume}"))["data"].as_object().unwrap();
                mounted.write(
                    place(volume),
                    data.iter().map(|(name, text)| (name.as_str(), text.as_str().unwrap())),
                );
            } else if volume["secret"].is_object() {
                // Which files it has, the comment of its component says.
                let files = ["ca.pem", "password", "token", "username"].map(|name| (name, SECRET));
                mounted.write(place(volume), files.into_iter());
            }
        }
        mounted
    }

    fn write<'a>(&self, place: &str, files: impl Iterator<Item = (&'a str, &'a str)>) {
        assert!(PLACES.iter().any(|known| place.starts_with(known)), "{place}");
        let folder = PathBuf::from(self.moved(place));
        std::fs::create_dir_all(&folder).unwrap();
        files.for_each(|(name, text)| std::fs::write(folder.join(name), self.moved(text)).unwrap());
    }

    /// The same text with paths of mounted files moved into the folder of the test.
    fn moved(&self, text: &str) -> String {
        let into = |place: &str| format!("{}{place}", self.0.path().display());
        PLACES.iter().fold(text.to_owned(), |text, place| text.replace(place, &into(place)))
    }
}

#[test]
fn the_binary_accepts_arguments_environment_and_files_of_every_pod() {
    for (name, objects) in everything() {
        if workload(objects).is_some() {
            let config = settings_of_pod(objects);
            let shown = format!("{config:?}");
            assert!(!shown.contains(SECRET), "{name}: a secret is shown");
        }
    }
}

#[test]
fn every_mount_has_a_volume_and_every_volume_a_mount() {
    for (name, objects) in everything() {
        let Some(workload) = workload(objects) else { continue };
        let named = |value: &Value| list(value).iter().map(|one| one["name"].to_string()).collect::<Vec<_>>();
        let claims = list(&workload["spec"]["volumeClaimTemplates"]);
        let claimed = claims.iter().map(|claim| claim["metadata"]["name"].to_string());
        let mut volumes = named(&workload["spec"]["template"]["spec"]["volumes"]);
        volumes.extend(claimed);
        let mut mounts = named(&container(objects)["volumeMounts"]);
        volumes.sort();
        mounts.sort();
        assert_eq!(volumes, mounts, "{name}");
    }
}

#[test]
fn state_lies_on_a_volume_that_holds_it() {
    let mebibytes = |size: &str| -> u64 {
        let (number, unit) = size.split_at(size.len() - 2);
        number.parse::<u64>().unwrap() << if unit == "Gi" { 30 } else { 20 }
    };
    for (name, objects) in everything() {
        let Some(workload) = workload(objects) else { continue };
        let config = settings_of_pod(objects);
        let mounts = list(&container(objects)["volumeMounts"]);
        let state = config.engine.state.clone();
        let mount = mounts.iter().find(|mount| state.starts_with(mount["mountPath"].as_str().unwrap()));
        let mount = mount.unwrap_or_else(|| panic!("{name}: {} is on no volume", state.display()));
        let claims = list(&workload["spec"]["volumeClaimTemplates"]);
        let claim = claims.iter().find(|claim| claim["metadata"]["name"] == mount["name"]);
        let room = match claim {
            Some(claim) => claim["spec"]["resources"]["requests"]["storage"].clone(),
            None => {
                let volumes = list(&workload["spec"]["template"]["spec"]["volumes"]);
                let volume = volumes.iter().find(|volume| volume["name"] == mount["name"]).unwrap();
                volume["emptyDir"]["sizeLimit"].clone()
            }
        };
        let room = mebibytes(room.as_str().unwrap());
        // The store may take twice its size while it is compacted.
        assert!(config.answers.disk.as_u64() * 2 <= room, "{name}: {room}");
        let read_only = mount["readOnly"] == true;
        assert!(!read_only && config.answers.disk_path.starts_with(&state), "{name}");
    }
}
