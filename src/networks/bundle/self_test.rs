//! Self-test: each network's answer to a fixed request. It is recorded when a bundle is made and compared when the bundle
//! is verified: a library, a device or a build that computes something else is found before posts are answered.

use std::sync::Arc;

use tch::Device;

use crate::domain::{BBox, ContentHash, Frame, Stage};
use crate::scheduler::{Model, ModelError, ReplyOf, RequestOf};
use crate::stages::entail;
use crate::stages::ground;
use crate::stages::knowledge;
use crate::stages::recognise;
use crate::stages::recognise::joint;
use crate::stages::segment;

use super::open::Bundle;
use super::stages::Part;
use crate::networks::descriptor::Reads;
use crate::networks::weights::{BundleError, Precision, SelfTestError};

/// How far an answer may be from the one recorded, in parts of it; below 1, in parts of 1. Sums of many products differ
/// in their last digits between machines, and far more in 16 bits.
fn tolerance(precision: Precision) -> f64 {
    match precision {
        Precision::F32 => 2e-3,
        Precision::Bf16 | Precision::F16 => 5e-2,
    }
}

impl Bundle {
    /// Loads a stage's network onto `device` and asks it the request of the self-test: a few numbers of its answer.
    ///
    /// # Errors
    /// Where the network cannot be loaded, or fails.
    pub fn self_test(&self, stage: Stage, device: Device) -> Result<Vec<f64>, SelfTestError> {
        let asked = match stage {
            Stage::Retrieve => {
                let network = &self.retrieve()?.network;
                let request = knowledge::Request {
                    picture: network.view().of(&frame()),
                    pieces: prompt(network.reads()),
                };
                // The first numbers of the vector hang on all that is in front of them.
                first(&mut self.encoder(device, 0)?, request)
                    .map(|reply| reply.features.into_iter().take(8).map(f64::from).collect())
            }
            Stage::Recognise if self.joint().is_some() => self.ask_joint(device)?,
            Stage::Recognise => {
                let reads = self.recognise()?.network.reads();
                first(&mut self.tagger(device)?, words(reads.rows)).map(|reply| {
                    let labels = reply.labels.iter().map(|&label| label as f64);
                    labels.chain(reply.posteriors.iter().map(|&posterior| f64::from(posterior))).collect()
                })
            }
            Stage::Entail => {
                let part = self.entail()?.part();
                let picture = self.entail()?.network.view().of(&frame());
                let request = entail::Request { picture, prompt: self.question(&part)? };
                first(&mut self.entailer(device, 0)?, request)
                    .map(|reply| [reply.no, reply.yes, reply.maybe].map(f64::from).to_vec())
            }
            Stage::Ground => {
                let part = self.ground()?.part();
                let picture = self.ground()?.network.view().of(&frame());
                let request = ground::Request { picture, prompt: self.question(&part)? };
                first(&mut self.grounder(device, 0)?, request).map(|reply| {
                    let likelihood = f64::from(reply.log_probability);
                    reply.corners.into_iter().chain([likelihood]).collect()
                })
            }
            Stage::Segment => {
                let view = self.segment()?.network.view();
                let bbox = BBox { x0: 8.0, y0: 6.0, x1: 70.0, y1: 50.0 };
                let request = segment::Request { picture: view.of(&frame()), boxes: vec![bbox] };
                first(&mut self.segmenter(device, 0)?, request).map(|masks| {
                    let of_one = |one: &segment::Segmentation| {
                        let pixels = f64::from(one.mask.width) * f64::from(one.mask.height);
                        [f64::from(one.score), one.mask.area() as f64 / pixels]
                    };
                    masks.iter().flat_map(of_one).collect()
                })
            }
        };
        asked.map_err(|source| SelfTestError::Model { stage, source })
    }

    /// What a joint network answers: for each entity its words, its type and its scores, after a number of entities.
    fn ask_joint(&self, device: Device) -> Result<Result<Vec<f64>, ModelError>, BundleError> {
        let Some(part) = self.joint() else {
            return Err(self.unfinished(Stage::Recognise, "joint network"));
        };
        let candidates = part.candidates.boxes().into();
        let picture = Some(part.network.view().of(&frame()));
        let request = joint::Request { text: words(part.network.reads().rows), picture, candidates };
        let numbers = |one: &joint::Found| {
            let [from, to, kind] =
                [one.words.start, one.words.end, one.entity_type].map(|whole| whole as f64);
            let (region, score) = one.region.map_or((-1.0, 0.0), |(place, score)| (place as f64, score));
            [from, to, kind, f64::from(one.score), f64::from(one.shown), region, f64::from(score)]
        };
        Ok(first(&mut self.joint_network(device, 0)?, request).map(|reply| {
            let count = reply.found.len() as f64;
            std::iter::once(count).chain(reply.found.iter().flat_map(numbers)).collect()
        }))
    }

    /// The prompt of a stage's self-test: its question about the manifest's phrase and caption, or else pieces without a
    /// meaning.
    fn question(&self, part: &Part<'_>) -> Result<Vec<u32>, BundleError> {
        if let Some(question) = part.question
            && let Some(phrases) = self.phrases(part)?
        {
            return Ok(phrases.encode(&question.phrase, &question.caption));
        }
        Ok(part.reads.map(prompt).unwrap_or_default())
    }

    /// Asks a stage's network again and compares.
    ///
    /// # Errors
    /// [`SelfTestError`].
    pub fn verify(&self, part: &Part<'_>, device: Device) -> Result<Vec<f64>, SelfTestError> {
        let found = self.self_test(part.stage, device)?;
        let recorded = part.self_test;
        let tolerance = tolerance(part.precision);
        let near = |(left, right): (&f64, &f64)| (left - right).abs() <= tolerance * right.abs().max(1.0);
        if found.len() == recorded.len() && found.iter().zip(recorded).all(near) {
            return Ok(found);
        }
        Err(SelfTestError::Differs { stage: part.stage, found, recorded: recorded.to_vec() })
    }
}

