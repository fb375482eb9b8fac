//! From a stage's part of the manifest to the network that answers its requests, weights and all.

use tch::Device;
use tch::nn::Path as Root;

use crate::domain::Stage;
use crate::networks::albef::{Albef, AlbefEntailer};
use crate::networks::blocks::remembered::Remembered;
use crate::networks::ofa::{Choice, Ofa, OfaEntailer, OfaGrounder};
use crate::networks::sam::{Sam, SamSegmenter};
use crate::networks::seqtr::{SeqTr, SeqTrGrounder};
use crate::networks::served::{Entailer, Grounder};
use crate::networks::tagger::{ServedTagger, Tagger};

use super::BundleError;
use super::open::Bundle;
use super::stages::{Entail, EntailNetwork, Ground, GroundNetwork, SegmentNetwork};

impl Bundle {
    /// The tagger on `device`.
    ///
    /// # Errors
    /// Where the bundle has none, or all keys of its checkpoint that do not fit.
    pub fn tagger(&self, device: Device) -> Result<ServedTagger, BundleError> {
        let home = self.home(Stage::Recognise);
        let part = home.recognise()?;
        let make = |root: &Root<'_>| Tagger::new(root, part.network.config().clone());
        let tagger = home.load(device, &part.weights, part.precision, make)?;
        Ok(ServedTagger::new(tagger).with_scope(part.crf))
    }

    /// The gate's network on `device`, remembering within a budget what it says of pictures.
    ///
    /// # Errors
    /// As [`Self::tagger`].
    pub fn entailer(
        &self,
        device: Device,
        remembered: impl Into<Remembered>,
    ) -> Result<Entailer, BundleError> {
        let home = self.home(Stage::Entail);
        let part = home.entail()?;
        match &part.network {
            EntailNetwork::Ofa(dimensions) => {
                let make = |root: &Root<'_>| Ofa::new(root, &dimensions.config);
                let ofa = home.load(device, &part.weights, part.precision, make)?;
                Ok(Entailer::Ofa(Box::new(OfaEntailer::new(ofa, remembered))))
            }
            EntailNetwork::Albef(dimensions) => {
                let make = |root: &Root<'_>| Albef::new(root, &dimensions.config);
                let albef = home.load(device, &part.weights, part.precision, make)?;
                Ok(Entailer::Albef(Box::new(AlbefEntailer::new(albef, remembered))))
            }
        }
    }

    /// The grounder's network on `device`, remembering within a budget what it says of pictures.
    ///
    /// # Errors
    /// As [`Self::tagger`].
    pub fn grounder(
        &self,
        device: Device,
        remembered: impl Into<Remembered>,
    ) -> Result<Grounder, BundleError> {
        let home = self.home(Stage::Ground);
        let part = home.ground()?;
        match &part.network {
            GroundNetwork::Ofa(dimensions) => {
                let make = |root: &Root<'_>| Ofa::new(root, &dimensions.config);
                let ofa = home.load(device, &part.weights, part.precision, make)?;
                let grounder = OfaGrounder::new(ofa, part.beam, remembered).among(choice(part));
                Ok(Grounder::Ofa(Box::new(grounder)))
            }
            GroundNetwork::SeqTr(dimensions) => {
                let make = |root: &Root<'_>| SeqTr::new(root, &dimensions.config);
                let seqtr = home.load(device, &part.weights, part.precision, make)?;
                Ok(Grounder::SeqTr(Box::new(SeqTrGrounder::new(seqtr, remembered))))
            }
        }
    }

    /// Both, on one `device` for one thread: one network where both stages name the same weights, dimensions and
    /// precision, so that it lies in memory once and a picture goes through its trunk once for both.
    ///
    /// # Errors
    /// As [`Self::tagger`].
    pub fn entailer_and_grounder(
        &self,
        device: Device,
        remembered: &Remembered,
    ) -> Result<(Entailer, Grounder), BundleError> {
        let entailer = self.entailer(device, remembered.clone())?;
        let grounder = match &entailer {
            Entailer::Ofa(ofa) if one_network(self.entail()?, self.ground()?) => {
                let part = self.ground()?;
                Grounder::Ofa(Box::new(ofa.grounder(part.beam).among(choice(part))))
            }
            _ => self.grounder(device, remembered.clone())?,
        };
        Ok((entailer, grounder))
    }

    /// The segmenter's network on `device`, remembering encodings within a budget.
    ///
    /// # Errors
    /// As [`Self::tagger`].
    pub fn segmenter(
        &self,
        device: Device,
        remembered: impl Into<Remembered>,
    ) -> Result<SamSegmenter, BundleError> {
        let home = self.home(Stage::Segment);
        let part = home.segment()?;
        let SegmentNetwork::Sam(dimensions) = &part.network;
        let make = |root: &Root<'_>| Sam::new(root, &dimensions.config);
        Ok(SamSegmenter::new(home.load(device, &part.weights, part.precision, make)?, device, remembered))
    }
}

/// Which tokens an OFA follows while it grounds.
fn choice(part: &Ground) -> Choice {
    if part.bins_only { Choice::Bins } else { Choice::Anything }
}

/// Whether both stages run the same numbers in the same way. A preset is only a name.
fn one_network(entail: &Entail, ground: &Ground) -> bool {
    let same_dimensions = match (&entail.network, &ground.network) {
        (EntailNetwork::Ofa(one), GroundNetwork::Ofa(other)) => one.config == other.config,
        _ => false,
    };
    same_dimensions && entail.weights == ground.weights && entail.precision == ground.precision
}

#[cfg(test)]
mod tests {
    use super::super::Manifest;
    use super::super::files::Weights;
    use super::super::stages::Precision;
    use super::super::untrained::tests::without_tokenizers;
    use super::*;

    #[test]
    fn only_the_same_weights_dimensions_and_precision_make_one_network() {
        type Change = fn(&mut Entail, &mut Ground);
        let cases: [(&str, Change, bool); 4] = [
            ("nothing", |_, _| (), true),
            ("weights", |entail, _| entail.weights = Weights::Random { seed: 1 }, false),
            ("precision", |entail, _| entail.precision = Precision::F16, false),
            (
                "dimensions",
                |entail, _| {
                    if let EntailNetwork::Ofa(dimensions) = &mut entail.network {
                        dimensions.config.patch_image_size = 16;
                    }
                },
                false,
            ),
        ];
        let folder = without_tokenizers();
        let bundle = Bundle::open(folder.path()).unwrap();
        let Manifest { entail: Some(entail), ground: Some(ground), .. } = bundle.manifest().clone() else {
            panic!("the bundle has both")
        };
        assert!(!one_network(&entail, &ground), "their files differ");
        for (what, change, one) in cases {
            let (mut entail, mut ground) = (entail.clone(), ground.clone());
            entail.weights = ground.weights.clone();
            change(&mut entail, &mut ground);
            assert_eq!(one_network(&entail, &ground), one, "{what}");
        }
    }
}
