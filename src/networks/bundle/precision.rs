//! Precision of a bundle: all networks in another number format than the manifest says.

use sha2::{Digest, Sha256};

use super::manifest::Manifest;
use super::open::Bundle;
use crate::domain::Stage;
use crate::networks::weights::{Precision, hexadecimal};

impl Bundle {
    /// The bundle with all its networks computing in `precision`. Where this changes any, the hash is one of the former and
    /// of the precision: other numbers may be other answers.
    #[must_use]
    pub fn all_in_precision(mut self, precision: Precision) -> Self {
        if self.precisions().iter().any(|(_, before)| *before != precision) {
            let name = precision.as_str();
            self.hash = hexadecimal(Sha256::digest(format!("{}\nprecision {name}\n", self.hash)));
        }
        self.manifest.set_precision(precision);
        let taken = self.taken.into_iter().map(|(stage, other)| (stage, other.all_in_precision(precision)));
        self.taken = taken.collect();
        self
    }

    /// What the network of each stage computes in.
    #[must_use]
    pub fn precisions(&self) -> Vec<(Stage, Precision)> {
        self.manifest.parts().into_iter().map(|part| (part.stage, part.precision)).collect()
    }
}

impl Manifest {
    fn set_precision(&mut self, precision: Precision) {
        let Self { know, recognise, entail, ground, segment, .. } = self;
        let parts = [
            know.as_mut().map(|part| &mut part.precision),
            recognise.as_mut().map(|part| &mut part.precision),
            entail.as_mut().map(|part| &mut part.precision),
            ground.as_mut().map(|part| &mut part.precision),
            segment.as_mut().map(|part| &mut part.precision),
        ];
        parts.into_iter().flatten().for_each(|of_stage| *of_stage = precision);
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::super::tiny::bundle::without_tokenizers;
    use super::*;

    #[test]
    fn every_network_computes_in_the_precision_and_answers_nearly_the_same() {
        let (folder, other) = (without_tokenizers(), without_tokenizers());
        let open = |folder: &tempfile::TempDir| Bundle::open(folder.path()).unwrap();
        let joined = open(&folder).with_stage(Stage::Segment, open(&other)).unwrap();
        let bundle = joined.clone().all_in_precision(Precision::Bf16);
        assert!(bundle.precisions().iter().all(|(_, precision)| *precision == Precision::Bf16));
        assert_eq!(bundle.home(Stage::Segment).segment().unwrap().precision, Precision::Bf16);
        for part in bundle.manifest().parts() {
            let found = match part.stage {
                // Which of the untrained grounder's boxes is the likeliest hangs on the last digits; how likely does not.
                Stage::Ground => bundle.self_test(part.stage, Device::Cpu).unwrap(),
                _ => bundle.verify(&part, Device::Cpu).unwrap(),
            };
            assert_ne!(found, part.self_test, "`{}` rounds to 16 bits", part.stage);
            let [found, recorded] = [&found, part.self_test].map(|answer| answer[answer.len() - 1]);
            assert!((found - recorded).abs() <= 0.05 * recorded.abs().max(1.0), "{found}, {recorded}");
        }
        assert_ne!(bundle.hash(), joined.hash());
        assert_eq!(joined.clone().all_in_precision(Precision::F32).hash(), joined.hash(), "nothing changes");
    }
}
