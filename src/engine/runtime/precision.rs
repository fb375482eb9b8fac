//! Precision of the networks: as the settings say, or, with `auto`, 16 bits where they are faster here and answer alike.

use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::{vocabularies, warm_up};
use crate::domain::Stage;
use crate::networks::blocks::device::{self, Place, PrecisionChoice, cores, find, use_threads};
use crate::networks::bundle::{Bundle, Precision};
use crate::scheduler::{Model, ModelError, RequestOf, Samples};
use crate::stages::recognise::joint::JointSettings;
use crate::telemetry::Causes;

/// 16 bits must take at most so much of the time of 32: less is within what one measurement differs from the next.
const WORTH_IT: f64 = 0.9;

/// How far a network's answer to the self-test may move, in parts of it; below 1, in parts of 1. As much as an answer in
/// 16 bits may be from the one that a bundle records.
const TOLERANCE: f64 = 5e-2;

/// The longest batch that is measured, and the time for which it is made that long.
const LONGEST_BATCH: u32 = 8;
const BATCH_TIME: Duration = Duration::from_millis(200);

/// A network that needs longer for one request is measured by its first run: there it computes, and sets nothing up.
const LONG: Duration = Duration::from_secs(1);

/// The bundle with the precision of the settings.
pub(super) fn chosen(bundle: Bundle, config: &device::Config) -> Bundle {
    let for_all = |precision| {
        Stage::ALL.into_iter().fold(bundle.clone(), |bundle, stage| bundle.in_precision(stage, precision))
    };
    match config.precision {
        PrecisionChoice::Bundle => bundle,
        PrecisionChoice::F32 => for_all(Precision::F32),
        PrecisionChoice::Bf16 => for_all(Precision::Bf16),
        PrecisionChoice::F16 => for_all(Precision::F16),
        PrecisionChoice::Auto => measured(bundle, config),
    }
}

/// The bundle whose networks compute in 16 bits where that pays.
fn measured(bundle: Bundle, config: &device::Config) -> Bundle {
    // A device that is not here is told where the networks are loaded onto it.
    let Ok(place) = find(config.name.first()) else { return bundle };
    let threads = config.layout(cores()).threads;
    let measure = || {
        use_threads(threads);
        networks(&bundle).into_iter().fold(bundle.clone(), |bundle, stages| settled(bundle, &stages, place))
    };
    // The number of threads belongs to the thread that sets it: it ends with the measurement.
    std::thread::scope(|scope| scope.spawn(measure).join()).unwrap_or_else(|_| {
        warn!("measuring the precision failed: the networks compute as the bundle says");
        bundle.clone()
    })
}

/// The stages of each network in 32 bits.
fn networks(bundle: &Bundle) -> Vec<Vec<Stage>> {
    let shared = bundle.looks_by_one_network();
    let is_wide = |stage: &Stage| bundle.precision(*stage) == Some(Precision::F32);
    let of = |stage: Stage| match stage {
        Stage::Ground if shared => Vec::new(),
        Stage::Entail if shared => vec![Stage::Entail, Stage::Ground],
        stage => vec![stage],
    };
    Stage::ALL.into_iter().filter(is_wide).map(of).filter(|stages| !stages.is_empty()).collect()
}

/// The bundle with one network in the faster precision.
fn settled(bundle: Bundle, stages: &[Stage], place: Place) -> Bundle {
    let narrow =
        stages.iter().fold(bundle.clone(), |bundle, &stage| bundle.in_precision(stage, Precision::Bf16));
    let both = [&bundle, &narrow].map(|bundle| measure(bundle, stages, place));
    let [wide, other] = match both {
        [Ok(wide), Ok(narrow)] => [wide, narrow],
        [wide, narrow] => {
            let error = wide.err().or(narrow.err());
            let error = error.as_ref().map(|error| Causes(&**error).to_string());
            warn!(
                stages = names(stages),
                error, "the precision cannot be measured: the network computes as the bundle says"
            );
            return bundle;
        }
    };
    let precision = faster(&wide, &other);
    info!(
        stages = names(stages),
        f32_ms = wide.seconds * 1e3,
        bf16_ms = other.seconds * 1e3,
        difference = difference(&wide, &other),
        precision = precision.as_str(),
        "precision is chosen"
    );
    if precision == Precision::Bf16 { narrow } else { bundle }
}

/// For the log.
fn names(stages: &[Stage]) -> String {
    stages.iter().map(|stage| stage.as_str()).collect::<Vec<_>>().join(" and ")
}

/// What was seen of a network in one precision.
#[derive(Debug, Clone, PartialEq)]
struct Measurement {
    /// For one request of each of its stages.
    seconds: f64,
    /// Its answers to the self-test.
    answers: Vec<f64>,
}

/// Which precision serves.
fn faster(wide: &Measurement, narrow: &Measurement) -> Precision {
    let holds = difference(wide, narrow) <= TOLERANCE;
    if holds && narrow.seconds <= WORTH_IT * wide.seconds { Precision::Bf16 } else { Precision::F32 }
}

