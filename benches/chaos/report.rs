//! Report of the runs: a table, a JSON file, and whether the delivery guarantee holds.

use std::path::Path;

use serde_json::{Value, json};

use super::Mode;
use super::check::Found;
use super::faults::FaultCounts;

/// One run.
pub(crate) struct Run {
    pub(crate) injected: FaultCounts,
    /// Engines that died, for any reason.
    pub(crate) deaths: usize,
    /// Whether the group committed the end of the input.
    pub(crate) settled: bool,
    pub(crate) posts: usize,
    pub(crate) found: Found,
}

/// All runs.
pub(crate) struct Report(Vec<(Mode, Run)>);

impl Report {
    pub(crate) fn new(runs: impl Iterator<Item = (Mode, Run)>) -> Self {
        Self(runs.collect())
    }

    /// Whether the guarantee of every run's mode holds. `CommitFirst` is held to that of at-least-once and must break it.
    pub(crate) fn holds(&self) -> bool {
        self.0.iter().all(|(mode, run)| {
            let Found { lost, duplicated, contradicted, out_of_order, misplaced, unknown, .. } = run.found;
            let doubled = if *mode == Mode::ExactlyOnce { duplicated } else { contradicted };
            run.settled
                && [lost, doubled, out_of_order, misplaced, unknown].into_iter().all(|count| count == 0)
        })
    }

    pub(crate) fn print(&self) {
        println!(
            "\n{:<15}{:>8}{:>7}{:>10}{:>8}{:>9}{:>8}{:>6}{:>12}{:>14}{:>14}{:>11}{:>8}",
            "mode",
            "posts",
            "kills",
            "restarts",
            "pauses",
            "zombies",
            "deaths",
            "lost",
            "duplicated",
            "contradicted",
            "out of order",
            "misplaced",
            "poison"
        );
        for (mode, run) in &self.0 {
            let (FaultCounts { kills, restarts, pauses, zombies }, found) = (run.injected, run.found);
            println!(
                "{:<15}{:>8}{kills:>7}{restarts:>10}{pauses:>8}{zombies:>9}{:>8}{:>6}{:>12}{:>14}{:>14}{:>11}{:>8}",
                format!("{mode:?}"),
                run.posts,
                run.deaths,
                found.lost,
                found.duplicated,
                found.contradicted,
                found.out_of_order,
                found.misplaced,
                found.poison
            );
            if !run.settled {
                println!("{mode:?}: the group did not commit the end of the input");
            }
        }
        println!(
            "{}",
            if self.holds() { "the delivery guarantee holds" } else { "THE DELIVERY GUARANTEE IS BROKEN" }
        );
    }

    pub(crate) fn write(&self, file: &Path) {
        let sum = |count: fn(&FaultCounts) -> usize| {
            self.0.iter().map(|(_, run)| count(&run.injected)).sum::<usize>()
        };
        let mut report = json!({
            "kills": sum(|injected| injected.kills),
            "restarts": sum(|injected| injected.restarts),
            "pauses": sum(|injected| injected.pauses),
            "zombies": sum(|injected| injected.zombies),
            "holds": self.holds(),
        });
        for (mode, run) in &self.0 {
            let name = match mode {
                Mode::AtLeastOnce => "at_least_once",
                Mode::ExactlyOnce => "exactly_once",
                Mode::CommitFirst => "commit_first",
            };
            let mut found = serde_json::to_value(run.found).unwrap_or(Value::Null);
            found["posts"] = json!(run.posts);
            found["deaths"] = json!(run.deaths);
            found["settled"] = json!(run.settled);
            report[name] = found;
        }
        std::fs::write(file, format!("{report:#}\n")).unwrap();
        println!("wrote {}", file.display());
    }
}
