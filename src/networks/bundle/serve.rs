//! From a stage's part of the manifest to the network that answers its requests, weights and all.

use tch::Device;
use tch::nn::Path as Root;

use crate::domain::Stage;
use crate::networks::albef::{Albef, AlbefEntailer};
use crate::networks::blocks::remembered::Remembered;
use crate::networks::ofa::{Choice, Ofa, OfaConfig, OfaEntailer, OfaGrounder};
use crate::networks::sam::{Sam, SamSegmenter};
use crate::networks::seqtr::{SeqTr, SeqTrGrounder};
use crate::networks::served::{Entailer, Grounder};
use crate::networks::tagger::{ServedTagger, Tagger};

use super::BundleError;
use super::dimensions::Dimensions;
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
                let ofa = home.ofa_entailer(device, part, dimensions, remembered)?;
                let pictures_read = ofa.trunk_runs();
                Ok(Entailer::new(ofa, pictures_read))
            }
            EntailNetwork::Albef(dimensions) => {
                let make = |root: &Root<'_>| Albef::new(root, &dimensions.config);
                let albef = home.load(device, &part.weights, part.precision, make)?;
                let albef = AlbefEntailer::new(albef, remembered);
                let pictures_read = albef.pictures_seen();
                Ok(Entailer::new(albef, pictures_read))
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
                let ofa = home.ofa_grounder(device, part, dimensions, remembered)?;
                let pictures_read = ofa.trunk_runs();
                Ok(Grounder::new(ofa, pictures_read))
            }
            GroundNetwork::SeqTr(dimensions) => {
                let make = |root: &Root<'_>| SeqTr::new(root, &dimensions.config);
                let seqtr = home.load(device, &part.weights, part.precision, make)?;
                let seqtr = SeqTrGrounder::new(seqtr, remembered);
                let pictures_read = seqtr.trunk_runs();
                Ok(Grounder::new(seqtr, pictures_read))
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
        let (entail, ground) = (self.entail()?, self.ground()?);
        match &entail.network {
            EntailNetwork::Ofa(dimensions) if one_network(entail, ground) => {
                let home = self.home(Stage::Entail);
                let entailer = home.ofa_entailer(device, entail, dimensions, remembered.clone())?;
                let grounder = entailer.grounder(ground.beam).among(choice(ground));
                let (entailed, grounded) = (entailer.trunk_runs(), grounder.trunk_runs());
                Ok((Entailer::new(entailer, entailed), Grounder::new(grounder, grounded)))
            }
            _ => Ok((self.entailer(device, remembered.clone())?, self.grounder(device, remembered.clone())?)),
        }
    }

    fn ofa_entailer(
        &self,
        device: Device,
        part: &Entail,
        dimensions: &Dimensions<OfaConfig>,
        remembered: impl Into<Remembered>,
    ) -> Result<OfaEntailer, BundleError> {
        let make = |root: &Root<'_>| Ofa::new(root, &dimensions.config);
        let ofa = self.load(device, &part.weights, part.precision, make)?;
        Ok(OfaEntailer::new(ofa, remembered))
    }

    fn ofa_grounder(
        &self,
        device: Device,
        part: &Ground,
        dimensions: &Dimensions<OfaConfig>,
        remembered: impl Into<Remembered>,
    ) -> Result<OfaGrounder, BundleError> {
        let make = |root: &Root<'_>| Ofa::new(root, &dimensions.config);
        let ofa = self.load(device, &part.weights, part.precision, make)?;
        Ok(OfaGrounder::new(ofa, part.beam, remembered).among(choice(part)))
    }

    /// The stage's network where it is an OFA, for questions that no other network is asked.
    pub(super) fn entailing_ofa(&self, device: Device) -> Result<Option<OfaEntailer>, BundleError> {
        let home = self.home(Stage::Entail);
        let part = home.entail()?;
        match &part.network {
            EntailNetwork::Ofa(dimensions) => home.ofa_entailer(device, part, dimensions, 0).map(Some),
            EntailNetwork::Albef(_) => Ok(None),
        }
    }

    /// As [`Self::entailing_ofa`].
    pub(super) fn grounding_ofa(&self, device: Device) -> Result<Option<OfaGrounder>, BundleError> {
        let home = self.home(Stage::Ground);
        let part = home.ground()?;
        match &part.network {
            GroundNetwork::Ofa(dimensions) => home.ofa_grounder(device, part, dimensions, 0).map(Some),
            GroundNetwork::SeqTr(_) => Ok(None),
        }
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
