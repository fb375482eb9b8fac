//! Kubernetes manifests: the output of `kubectl kustomize` agrees with the engine's settings.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use riveg::config::{Config, Sources, Warm};
use riveg::kafka::publish::DeliveryMode;
use riveg::networks::blocks::device::unset_variables;
use serde_json::Value;

use crate::support::{pocket_bundle, riveg};

fn built() -> Vec<Value> {
    built_from("k8s/base")
}

fn built_from(folder: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let output = Command::new("kubectl").arg("kustomize").arg(folder).output();
    let output = output.expect("`scripts/setup test` installs kubectl, or says what to install");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let yaml = String::from_utf8(output.stdout).unwrap();
    yaml.split("\n---\n").map(|document| serde_saphyr::from_str(document).unwrap()).collect()
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let mut found = objects.iter().filter(|object| object["kind"] == kind);
    let object = found.next().unwrap_or_else(|| panic!("no {kind} among {objects:#?}"));
    assert!(found.next().is_none(), "more than one {kind}");
    object
}

/// The settings of the ConfigMap, parsed as the binary does.
fn settings(objects: &[Value]) -> Config {
    settings_of(objects, &["cluster.toml"])
}

/// The settings of some of its files, of which later ones win.
fn settings_of(objects: &[Value], names: &[&str]) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &&str| {
        let file = folder.path().join(name);
        std::fs::write(&file, of_kind(objects, "ConfigMap")["data"][name].as_str().unwrap()).unwrap();
        file
    };
    let sources = Sources { files: names.iter().map(write).collect(), ..Sources::default() };
    Config::load(&sources).unwrap_or_else(|faults| panic!("{faults}")).config
}

fn container(objects: &[Value]) -> &Value {
    let containers = &of_kind(objects, "Deployment")["spec"]["template"]["spec"]["containers"];
    assert_eq!(containers.as_array().map(Vec::len), Some(1));
    &containers[0]
}

