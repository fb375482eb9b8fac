//! `riveg check`: would it run?

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;

use crate::config::Config;
use crate::domain::Stage;
use crate::engine::runtime::{Endpoints, Variant};
use crate::llm::client::LlmError;
use crate::networks::bundle::{Bundle, Part};
use crate::telemetry::Metrics;

use super::brokers::Brokers;
use super::limits::Limits;
use super::open::open;
use super::{Ending, Failure, Settings, run_to_end, with_causes};

mod places;
mod rights;

use rights::Right;

/// Look at settings, bundle, this machine, brokers, topics and rights, and say what is wrong, without running.
///
/// Prints the settings that hold, each with the layer it comes from and secrets blotted out, then a table of what was
/// looked at. Exit code 1 if anything in it failed; `WARN` is no failure: it runs and may lose something, or it cannot be
/// known whether it would run. Nothing is changed anywhere.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg check                                   the defaults
  riveg check --config config/cluster.toml
  riveg check --skip kafka                      where no broker is in reach
  riveg check --skip kafka --skip llm           and no language model either
  riveg check --skip telemetry                  beside an engine that runs
  RIVEG_KAFKA__BOOTSTRAP=broker:9092 riveg check --set ingest.topic=posts")]
pub struct Arguments {
    /// What not to look at; may be given several times.
    #[arg(long, value_enum, value_name = "PART")]
    skip: Vec<Subject>,
    #[command(flatten)]
    settings: Settings,
}

/// What is looked at beside the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Subject {
    /// Manifest, hashes and weights of the bundle.
    Bundle,
    /// The port of metrics and probes.
    Telemetry,
    /// The folder where what is worked on is written down.
    State,
    /// Brokers, topics and rights.
    Kafka,
    /// What this user may read and write of Kafka.
    Rights,
    /// The language models that are asked.
    Llm,
}

/// One line of the table.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    what: String,
    found: Result<String, String>,
    /// It runs, and loses something that the operator may want to keep; or nobody can tell whether it would run.
    doubtful: bool,
}

impl Finding {
    fn new(what: String, found: Result<String, String>) -> Self {
        Self { what, found, doubtful: false }
    }
}

/// Something in the table failed.
#[derive(Debug, thiserror::Error)]
#[error("{failed} of {all} checks failed")]
struct ChecksFailed {
    failed: usize,
    all: usize,
}

pub(super) fn run(arguments: &Arguments, ending: &Ending) -> Result<(), Failure> {
    let effective = arguments.settings.load()?;
    let mut out = std::io::stdout().lock();
    write!(out, "{effective}")?;
    let mut findings = Vec::new();
    if !arguments.skip.contains(&Subject::Bundle) {
        findings.extend(look_at_bundle(&effective.config, ending));
    }
    let config = &effective.config;
    let is_skipped = |subject| arguments.skip.contains(&subject);
    if !is_skipped(Subject::Telemetry) {
        let what = format!("telemetry {}", config.telemetry.address);
        findings.push(Finding::new(what.trim_end().to_owned(), places::port(&config.telemetry.address)));
    }
    if !is_skipped(Subject::State) {
        let folder = config.engine.state_folder();
        findings.push(Finding::new(format!("state {}", folder.display()), places::folder(&folder)));
    }
    if !is_skipped(Subject::Kafka) {
        findings.extend(look_at_kafka(config, !is_skipped(Subject::Rights))?);
    }
    if !is_skipped(Subject::Llm) {
        findings.extend(look_at_models(config));
    }
    out.write_all(table(&findings).as_bytes())?;
    match findings.iter().filter(|finding| finding.found.is_err()).count() {
        0 => Ok(()),
        failed => Err(ChecksFailed { failed, all: findings.len() }.into()),
    }
}

/// Puts the bundle to work as the engine would, and lets go of it.
fn look_at_bundle(config: &Config, ending: &Ending) -> Vec<Finding> {
    let what = format!("bundle {}", config.bundle.path.display());
    let opened =
        run_to_end(async { Ok(open(config, Variant::default(), Arc::new(Metrics::new()), ending).await?) });
    let annotator = match &opened {
        Ok(annotator) => annotator,
        Err(failure) => return vec![Finding::new(what, Err(with_causes(failure.as_ref())))],
    };
    let bundle = annotator.bundle();
    let found = format!("{}, {}, on {}", bundle.title(), bundle.hash(), config.device.name);
    let whole = Finding::new(what, Ok(found));
    let knows = bundle.manifest().know.is_some();
    let stages = Stage::WITH_RETRIEVAL.into_iter().filter(|&stage| knows || stage != Stage::Retrieve);
    let memory = Finding::new("memory".to_owned(), Ok(annotator.memory().to_string()));
    let stages = stages.map(|stage| look_at_stage(bundle, stage));
    std::iter::once(whole).chain(stages).chain([memory]).collect()
}

