//! Pods: ports, probes, deadlines and memory are those of the engine.

use std::time::Duration;

use riveg::config::{Config, Sources, Warm};
use riveg::kafka::publish::DeliveryMode;
use riveg::networks::blocks::device::unset_variables;
use serde_json::Value;

use super::settings::{SECRET, settings_of_pod};
use super::{built, built_from, container, everything, of_kind, words, workload};
use crate::support::{pocket_bundle, riveg};

#[test]
fn ports_and_probes_are_those_that_the_engine_serves() {
    let objects = built();
    let address = settings_of_pod(&objects).telemetry.address;
    let (host, port) = address.rsplit_once(':').unwrap();
    assert_eq!(host, "0.0.0.0", "probes come from outside of the pod");
    let port: u64 = port.parse().unwrap();

    let container = container(&objects);
    assert_eq!(container["ports"][0]["containerPort"], port);
    let service = of_kind(&objects, "Service");
    assert_eq!(service["spec"]["ports"][0]["port"], port);
    assert_eq!(service["spec"]["ports"][0]["targetPort"], container["ports"][0]["name"]);
    let template = &of_kind(&objects, "Deployment")["spec"]["template"];
    assert_eq!(template["metadata"]["annotations"]["prometheus.io/port"], port.to_string());
    assert_eq!(template["metadata"]["annotations"]["prometheus.io/path"], "/metrics");
    assert_eq!(template["metadata"]["labels"], service["spec"]["selector"]);
    for (probe, path) in
        [("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")]
    {
        assert_eq!(container[probe]["httpGet"]["path"], path, "{probe}");
        assert_eq!(container[probe]["httpGet"]["port"], container["ports"][0]["name"], "{probe}");
    }
}

#[test]
fn posts_over_http_have_a_service_a_token_and_the_memory_of_their_bodies() {
    let (plain, objects) = (built(), built_from("k8s/http"));
    let [without, container] = [&plain, &objects].map(|objects| container(objects));
    let mut services = objects.iter().filter(|object| object["kind"] == "Service");
    let service = services.find(|service| service["metadata"]["name"] == "riveg-http").unwrap();
    let find = |list: &Value, key: &str, name: &str| {
        list.as_array()
            .unwrap()
            .iter()
            .find(|entry| entry[key] == name)
            .cloned()
            .unwrap_or_else(|| panic!("{list}"))
    };
    let port = find(&container["ports"], "name", "http")["containerPort"].clone();
    assert_eq!(
        (&service["spec"]["ports"][0]["targetPort"], &service["spec"]["ports"][0]["port"]),
        (&"http".into(), &port)
    );
    let token = find(&container["env"], "name", "RIVEG_HTTP__TOKEN")["value"].clone();
    let mount = find(&container["volumeMounts"], "name", "http")["mountPath"].clone();
    assert_eq!(token, format!("${{file:{}/token}}", mount.as_str().unwrap()));
    let mebibytes = |container: &Value| {
        let limit = container["resources"]["limits"]["memory"].as_str().unwrap();
        limit.strip_suffix("Mi").unwrap().parse::<u64>().unwrap() << 20
    };
    let most = |objects: &[Value]| {
        settings_of_pod(objects).memory_plan(Warm { resident: WARM << 20, remembered: 0 }).most()
    };
    assert_eq!(mebibytes(container) - mebibytes(without), most(&objects) - most(&plain));
    // The arguments are those of the base, with the address.
    let address = format!("0.0.0.0:{port}");
    let own = [words(&without["args"]), vec!["--http", &address]].concat();
    assert_eq!(words(&container["args"]), own);
    assert_eq!(settings_of_pod(&objects).http.address, address);
}

