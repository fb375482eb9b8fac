//! What came of it? A table for people, JSON for others, and whether the promise was kept.

use std::path::Path;

use serde_json::{Value, json};

use super::Mode;
use super::check::Found;
use super::havoc::Wreaked;

/// One run.
pub(crate) struct Run {
    pub(crate) wreaked: Wreaked,
    /// Engines that died, of whatever.
    pub(crate) deaths: usize,
    /// Whether the group came to the end of the input.
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

    /// Whether every run kept its promise. What commits first has none to keep, and so breaks it.
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
            let (Wreaked { kills, restarts, pauses, zombies }, found) = (run.wreaked, run.found);
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
                println!("{mode:?}: the group did not come to the end of the input");
            }
        }
        println!("{}", if self.holds() { "the promise is kept" } else { "THE PROMISE IS BROKEN" });
    }

    pub(crate) fn write(&self, file: &Path) {
        let sum =
            |count: fn(&Wreaked) -> usize| self.0.iter().map(|(_, run)| count(&run.wreaked)).sum::<usize>();
        let mut report = json!({
            "kills": sum(|wreaked| wreaked.kills),
            "restarts": sum(|wreaked| wreaked.restarts),
            "pauses": sum(|wreaked| wreaked.pauses),
            "zombies": sum(|wreaked| wreaked.zombies),
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
