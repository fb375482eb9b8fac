//! Faults: each alert fires when its fault is there, no other does, and nothing fires while all is well.
//!
//! Every run of the tests provokes some; `RIVEG_OPERATE=full`, which `make operate` sets, provokes all, and `RIVEG_OPERATE=group`
//! those with this word in their names. Minutes of the rules are seconds here.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use super::{alerts, no_memory, troubles};
use crate::support::{Prometheus, until};

/// A fault, and what shows it.
type Trouble = (&'static str, fn(&mut Shown));

/// Those that every run provokes.
const SOME: [Trouble; 1] = [("no post is finished", troubles::nothing_is_finished)];

/// The others.
const MORE: [Trouble; 11] = [
    ("an engine that works, then what it needs goes away", troubles::what_it_needs_goes_away),
    ("an engine is stopped", troubles::an_engine_is_stopped),
    ("an engine is killed again and again", troubles::an_engine_is_killed_again_and_again),
    ("more posts than networks can answer", troubles::more_posts_than_networks_can_answer),
    ("no broker", troubles::no_broker),
    ("records are deleted", troubles::records_are_deleted),
    ("commits are refused", troubles::commits_are_refused),
    ("transactions are refused", troubles::transactions_are_refused),
    ("the group does not settle", troubles::the_group_does_not_settle),
    ("a device without memory", no_memory::of_the_device),
    ("a process without memory", no_memory::of_the_process),
];

/// The alerts that have been seen to fire.
#[derive(Default)]
pub(super) struct Shown(BTreeSet<String>);

impl Shown {
    /// Waits until all of `alerts` fire. Of the others only those `beside` may have fired.
    pub(super) fn fires(&mut self, prometheus: &Prometheus, alerts: &[&str], beside: &[&str]) {
        let begun = Instant::now();
        until(&format!("{alerts:?}"), || {
            let firing = prometheus.firing();
            alerts.iter().all(|name| firing.contains(*name)).then_some(())
        });
        let fired = prometheus.have_fired();
        let others =
            fired.iter().filter(|name| !alerts.contains(&name.as_str()) && !beside.contains(&name.as_str()));
        assert_eq!(others.collect::<Vec<_>>(), [""; 0], "beside {alerts:?}");
        println!("    {} after {:.0} s", alerts.join(", "), begun.elapsed().as_secs_f64());
        self.0.extend(alerts.iter().map(|&name| name.to_owned()));
    }
}

/// Waits until nothing fires any more.
pub(super) fn all_is_well(prometheus: &Prometheus) {
    until("alerts end with their fault", || prometheus.firing().is_empty().then_some(()));
}

#[test]
fn faults_raise_their_alerts_and_no_other() {
    let wanted = std::env::var("RIVEG_OPERATE").ok();
    let is_full = wanted.as_deref() == Some("full");
    let is_wanted =
        |fault: &str| is_full || wanted.as_ref().is_some_and(|word| fault.contains(word.as_str()));
    let more = MORE.iter().filter(|(fault, _)| is_wanted(fault));
    let mut shown = Shown::default();
    for (fault, provoke) in SOME.iter().chain(more) {
        println!("{fault}");
        provoke(&mut shown);
    }
    if is_full {
        // For a Prometheus without the operator.
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/operate");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("rules.yaml"), alerts::rules().to_string()).unwrap();
        assert_eq!(shown.0, alerts::names(), "alerts that were seen to fire, and those that there are");
    }
}