#[test]
fn deadlines_of_a_pod_leave_the_engine_its_own() {
    for (name, objects) in everything() {
        let Some(workload) = workload(objects) else { continue };
        let grace = workload["spec"]["template"]["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap();
        let config = settings_of_pod(objects);
        let drain = config.engine.drain_deadline;
        assert!(Duration::from_secs(grace) >= drain + Duration::from_secs(15), "{name}: {grace} {drain:?}");
        // A warm engine answers its probe at once; a stall is for the engine to judge, which knows its batches.
        let probe = &container(objects)["livenessProbe"];
        let patience = probe["periodSeconds"].as_u64().unwrap() * probe["failureThreshold"].as_u64().unwrap();
        assert!(Duration::from_secs(patience) < config.engine.stall_unready, "{name}");
    }
}

#[test]
fn a_deployment_has_no_static_members() {
    let objects = built();
    let config = settings_of_pod(&objects);
    assert_eq!(config.kafka.bootstrap, "kafka.kafka.svc:9092");
    // Its pods get new names, so a crashed static member would never return: no instance id, short session.
    assert_eq!(config.ingest.instance, "");
    assert!(config.ingest.session_timeout <= Duration::from_secs(8), "{:?}", config.ingest.session_timeout);
    // It is another one than by default because the settings are mounted.
    assert_ne!(config.telemetry, Config::load(&Sources::default()).unwrap().config.telemetry);
}

#[test]
fn exactly_once_gives_every_pod_a_stable_name() {
    let objects = built_from("k8s/exactly-once");
    let set = of_kind(&objects, "StatefulSet");
    assert!(!objects.iter().any(|object| object["kind"] == "Deployment"));
    assert_eq!(set["spec"]["strategy"], Value::Null, "a StatefulSet has none");
    assert_eq!(set["spec"]["serviceName"], of_kind(&objects, "Service")["metadata"]["name"]);
    let config = settings_of_pod(&objects);
    assert_eq!(config.publish.delivery, DeliveryMode::ExactlyOnce);
    assert_eq!(config.publish.transactional_id(&config.ingest.group), "riveg-riveg-1");
    assert_eq!(config.ingest.instance, "riveg-1");
    assert!(
        config.ingest.session_timeout >= Duration::from_secs(30),
        "a pod is replaced and warm within that time"
    );
}

/// Memory of a warm engine with the image's bundle, in MiB, with reserve for machines with more than two cores.
const WARM: u64 = 384;

#[test]
fn a_pod_requests_its_settled_memory_and_is_limited_to_its_maximum() {
    // Rounded to readable steps.
    let rounded = |bytes: u64| bytes.div_ceil(256 << 20) * 256;
    for folder in ["k8s/base", "k8s/secure", "k8s/exactly-once", "k8s/production"] {
        let objects = built_from(folder);
        let plan = settings_of_pod(&objects).memory_plan(Warm { resident: WARM << 20, remembered: 0 });
        let resources = &container(&objects)["resources"];
        assert_eq!(
            resources["requests"]["memory"],
            format!("{}Mi", rounded(plan.settled())),
            "{folder}: {plan}"
        );
        assert_eq!(resources["limits"]["memory"], format!("{}Mi", rounded(plan.most())), "{folder}: {plan}");
    }
}

#[test]
fn no_pod_requests_more_than_its_limit() {
    let mebibytes = |size: &Value| size.as_str().unwrap().strip_suffix("Mi").unwrap().parse::<u64>().unwrap();
    for (name, objects) in everything().iter().filter(|(_, objects)| workload(objects).is_some()) {
        let resources = &container(objects)["resources"];
        let [asked, limit] = ["requests", "limits"].map(|kind| mebibytes(&resources[kind]["memory"]));
        assert!(asked <= limit, "{name}: {resources}");
    }
}

/// The same on a GPU, an estimate: libtorch with CUDA and what it keeps of the GPU in host memory.
const WARM_ON_GPU: u64 = 4096;

#[test]
fn a_pod_on_a_gpu_has_one_the_settings_for_it_and_their_memory() {
    let objects = built_from("k8s/gpu");
    let container = container(&objects);
    let config = settings_of_pod(&objects);
    assert_eq!(config.device.name, "cuda:0".into());
    let resources = &container["resources"];
    assert_eq!(resources["limits"]["nvidia.com/gpu"], 1);
    let plan = config.memory_plan(Warm { resident: WARM_ON_GPU << 20, remembered: 0 });
    let rounded = |bytes: u64| format!("{}Mi", bytes.div_ceil(1 << 30) * 1024);
    assert_eq!(resources["requests"]["memory"], rounded(plan.settled()), "{plan}");
    assert_eq!(resources["limits"]["memory"], rounded(plan.most()), "{plan}");
    let image = container["image"].as_str().unwrap();
    assert!(image.ends_with("-cuda"), "{image} is the image without CUDA");
    let of_cuda = include_str!("../../k8s/Dockerfile").split("FROM engine AS cuda").nth(1).unwrap();
    for variable in unset_variables(tch::Device::Cuda(0), |_| false) {
        assert!(of_cuda.contains(&variable), "the image does not set {variable}");
    }
}

#[test]
fn a_warm_engine_needs_no_more_memory_than_the_pod_assumes() {
    let bundle = format!("bundle.path={}", pocket_bundle().display());
    let arguments =
        ["check", "--log", "error", "--skip", "kafka", "--config", "config/cluster.toml", "--set", &bundle];
    let finished = riveg(&arguments, b"");
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    let line =
        finished.stdout.lines().find(|line| line.contains("MiB when warm")).expect("memory is looked at");
    let warm: u64 = line.split_whitespace().nth(2).unwrap().parse().unwrap();
    assert!((1..=WARM).contains(&warm), "{line}");
}

#[test]
fn the_image_has_the_user_and_the_bundle_of_the_pod() {
    let objects = built();
    let pod = &of_kind(&objects, "Deployment")["spec"]["template"]["spec"];
    let dockerfile = include_str!("../../k8s/Dockerfile");
    let user = format!("USER {0}:{0}", pod["securityContext"]["runAsUser"]);
    assert!(dockerfile.lines().any(|line| line == user), "the image's user is not {user}");
    let bundle = settings_of_pod(&objects).bundle.path;
    assert!(dockerfile.contains(bundle.to_str().unwrap()), "the image has no {}", bundle.display());
}

#[test]
fn for_a_secured_broker_the_secret_is_mounted_where_the_settings_expect_it() {
    let objects = built_from("k8s/secure");
    let container = container(&objects);
    let volumes = of_kind(&objects, "Deployment")["spec"]["template"]["spec"]["volumes"].as_array().unwrap();
    let volume = volumes.iter().find(|volume| volume["secret"]["secretName"] == "riveg-kafka").unwrap();
    assert_eq!(volume["secret"]["defaultMode"], 0o440, "readable by the engine, and by nobody else");
    let mounts = container["volumeMounts"].as_array().unwrap();
    let mount = mounts.iter().find(|mount| mount["name"] == volume["name"]).unwrap();
    assert_eq!((&mount["mountPath"], &mount["readOnly"]), (&"/run/secrets/riveg".into(), &true.into()));

    let config = settings_of_pod(&objects);
    assert_eq!(config.kafka.properties.get("sasl.password"), Some(SECRET));
    assert!(!format!("{config:?}").contains(SECRET));
}
