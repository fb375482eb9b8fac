//! `riveg check`: checks settings, bundle, machine and Kafka without running.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use crate::config::Config;
use crate::domain::Stage;
use crate::engine::runtime::{Endpoints, Variant};
use crate::llm::client::LlmError;
use crate::networks::blocks::device::Libtorch;
use crate::networks::bundle::{Bundle, Part};
use crate::telemetry::Metrics;

use super::brokers::Brokers;
use super::open::{open, precisions};
use super::output_format::FormatArgument;
use super::{Exit, Failure, Settings, run_async, with_causes};

mod finding;
mod input_topics;
mod local;
mod record_limits;
mod registry;
mod rights;
mod sample;

use finding::Finding;
use record_limits::RecordLimits;
use rights::Right;

/// Check settings, bundle, this machine, brokers, topics and rights without running.
///
/// Prints the effective settings, each with its layer and with secrets redacted, then a table of checks. The exit code is
/// 1 if a check failed. `WARN` is not a failure: the engine runs and may lose something, or the check cannot tell whether
/// it would run. A check changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg check                                   check the default settings
  riveg check --config config/cluster.toml
  riveg check --skip kafka                      without a reachable broker
  riveg check --skip kafka --skip llm           without a language model either
  riveg check --sample posts.jsonl              what the records of a feed say
  riveg check --skip telemetry                  beside a running engine
  RIVEG_KAFKA__BOOTSTRAP=broker:9092 riveg check --set ingest.topic=posts")]
pub struct Arguments {
    /// A part that is not checked; may be given several times.
    #[arg(long, value_enum, value_name = "PART")]
    skip: Vec<Subject>,
    /// A file with records as the topic has them, one a line: what each says in the format of the settings.
    #[arg(long, value_name = "FILE")]
    sample: Option<PathBuf>,
    /// The topic that the records of `--sample` are from, for settings by topic.
    #[arg(long, value_name = "TOPIC", requires = "sample")]
    sample_topic: Option<String>,
    #[command(flatten)]
    format: FormatArgument,
    #[command(flatten)]
    settings: Settings,
}

/// The parts that are checked beside the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Subject {
    /// Manifest, hashes and weights of the bundle.
    Bundle,
    /// The addresses of metrics and probes, and of posts over HTTP.
    Telemetry,
    /// The folder of the attempts log.
    State,
    /// Brokers, topics and rights.
    Kafka,
    /// The rights of this user to read and write topics.
    Rights,
    /// The Schema Registry, and what it says of the schemas of outputs.
    Registry,
    /// The language models in use.
    Llm,
}

/// A check failed.
#[derive(Debug, thiserror::Error)]
#[error("{failed} of {all} checks failed")]
struct ChecksFailed {
    failed: usize,
    all: usize,
}

pub(super) fn run(arguments: &Arguments, exit: &Exit) -> Result<(), Failure> {
    let effective = arguments.settings.load()?;
    let mut out = std::io::stdout().lock();
    let is_json = arguments.format.is_json();
    if !is_json {
        write!(out, "{effective}")?;
    }
    let mut findings = Vec::new();
    if !arguments.skip.contains(&Subject::Bundle) {
        findings.extend(check_bundle(&effective.config, exit));
    }
    let config = &effective.config;
    let is_skipped = |subject| arguments.skip.contains(&subject);
    if !is_skipped(Subject::Telemetry) {
        let what = format!("telemetry {}", config.telemetry.address);
        let (key, nowhere) = ("telemetry.address", "metrics and probes are served nowhere");
        let found = local::port(&config.telemetry.address, key, nowhere);
        findings.push(Finding::new(what.trim_end().to_owned(), found));
        if config.http.is_on() {
            let found = local::port(&config.http.address, "http.address", "posts are not taken over HTTP");
            findings.push(Finding::new(format!("http {}", config.http.address), found));
        }
        if config.view.is_on() {
            let found = local::port(&config.view.address, "view.address", "there is no page");
            findings.push(Finding::new(format!("view {}", config.view.address), found));
        }
    }
    if !is_skipped(Subject::State) {
        let folder = config.engine.state_folder();
        findings.push(Finding::new(format!("state {}", folder.display()), local::folder(&folder)));
    }
    if !is_skipped(Subject::Kafka) {
        findings.extend(check_kafka(config, !is_skipped(Subject::Rights))?);
    }
    if !is_skipped(Subject::Registry) && config.registry.is_set() {
        findings.extend(registry::check(config)?);
    }
    if !is_skipped(Subject::Llm) {
        findings.extend(check_language_models(config));
    }
    findings.extend(input_topics::formats_without_topic(config));
    if let Some(path) = &arguments.sample {
        findings.extend(sample::check(path, arguments.sample_topic.as_deref(), config)?);
    }
    if is_json {
        let checks: Vec<_> = findings.iter().map(Finding::to_json).collect();
        let all = json!({ "settings": effective.entries(), "checks": checks });
        writeln!(out, "{all:#}")?;
    } else {
        out.write_all(table(&findings).as_bytes())?;
    }
    match findings.iter().filter(|finding| finding.found.is_err()).count() {
        0 => Ok(()),
        failed => Err(ChecksFailed { failed, all: findings.len() }.into()),
    }
}

