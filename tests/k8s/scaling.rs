//! Scaling: KEDA scales the workload that there is, by the lag of the engine's own group, up to the partitions that there are.

use super::settings::settings_of_pod;
use super::{built_from, container, everything, list, of_kind, words, workload};

#[test]
fn the_scaler_asks_the_brokers_topic_and_group_of_the_engine() {
    let mut scaled = 0;
    for (name, objects) in everything() {
        let Some(object) = objects.iter().find(|object| object["kind"] == "ScaledObject") else { continue };
        scaled += 1;
        let (workload, config) = (workload(objects).unwrap(), settings_of_pod(objects));
        let target = &object["spec"]["scaleTargetRef"];
        assert_eq!(
            (&target["kind"], &target["name"], &target["apiVersion"]),
            (&workload["kind"], &workload["metadata"]["name"], &workload["apiVersion"]),
            "{name}"
        );
        assert!(workload["spec"]["replicas"].is_null(), "{name}: an apply would reset what KEDA has scaled");
        let trigger = &object["spec"]["triggers"][0];
        let asked = &trigger["metadata"];
        assert_eq!(asked["bootstrapServers"], config.kafka.bootstrap, "{name}");
        assert_eq!(asked["consumerGroup"], config.ingest.group, "{name}");
        assert_eq!(serde_json::json!(config.ingest.topic), asked["topic"], "{name}");
        let start = serde_json::json!(config.ingest.start);
        assert_eq!(asked["offsetResetPolicy"], start, "{name}");
        assert_eq!(asked["allowIdleConsumers"], "false", "{name}: more engines than partitions");
        // Who must say who he is to the brokers, KEDA must too.
        let is_asked_who = config.kafka.properties.get("sasl.mechanism").is_some();
        let may_answer = !trigger["authenticationRef"].is_null();
        assert!(may_answer || !is_asked_who, "{name}: k8s/components/keda-secure is missing");
    }
    assert!(scaled > 3, "{scaled}");
}

#[test]
fn there_are_as_many_engines_as_partitions_at_most() {
    let (topics, production) = (built_from("k8s/strimzi"), built_from("k8s/production"));
    let topic = settings_of_pod(&production).ingest.topic;
    let topic = topics.iter().find(|object| object["metadata"]["name"] == serde_json::json!(topic)).unwrap();
    assert_eq!(of_kind(&production, "ScaledObject")["spec"]["maxReplicaCount"], topic["spec"]["partitions"]);
}

#[test]
fn a_drain_takes_one_engine_at_a_time_and_engines_spread_over_machines() {
    for (name, objects) in everything() {
        let Some(workload) = workload(objects) else { continue };
        let labels = &workload["spec"]["template"]["metadata"]["labels"];
        let budget = of_kind(objects, "PodDisruptionBudget");
        assert_eq!(budget["spec"]["maxUnavailable"], 1, "{name}");
        assert_eq!(&budget["spec"]["selector"]["matchLabels"], labels, "{name}");
        let pod = &workload["spec"]["template"]["spec"];
        let spread = &list(&pod["topologySpreadConstraints"])[0];
        assert_eq!(&spread["labelSelector"]["matchLabels"], labels, "{name}");
        assert_eq!(pod["priorityClassName"], of_kind(objects, "PriorityClass")["metadata"]["name"], "{name}");
    }
}

#[test]
fn pods_are_scraped_once_at_their_port_as_the_job_that_alerts_look_for() {
    let objects = built_from("k8s/production");
    let (monitor, workload) = (of_kind(&objects, "PodMonitor"), workload(&objects).unwrap());
    let template = &workload["spec"]["template"]["metadata"];
    assert_eq!(monitor["spec"]["selector"]["matchLabels"], template["labels"]);
    assert_eq!(template["labels"][monitor["spec"]["jobLabel"].as_str().unwrap()], "riveg");
    assert!(template["annotations"].is_null(), "a Prometheus without the operator would scrape it too");
    let endpoint = &monitor["spec"]["podMetricsEndpoints"][0];
    let port =
        list(&container(&objects)["ports"]).iter().find(|port| port["name"] == endpoint["port"]).unwrap();
    let address = settings_of_pod(&objects).telemetry.address;
    assert!(address.ends_with(&format!(":{}", port["containerPort"])), "{address}");
    assert_eq!(words(&container(&objects)["args"])[0], "run");
}
