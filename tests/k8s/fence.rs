//! Fence: the NetworkPolicy lets through what the settings need, and none of the addresses that the engine refuses.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::settings::settings_of_pod;
use super::{built_from, combined, container, list, of_kind};

/// Addresses of clouds' metadata and of private networks, which the engine refuses too (`input::fetch`).
const REFUSED: [&str; 13] = [
    "169.254.169.254",
    "169.254.170.2",
    "168.63.129.16",
    "100.100.100.200",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "127.0.0.1",
    "fd00:ec2::254",
    "fe80::1",
    "::1",
    "2002:7f00:1::",
    "0.0.0.0",
];

/// Addresses of the public Internet.
const PUBLIC: [&str; 3] = ["1.1.1.1", "104.244.42.1", "2606:4700::1111"];

/// The rules for what is outside of the cluster.
fn outside(policy: &Value) -> Vec<&Value> {
    let rules = list(&policy["spec"]["egress"]).iter();
    rules.filter(|rule| list(&rule["to"]).iter().any(|peer| !peer["ipBlock"].is_null())).collect()
}

fn is_let_through(rule: &Value, address: IpAddr) -> bool {
    let holds = |network: &Value| network.as_str().unwrap().parse::<IpNet>().unwrap().contains(&address);
    list(&rule["to"]).iter().any(|peer| {
        let block = &peer["ipBlock"];
        holds(&block["cidr"]) && !list(&block["except"]).iter().any(holds)
    })
}

fn ports(rule: &Value) -> Vec<u64> {
    list(&rule["ports"]).iter().filter_map(|port| port["port"].as_u64()).collect()
}

#[test]
fn pictures_come_from_the_public_internet_alone_at_the_ports_of_the_settings() {
    let objects = built_from("k8s/production");
    let policy = of_kind(&objects, "NetworkPolicy");
    let rules = outside(policy);
    assert_eq!(rules.len(), 1);
    for address in REFUSED {
        assert!(!is_let_through(rules[0], address.parse().unwrap()), "{address} is let through");
    }
    for address in PUBLIC {
        assert!(is_let_through(rules[0], address.parse().unwrap()), "{address} is held back");
    }
    let mut allowed: Vec<u64> =
        settings_of_pod(&objects).fetch.ports.iter().map(|&port| port.into()).collect();
    let mut open = ports(rules[0]);
    allowed.sort_unstable();
    open.sort_unstable();
    assert_eq!(open, allowed);
}

#[test]
fn the_brokers_of_every_pod_are_reached_and_names_are_resolved() {
    for components in [&["network-policy"][..], &["secure", "network-policy"]] {
        let objects = combined(components);
        let policy = of_kind(&objects, "NetworkPolicy");
        let bootstrap = settings_of_pod(&objects).kafka.bootstrap;
        let (host, port) = bootstrap.rsplit_once(':').unwrap();
        let namespace = host.split('.').nth(1).unwrap();
        let to = |name: &str, port: u64| {
            list(&policy["spec"]["egress"]).iter().any(|rule| {
                let labels = |peer: &Value| {
                    peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"].clone()
                };
                list(&rule["to"]).iter().any(|peer| labels(peer) == name) && ports(rule).contains(&port)
            })
        };
        assert!(to(namespace, port.parse().unwrap()), "{bootstrap} is held back");
        assert!(to("kube-system", 53), "names are not resolved");
    }
}

#[test]
fn prometheus_and_clients_reach_the_ports_of_the_engine() {
    let objects = combined(&["http", "network-policy"]);
    let policy = of_kind(&objects, "NetworkPolicy");
    assert_eq!(policy["spec"]["policyTypes"], serde_json::json!(["Ingress", "Egress"]));
    let open: Vec<&Value> = list(&policy["spec"]["ingress"])
        .iter()
        .flat_map(|rule| list(&rule["ports"]))
        .map(|port| &port["port"])
        .collect();
    for port in list(&container(&objects)["ports"]) {
        assert!(open.contains(&&port["name"]) || open.contains(&&port["containerPort"]), "{port} is shut");
    }
}