#[test]
fn ports_and_probes_are_those_that_the_engine_serves() {
    let objects = built();
    let address = settings(&objects).telemetry.address;
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
    assert_eq!(mebibytes(container), mebibytes(without) + settings(&objects).http.memory.as_u64());
    // The arguments are those of the base, with the address.
    let address = format!("0.0.0.0:{port}");
    let mut arguments: Vec<&str> =
        container["args"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let at = arguments.iter().position(|argument| *argument == "--http").unwrap();
    assert_eq!(arguments.drain(at..at + 2).collect::<Vec<_>>(), ["--http", &address]);
    assert_eq!(Value::from(arguments), without["args"]);
}

#[test]
fn a_pod_may_take_longer_to_end_than_the_engine_to_drain() {
    let objects = built();
    let grace =
        of_kind(&objects, "Deployment")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"].as_u64();
    let drain = settings(&objects).engine.drain_deadline;
    assert!(Duration::from_secs(grace.unwrap()) >= drain + Duration::from_secs(15), "{grace:?} {drain:?}");
}

#[test]
fn the_container_reads_the_settings_that_are_mounted_and_knows_every_variable() {
    let objects = built();
    let container = container(&objects);
    let volumes = &of_kind(&objects, "Deployment")["spec"]["template"]["spec"]["volumes"];
    let map = of_kind(&objects, "ConfigMap")["metadata"]["name"].as_str().unwrap();
    let volume = volumes.as_array().unwrap().iter().find(|volume| volume["configMap"]["name"] == map);
    let name = &volume.expect("a volume of the generated ConfigMap")["name"];
    let mounts = container["volumeMounts"].as_array().unwrap();
    let mount = mounts.iter().find(|mount| &mount["name"] == name).expect("the settings are mounted");
    let file = format!("{}/cluster.toml", mount["mountPath"].as_str().unwrap());

    let arguments: Vec<&str> =
        container["args"].as_array().unwrap().iter().map(|argument| argument.as_str().unwrap()).collect();
    assert_eq!(arguments[..3], ["run", "--config", file.as_str()]);

    // The engine itself parses the environment, so an unknown variable would be refused.
    let environment = container["env"].as_array().unwrap().iter().map(|variable| {
        (variable["name"].as_str().unwrap().to_owned(), variable["value"].as_str().unwrap().to_owned())
    });
    let sources = Sources { environment: environment.collect(), ..Sources::default() };
    let config = Config::load(&sources).unwrap_or_else(|faults| panic!("{faults}")).config;
    assert_eq!(config.kafka.bootstrap, "kafka.kafka.svc:9092");
    // A Deployment's pods get new names, so a crashed static member would never return: no instance id, short session.
    assert_eq!(config.ingest.instance, "");
    assert!(config.ingest.session_timeout <= Duration::from_secs(8), "{:?}", config.ingest.session_timeout);
}

#[test]
fn exactly_once_gives_every_pod_a_stable_name() {
    let objects = built_from("k8s/exactly-once");
    let set = of_kind(&objects, "StatefulSet");
    assert!(!objects.iter().any(|object| object["kind"] == "Deployment"));
    assert_eq!(set["spec"]["strategy"], Value::Null, "a StatefulSet has none");
    assert_eq!(set["spec"]["serviceName"], of_kind(&objects, "Service")["metadata"]["name"]);
    let environment = set["spec"]["template"]["spec"]["containers"][0]["env"].as_array().unwrap();
    let pod = environment.iter().find(|variable| variable["name"] == "POD_NAME").unwrap();
    assert_eq!(pod["valueFrom"]["fieldRef"]["fieldPath"], "metadata.name");
    // As the kubelet expands it in the pod.
    let ours = environment.iter().filter_map(|variable| {
        let value = variable["value"].as_str()?.replace("$(POD_NAME)", "riveg-1");
        Some((variable["name"].as_str()?.to_owned(), value))
    });
    let sources = Sources { environment: ours.collect(), ..Sources::default() };
    let config = Config::load(&sources).unwrap_or_else(|faults| panic!("{faults}")).config;
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
    for (folder, kind) in
        [("k8s/base", "Deployment"), ("k8s/secure", "Deployment"), ("k8s/exactly-once", "StatefulSet")]
    {
        let objects = built_from(folder);
        let plan = settings(&objects).memory_plan(Warm { resident: WARM << 20, remembered: 0 });
        let resources = &of_kind(&objects, kind)["spec"]["template"]["spec"]["containers"][0]["resources"];
        assert_eq!(
            resources["requests"]["memory"],
            format!("{}Mi", rounded(plan.settled())),
            "{folder}: {plan}"
        );
        assert_eq!(resources["limits"]["memory"], format!("{}Mi", rounded(plan.most())), "{folder}: {plan}");
    }
}

/// The same on a GPU, an estimate: libtorch with CUDA and what it keeps of the GPU in host memory.
const WARM_ON_GPU: u64 = 4096;

#[test]
fn a_pod_on_a_gpu_has_one_the_settings_for_it_and_their_memory() {
    let objects = built_from("k8s/gpu");
    let container = container(&objects);
    let files = ["/etc/riveg/cluster.toml", "/etc/riveg/gpu.toml"];
    let arguments: Vec<&str> =
        container["args"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(arguments[..5], ["run", "--config", files[0], "--config", files[1]]);
    let config = settings_of(&objects, &["cluster.toml", "gpu.toml"]);
    assert_eq!(config.device.name, "cuda:0".into());
    let resources = &container["resources"];
    assert_eq!(resources["limits"]["nvidia.com/gpu"], 1);
    let plan = config.memory_plan(Warm { resident: WARM_ON_GPU << 20, remembered: 0 });
    let rounded = |bytes: u64| format!("{}Mi", bytes.div_ceil(1 << 30) * 1024);
    assert_eq!(resources["requests"]["memory"], rounded(plan.settled()), "{plan}");
    assert_eq!(resources["limits"]["memory"], rounded(plan.most()), "{plan}");
    let image = container["image"].as_str().unwrap();
    assert!(image.ends_with("-cuda"), "{image} is the image without CUDA");
    let of_cuda = include_str!("../k8s/Dockerfile").split("FROM engine AS cuda").nth(1).unwrap();
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
fn the_container_has_no_more_rights_than_it_needs() {
    let objects = built();
    let pod = &of_kind(&objects, "Deployment")["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["automountServiceAccountToken"], false);
    let security = &container(&objects)["securityContext"];
    assert_eq!(security["readOnlyRootFilesystem"], true);
    assert_eq!(security["allowPrivilegeEscalation"], false);
    assert_eq!(security["capabilities"]["drop"][0], "ALL");

    let dockerfile = include_str!("../k8s/Dockerfile");
    let user = format!("USER {0}:{0}", pod["securityContext"]["runAsUser"]);
    assert!(dockerfile.lines().any(|line| line == user), "the image's user is not {user}");
    let bundle = settings(&objects).bundle.path;
    assert!(dockerfile.contains(bundle.to_str().unwrap()), "the image has no {}", bundle.display());
}

#[test]
fn for_a_secured_broker_the_secret_is_mounted_where_the_settings_expect_it() {
    let objects = built_from("k8s/secure");
    let container = container(&objects);
    let arguments: Vec<&str> =
        container["args"].as_array().unwrap().iter().map(|argument| argument.as_str().unwrap()).collect();
    assert_eq!(arguments[3..5], ["--config", "/etc/riveg/kafka.toml"]);
    let volumes = of_kind(&objects, "Deployment")["spec"]["template"]["spec"]["volumes"].as_array().unwrap();
    let volume = volumes.iter().find(|volume| volume["secret"]["secretName"] == "riveg-kafka").unwrap();
    assert_eq!(volume["secret"]["defaultMode"], 0o440, "readable by the engine, and by nobody else");
    let mounts = container["volumeMounts"].as_array().unwrap();
    let mount = mounts.iter().find(|mount| mount["name"] == volume["name"]).unwrap();
    assert_eq!((&mount["mountPath"], &mount["readOnly"]), (&"/run/secrets/riveg".into(), &true.into()));

    // Parsed as the binary does, with the secret in a folder of this test.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("password"), "canary\n").unwrap();
    let toml = of_kind(&objects, "ConfigMap")["data"]["kafka.toml"].as_str().unwrap();
    let toml = toml.replace("/run/secrets/riveg", folder.path().to_str().unwrap());
    let file = folder.path().join("kafka.toml");
    std::fs::write(&file, toml).unwrap();
    let effective = Config::load(&Sources { files: vec![file], ..Sources::default() }).unwrap();
    assert_eq!(effective.config.kafka.properties.get("sasl.password"), Some("canary"));
    assert!(!format!("{effective} {effective:?} {:?}", effective.config).contains("canary"));
}