fn first<M: Model>(model: &mut M, request: RequestOf<M>) -> Result<ReplyOf<M>, ModelError> {
    let replies = model.run(&[request])?;
    let none = || ModelError::Failed("there was no answer".to_owned());
    replies.into_iter().next().ok_or_else(none)
}

/// A text of seven words in ten pieces.
fn words(vocabulary: i64) -> recognise::Request {
    let last = u32::try_from(vocabulary - 1).unwrap_or(u32::MAX);
    let pieces = (0..12).map(|index: u32| (3 + 37 * index).min(last)).collect();
    recognise::Request { pieces, first_pieces: vec![1, 2, 4, 5, 7, 9, 10], context_first_pieces: Vec::new() }
}

/// A prompt of twelve tokens, or as many as fit, none of which is special to any network.
fn prompt(Reads { rows, longest, .. }: Reads) -> Vec<u32> {
    let last = u32::try_from(rows - 1).unwrap_or(u32::MAX);
    (0..12).map(|index: u32| (3 + 23 * index).min(last)).take(longest).collect()
}

/// A wide picture of slanted stripes.
pub(super) fn frame() -> Arc<Frame> {
    let (width, height) = (96_u32, 64_u32);
    let channel = |x: u32, y: u32, c: u32| ((5 * x + 3 * y + 60 * c) % 256) as u8;
    let pixels =
        (0..height).flat_map(|y| (0..width).flat_map(move |x| (0..3).map(move |c| channel(x, y, c))));
    let rgb: Vec<u8> = pixels.collect();
    let hash = ContentHash(*blake3::hash(&rgb).as_bytes());
    Arc::new(Frame { hash, width, height, orientation: 1, reduced: 1, rgb })
}

#[cfg(test)]
mod tests {
    use super::super::tiny::bundle::without_tokenizers;
    use super::*;

    #[test]
    fn networks_answer_what_was_recorded_when_the_bundle_was_made() {
        let folder = without_tokenizers();
        let bundle = Bundle::open(folder.path()).unwrap();
        let parts = bundle.manifest().parts();
        assert_eq!(parts.len(), 4);
        for part in parts {
            assert!(part.self_test.len() > 1, "{}", part.stage);
            bundle.verify(&part, Device::Cpu).unwrap();
        }
    }

    #[test]
    fn every_kind_of_network_answers_with_weights_drawn_at_random() {
        let folder = tempfile::tempdir().unwrap();
        let recognise = toml::toml! {
            weights = { random = 3 }
            network = { architecture = "bert-crf", vocabulary = 60, hidden = 16, layers = 2, heads = 2, ffn = 32,
                max_positions = 40, positions = "from-zero", type_vocabulary = 2, layer_norm_eps = 1e-12, pad = 0,
                labels = 9 }
            scheme = "bio"
        };
        let entail = toml::toml! {
            prompt = "{phrase}"
            threshold = 0.5
            weights = { random = 4 }
            network = { architecture = "albef", image_size = 32, patch_size = 8, vision_hidden = 16, vision_layers = 2,
                vision_heads = 2, vision_ffn = 32, vocabulary = 60, hidden = 16, layers = 2, fusion_layer = 1,
                heads = 2, ffn = 32, max_positions = 40, type_vocabulary = 2 }
        };
        let ground = toml::toml! {
            prompt = "{phrase}"
            beam = 1
            weights = { random = 5 }
            network = { architecture = "seqtr", vocabulary = 30, word_width = 6, max_words = 5, image_size = 64,
                darknet_width = 1, darknet_blocks = [1, 1, 1, 1, 1], d_model = 8, ffn = 12, heads = 2, groups = 4,
                encoder_layers = 1, decoder_layers = 1, bins = 20, contour_points = 6 }
        };
        let head = toml::toml! {
            name = "random"
            version = "1"
            made = "for this test"
            entity_types = ["LOC", "ORG", "OTHER", "PER"]
        };
        let mut manifest = head;
        manifest.insert("recognise".to_owned(), recognise.into());
        manifest.insert("entail".to_owned(), entail.into());
        manifest.insert("ground".to_owned(), ground.into());
        std::fs::write(folder.path().join("bundle.toml"), manifest.to_string()).unwrap();
        let bundle = Bundle::open(folder.path()).unwrap();
        for part in bundle.manifest().parts() {
            let answer = bundle.self_test(part.stage, Device::Cpu).unwrap();
            assert!(answer.len() > 2 && answer.iter().all(|value| value.is_finite()), "{}", part.stage);
            assert_eq!(answer, bundle.self_test(part.stage, Device::Cpu).unwrap(), "the seed decides");
        }
        let error = bundle.self_test(Stage::Segment, Device::Cpu).unwrap_err().to_string();
        assert!(error.contains("has no network for the stage `segment`"), "{error}");
        assert!(bundle.segment_or_outlines().unwrap().is_none(), "the grounder draws outlines");
    }

    #[test]
    fn another_answer_than_the_recorded_one_is_told() {
        let folder = without_tokenizers();
        let bundle = Bundle::open(folder.path()).unwrap();
        let part = bundle.manifest().parts().remove(1);
        let other: Vec<f64> = part.self_test.iter().map(|value| value + 0.01).collect();
        let error = bundle.verify(&Part { self_test: &other, ..part }, Device::Cpu).unwrap_err().to_string();
        assert!(error.contains("stage `entail` answered [") && error.contains("was recorded"), "{error}");
    }
}
