//! Precision of a bundle: networks that compute in another number format than the manifest says.

use super::join::changed;
use super::open::Bundle;
use super::serve::one_network;
use crate::domain::Stage;
use crate::networks::weights::Precision;

impl Bundle {
    /// The bundle with all its networks computing in `precision`.
    #[must_use]
    pub fn all_in_precision(self, precision: Precision) -> Self {
        Stage::ALL.into_iter().fold(self, |bundle, stage| bundle.in_precision(stage, precision))
    }

    /// The bundle whose network of a stage computes in `precision`. Where this changes it, the hash names it: other numbers
    /// may be other answers.
    #[must_use]
    pub fn in_precision(mut self, stage: Stage, precision: Precision) -> Self {
        if self.precision(stage).is_none_or(|before| before == precision) {
            return self;
        }
        self.hash = changed(&self.hash, stage, precision.as_str());
        self.put_precision(stage, precision);
        self
    }

    /// What the network of a stage computes in; none where the bundle has no such network.
    #[must_use]
    pub fn precision(&self, stage: Stage) -> Option<Precision> {
        self.precisions().into_iter().find(|(other, _)| *other == stage).map(|(_, precision)| precision)
    }

    /// What the network of each stage computes in.
    #[must_use]
    pub fn precisions(&self) -> Vec<(Stage, Precision)> {
        self.manifest.parts().into_iter().map(|part| (part.stage, part.precision)).collect()
    }

    /// Whether entailer and grounder are one network, which has one precision.
    #[must_use]
    pub fn looks_by_one_network(&self) -> bool {
        let (Ok(entail), Ok(ground)) = (self.entail(), self.ground()) else { return false };
        entail.network.descriptor().serve_both.is_some() && one_network(entail, ground)
    }

    fn put_precision(&mut self, stage: Stage, precision: Precision) {
        self.manifest.put_precision(stage, precision);
        // Networks are made of the manifest that the stage was taken from.
        for (_, other) in self.taken.iter_mut().filter(|(taken, _)| *taken == stage) {
            other.put_precision(stage, precision);
        }
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

    #[test]
    fn a_stage_computes_in_the_precision_that_it_is_given_wherever_it_is_from() {
        let (one, other) = (without_tokenizers(), without_tokenizers());
        let open = || Bundle::open(one.path()).unwrap();
        let joined = || open().with_stage(Stage::Entail, Bundle::open(other.path()).unwrap()).unwrap();
        for bundle in [open(), joined()] {
            let before = bundle.self_test(Stage::Entail, Device::Cpu).unwrap();
            let hash = bundle.hash().to_owned();
            let same = bundle.in_precision(Stage::Entail, Precision::F32);
            assert_eq!(same.hash(), hash);
            let half = same.in_precision(Stage::Entail, Precision::Bf16);
            assert_ne!(half.hash(), hash);
            assert_eq!(half.precision(Stage::Entail), Some(Precision::Bf16));
            assert_eq!(half.precision(Stage::Ground), Some(Precision::F32));
            let after = half.self_test(Stage::Entail, Device::Cpu).unwrap();
            assert_ne!(after, before, "the network itself computes in 16 bits");
            let near = |(one, other): (&f64, &f64)| (one - other).abs() < 0.05 * one.abs().max(1.0);
            assert!(before.iter().zip(&after).all(near), "{before:?} {after:?}");
        }
    }
}