/// Whether the language models in use answer; none of them is asked anything.
fn look_at_models(config: &Config) -> Vec<Finding> {
    let looks = run_to_end(async {
        let endpoints = Endpoints::open(config, &Arc::new(Metrics::new())).await?;
        Ok(endpoints.look().await)
    });
    let looks = match looks {
        Ok(looks) => looks,
        Err(error) => {
            let what = "language models".to_owned();
            return vec![Finding::new(what, Err(with_causes(error.as_ref())))];
        }
    };
    let finding = |(name, model, found): (String, String, Result<(), LlmError>)| {
        let found = found.map(|()| format!("in reach, to be asked for `{model}`"));
        Finding::new(format!("language model {name}"), found.map_err(|error| with_causes(&error)))
    };
    looks.into_iter().map(finding).collect()
}

/// Which network a stage has, and from which bundle.
fn look_at_stage(bundle: &Bundle, stage: Stage) -> Finding {
    let found = match bundle.manifest().parts().into_iter().find(|part| part.stage == stage) {
        Some(Part { network, .. }) => {
            let home = bundle.home(stage);
            let size = network.preset.unwrap_or_else(|| format!("{} parameters", network.parameters));
            let (title, folder) = (home.title(), home.folder().display());
            format!("{}, {size}, of {title} in {folder}", network.architecture)
        }
        None => "none: the grounder's outlines are the masks".to_owned(),
    };
    Finding::new(format!("stage {stage}"), Ok(found))
}

/// The brokers, and each topic where there is a broker to ask.
fn look_at_kafka(config: &Config, with_rights: bool) -> Result<Vec<Finding>, Failure> {
    let what = format!("brokers {}", config.kafka.bootstrap);
    let brokers = match Brokers::new(&config.kafka) {
        Ok(brokers) => brokers,
        Err(error) => return Ok(vec![Finding::new(what, Err(with_causes(&error)))]),
    };
    let mut findings = Vec::new();
    let topics = [&config.ingest.topic, &config.publish.topic, &config.publish.dead_letter_topic];
    for topic in topics {
        match brokers.topic(topic) {
            Ok((count, partitions)) => {
                if findings.is_empty() {
                    findings.push(Finding::new(what.clone(), Ok(format!("{count} in reach"))));
                }
                let found = partitions.map(|partitions| format!("{partitions} partitions"));
                let found = found.map_err(|error| with_causes(&error));
                let is_there = found.is_ok();
                findings.push(Finding::new(format!("topic {topic}"), found));
                if with_rights && is_there {
                    findings.push(right_to(config, topic));
                }
            }
            // Nobody there: the other topics would wait as long for the same answer.
            Err(error) => {
                findings.push(Finding::new(what, Err(with_causes(&error))));
                return Ok(findings);
            }
        }
    }
    let topics = topics.map(String::as_str);
    let topics = run_to_end(async { Ok(Brokers::max_message_bytes(&config.kafka, topics).await) })?;
    findings.push(sizes(&Limits::of(config, topics)));
    Ok(findings)
}

/// What this user may do with a topic: read that of posts, write to the others.
fn right_to(config: &Config, topic: &str) -> Finding {
    let reads = topic == config.ingest.topic;
    let right = if reads {
        rights::to_read(&config.kafka, topic, &config.ingest.group)
    } else {
        rights::to_write(&config.kafka, topic)
    };
    let what = format!("right to {} {topic}", if reads { "read" } else { "write to" });
    match right {
        Right::Granted(found) => Finding::new(what, Ok(found)),
        Right::Denied(found) => Finding::new(what, Err(found)),
        Right::Unknown(found) => Finding { what, found: Ok(found), doubtful: true },
    }
}

/// Whether what goes in fits where it comes out.
fn sizes(limits: &Limits) -> Finding {
    let misfits = limits.misfits();
    let doubtful = !misfits.is_empty();
    let found = if doubtful { misfits.join("; ") } else { limits.line() };
    Finding { what: "sizes of records".to_owned(), found: Ok(found), doubtful }
}

fn table(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.what.chars().count()).max().unwrap_or_default();
    let mut table = String::new();
    for Finding { what, found, doubtful } in findings {
        let (state, text) = match found {
            Ok(text) if *doubtful => ("WARN  ", text),
            Ok(text) => ("ok    ", text),
            Err(text) => ("FAILED", text),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{what:width$}  {state}  {text}");
    }
    table
}