/// Opens the bundle as the engine does, and closes it.
fn check_bundle(config: &Config, exit: &Exit) -> Vec<Finding> {
    let what = format!("bundle {}", config.bundle.path.display());
    let opened =
        run_async(async { Ok(open(config, Variant::default(), Arc::new(Metrics::new()), exit).await?) });
    let annotator = match &opened {
        Ok(annotator) => annotator,
        Err(failure) => return vec![Finding::new(what, Err(with_causes(failure.as_ref())))],
    };
    let bundle = annotator.bundle();
    let found = format!("{}, {}, on {}", bundle.title(), bundle.hash(), config.device.name);
    let whole = Finding::new(what, Ok(found));
    let precision = precisions(bundle);
    let device = Finding::new(
        "device".to_owned(),
        Ok(format!("{}, {}, {precision}", config.device.name, Libtorch::here())),
    );
    let knows = bundle.manifest().know.is_some();
    let stages = Stage::WITH_RETRIEVAL.into_iter().filter(|&stage| knows || stage != Stage::Retrieve);
    let memory = Finding::new("memory".to_owned(), Ok(annotator.memory().to_string()));
    let stages = stages.map(|stage| check_stage(bundle, config, stage));
    [whole, device].into_iter().chain(stages).chain([memory]).collect()
}

/// Whether the language models in use answer a request for their list of models.
fn check_language_models(config: &Config) -> Vec<Finding> {
    let replies = run_async(async {
        let endpoints = Endpoints::open(config, &Arc::new(Metrics::new())).await?;
        Ok(endpoints.look().await)
    });
    let replies = match replies {
        Ok(replies) => replies,
        Err(error) => {
            let what = "language models".to_owned();
            return vec![Finding::new(what, Err(with_causes(error.as_ref())))];
        }
    };
    let finding = |(name, model, found): (String, String, Result<(), LlmError>)| {
        let found = found.map(|()| format!("in reach, to be asked for `{model}`"));
        Finding::new(format!("language model {name}"), found.map_err(|error| with_causes(&error)))
    };
    replies.into_iter().map(finding).collect()
}

/// The network of a stage and its bundle, or the vision model that answers instead. The model is not asked.
fn check_stage(bundle: &Bundle, config: &Config, stage: Stage) -> Finding {
    let part = bundle.manifest().parts().into_iter().find(|part| part.stage == stage);
    let found = match part {
        None if let Some(name) = config.vision.endpoint_of(stage) => {
            let model = config.llm.get(name).map_or("", |endpoint| endpoint.model.as_str());
            let questions = config.vision.one_question().map(|what| format!(", {what}")).unwrap_or_default();
            format!("asked of the vision model `{name}`, `{model}`{questions}")
        }
        Some(Part { network, .. }) => {
            let home = bundle.home(stage);
            let size = network.preset.unwrap_or_else(|| format!("{} parameters", network.parameters));
            let (title, folder) = (home.title(), home.folder().display());
            let proposes = stage == Stage::Ground && bundle.joint().is_some();
            let what = if proposes { "; proposes regions to the joint network" } else { "" };
            format!("{}, {size}, of {title} in {folder}{what}", network.architecture)
        }
        None if stage != Stage::Segment && bundle.joint().is_some() => {
            "none: the joint network of the stage recognise answers".to_owned()
        }
        None => "none: the grounder's outlines are the masks".to_owned(),
    };
    Finding::new(format!("stage {stage}"), Ok(found))
}

/// The brokers, and each topic if a broker answers.
fn check_kafka(config: &Config, with_rights: bool) -> Result<Vec<Finding>, Failure> {
    let what = format!("brokers {}", config.kafka.bootstrap);
    let brokers = match Brokers::new(&config.kafka) {
        Ok(brokers) => brokers,
        Err(error) => return Ok(vec![Finding::new(what, Err(with_causes(&error)))]),
    };
    let mut findings = Vec::new();
    let (inputs, about_patterns) = match input_topics::find(config, &brokers) {
        Ok(found) => found,
        Err(error) => return Ok(vec![Finding::new(what, Err(with_causes(&error)))]),
    };
    let mut topics = inputs.clone();
    topics.push(config.publish.dead_letter_topic.clone());
    topics.extend(config.publish.all_outputs().map(|(_, output)| output.topic));
    for (place, topic) in topics.iter().enumerate() {
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
                    findings.push(check_right(config, topic, place < inputs.len()));
                }
            }
            // No broker answers: the other topics would wait as long for the same error.
            Err(error) => {
                findings.push(Finding::new(what, Err(with_causes(&error))));
                return Ok(findings);
            }
        }
    }
    findings.extend(about_patterns);
    let limits = run_async(async { Ok(Brokers::max_message_bytes(&config.kafka, &topics).await) })?;
    let (inputs, others) = limits.split_at(inputs.len());
    findings.push(check_sizes(&RecordLimits::of(config, inputs, others)));
    Ok(findings)
}

/// The right of this user: to read an input topic, to write the others.
fn check_right(config: &Config, topic: &str, reads: bool) -> Finding {
    let right = if reads {
        rights::to_read(&config.kafka, topic, &config.ingest.group)
    } else {
        rights::to_write(&config.kafka, topic)
    };
    let what = format!("right to {} {topic}", if reads { "read" } else { "write to" });
    match right {
        Right::Granted(found) => Finding::new(what, Ok(found)),
        Right::Denied(found) => Finding::new(what, Err(found)),
        Right::Unknown(found) => Finding { what, found: Ok(found), is_warning: true },
    }
}

/// Whether the largest input record fits the output topics.
fn check_sizes(limits: &RecordLimits) -> Finding {
    let conflicts = limits.conflicts();
    let is_warning = !conflicts.is_empty();
    let found = if is_warning { conflicts.join("; ") } else { limits.summary() };
    Finding { what: "sizes of records".to_owned(), found: Ok(found), is_warning }
}

fn table(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.what.chars().count()).max().unwrap_or_default();
    let mut table = String::new();
    for finding in findings {
        let (what, state, text) = (&finding.what, finding.state(), finding.text());
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{what:width$}  {state:<6}  {text}");
    }
    table
}