/// The largest difference between the answers.
fn difference(wide: &Measurement, narrow: &Measurement) -> f64 {
    if wide.answers.len() != narrow.answers.len() {
        return f64::INFINITY;
    }
    let of = |(wide, narrow): (&f64, &f64)| {
        let difference = (wide - narrow).abs() / wide.abs().max(1.0);
        if difference.is_nan() { f64::INFINITY } else { difference }
    };
    wide.answers.iter().zip(&narrow.answers).map(of).fold(0.0, f64::max)
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

fn measure(bundle: &Bundle, stages: &[Stage], place: Place) -> Result<Measurement, AnyError> {
    let mut measurement = Measurement { seconds: 0.0, answers: Vec::new() };
    for &stage in stages {
        measurement.seconds += seconds_of(bundle, stage, place)?;
        measurement.answers.extend(bundle.self_test(stage, place)?);
    }
    Ok(measurement)
}

/// The time of one typical request.
fn seconds_of(bundle: &Bundle, stage: Stage, place: Place) -> Result<f64, AnyError> {
    // Nothing is remembered of pictures: each is computed.
    Ok(match stage {
        Stage::Recognise if bundle.joint().is_some() => {
            let part = vocabularies::joint(bundle)?;
            let settings = JointSettings {
                types: Vec::new(),
                candidates: part.candidates.boxes().into(),
                keeps_grid: true,
                view: part.network.view(),
                threshold: part.threshold,
            };
            let samples = warm_up::joint(&vocabularies::joint_words(bundle)?, &settings);
            seconds(bundle.joint_network(place, 0)?, samples)?
        }
        Stage::Recognise => {
            let samples = warm_up::recognise(&vocabularies::words(bundle)?);
            seconds(bundle.tagger(place)?, samples)?
        }
        Stage::Entail => {
            let view = bundle.entail()?.network.view();
            let samples = warm_up::entail(&vocabularies::entail_prompts(bundle)?, view);
            seconds(bundle.entailer(place, 0)?, samples)?
        }
        Stage::Ground => {
            let view = bundle.ground()?.network.view();
            let samples = warm_up::ground(&vocabularies::ground_phrases(bundle)?, view);
            seconds(bundle.grounder(place, 0)?, samples)?
        }
        Stage::Segment => {
            let samples = warm_up::segment(bundle.segment()?.network.view());
            seconds(bundle.segmenter(place, 0)?, samples)?
        }
        Stage::Retrieve => {
            let view = bundle.retrieve()?.network.view();
            let samples = warm_up::know(&vocabularies::texts(bundle)?, view);
            seconds(bundle.encoder(place, 0)?, samples)?
        }
    })
}

/// The time of one request in a batch.
fn seconds<M: Model>(mut model: M, mut samples: Samples<RequestOf<M>>) -> Result<f64, ModelError> {
    let mut run = |size: u32| -> Result<Duration, ModelError> {
        let batch: Vec<RequestOf<M>> = samples.by_ref().take(size as usize).collect();
        let started = Instant::now();
        model.run(&batch)?;
        Ok(started.elapsed())
    };
    let first: Duration = run(1)?;
    if first >= LONG {
        return Ok(first.as_secs_f64());
    }
    let size = (BATCH_TIME.as_secs_f64() / first.as_secs_f64().max(1e-6)) as u32;
    let size = size.clamp(1, LONGEST_BATCH);
    // The first of a size allocates for it.
    run(size)?;
    let least = run(size)?.min(run(size)?);
    Ok(least.as_secs_f64() / f64::from(size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;
    use crate::engine::Config;
    use crate::networks::bundle::tiny;

    #[test]
    fn the_settings_say_the_precision_of_every_network() {
        let folder = tempfile::tempdir().unwrap();
        tiny::write_bundle(folder.path(), 8).unwrap();
        let precisions = |choice| {
            let mut config = Config::load(&Sources::default()).unwrap().config.device;
            config.precision = choice;
            let bundle = chosen(Bundle::open(folder.path()).unwrap(), &config);
            let stages = [Stage::Recognise, Stage::Entail, Stage::Ground, Stage::Segment];
            stages.map(|stage| bundle.precision(stage).unwrap())
        };
        assert_eq!(precisions(PrecisionChoice::Bundle), [Precision::F32; 4]);
        assert_eq!(precisions(PrecisionChoice::Bf16), [Precision::Bf16; 4]);
        assert_eq!(precisions(PrecisionChoice::F16), [Precision::F16; 4]);
    }

    #[test]
    fn every_network_of_a_bundle_is_measured_and_one_of_two_stages_as_one() {
        let folder = tempfile::tempdir().unwrap();
        tiny::write_bundle(folder.path(), 8).unwrap();
        let bundle = Bundle::open(folder.path()).unwrap();
        let stages = networks(&bundle);
        assert_eq!(stages.concat().len(), 4, "{stages:?}");
        assert_eq!(stages.len() == 3, bundle.looks_by_one_network(), "{stages:?}");
        for stages in stages {
            let measured = measure(&bundle, &stages, Place::Cpu).unwrap();
            assert!(measured.seconds > 0.0 && measured.answers.len() > stages.len(), "{measured:?}");
        }
    }

    fn measurement(seconds: f64, answers: &[f64]) -> Measurement {
        Measurement { seconds, answers: answers.to_vec() }
    }

    #[test]
    fn sixteen_bits_serve_where_they_are_faster_and_answer_alike() {
        let wide = measurement(1.0, &[0.2, 40.0]);
        for (seconds, answers, precision) in [
            (0.5, &[0.21, 41.0][..], Precision::Bf16),
            (0.95, &[0.2, 40.0], Precision::F32),
            (0.5, &[0.3, 40.0], Precision::F32),
            (0.5, &[0.2, 43.0], Precision::F32),
            (0.5, &[0.2], Precision::F32),
            (0.5, &[0.2, f64::NAN], Precision::F32),
        ] {
            assert_eq!(faster(&wide, &measurement(seconds, answers)), precision, "{seconds} {answers:?}");
        }
    }
}
