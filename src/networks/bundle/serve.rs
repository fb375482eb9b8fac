//! Served networks of a bundle: from a stage's part of the manifest to the network that answers its requests.

use tch::Device;

use super::open::Bundle;
use super::stages::{Entail, Ground};
use crate::domain::Stage;
use crate::networks::blocks::remembered::Remembered;
use crate::networks::descriptor::Descriptor;
use crate::networks::served::{Encoder, Entailer, Grounder, JointNetwork, Segmenter, Tagger};
use crate::networks::weights::{BundleError, Weights};

impl Bundle {
    /// The tagger on `device`.
    ///
    /// # Errors
    /// Where the bundle has none, or all keys of its checkpoint that do not fit.
    pub fn tagger(&self, device: Device) -> Result<Tagger, BundleError> {
        let home = self.home(Stage::Recognise);
        let part = home.recognise()?;
        let source = home.source(&part.weights, part.precision, device);
        let settings = part.settings(&home.manifest().entity_types);
        (part.network.descriptor().serve)(&source, part.network.dimensions(), &settings)
    }

    /// The network that stands for tagger, gate and grounder on `device`, caching encodings of pictures within a budget.
    ///
    /// # Errors
    /// As [`Self::tagger`].
    pub fn joint_network(
        &self,
        device: Device,
        remembered: impl Into<Remembered>,
    ) -> Result<JointNetwork, BundleError> {
        let home = self.home(Stage::Recognise);
        let part = home.joint().ok_or_else(|| home.unfinished(Stage::Recognise, "joint network"))?;
        let source = home.source(&part.weights, part.precision, device);
        (part.network.descriptor().serve)(&source, part.network.dimensions(), remembered.into())
    }

    /// The entailer on `device`, caching encodings of pictures within a budget.
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
        let source = home.source(&part.weights, part.precision, device);
        (part.network.descriptor().serve)(&source, part.network.dimensions(), remembered.into())
    }

    /// The grounder on `device`, caching encodings of pictures within a budget.
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
        let source = home.source(&part.weights, part.precision, device);
        let serve = part.network.descriptor().serve;
        serve(&source, part.network.dimensions(), part.settings(), remembered.into())
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
        if let Some(serve_both) = entail.network.descriptor().serve_both
            && one_network(entail, ground)
        {
            let source = self.home(Stage::Entail).source(&entail.weights, entail.precision, device);
            return serve_both(&source, entail.network.dimensions(), ground.settings(), remembered.clone());
        }
        Ok((self.entailer(device, remembered.clone())?, self.grounder(device, remembered.clone())?))
    }

    /// The segmenter on `device`, caching encodings of pictures within a budget.
    ///
    /// # Errors
    /// As [`Self::tagger`].
    pub fn segmenter(
        &self,
        device: Device,
        remembered: impl Into<Remembered>,
    ) -> Result<Segmenter, BundleError> {
        let home = self.home(Stage::Segment);
        let part = home.segment()?;
        let source = home.source(&part.weights, part.precision, device);
        (part.network.descriptor().serve)(&source, part.network.dimensions(), remembered.into())
    }

    /// The encoder of posts on `device`, caching encodings of pictures within a budget.
    ///
    /// # Errors
    /// As [`Self::tagger`].
    pub fn encoder(&self, device: Device, remembered: impl Into<Remembered>) -> Result<Encoder, BundleError> {
        let home = self.home(Stage::Retrieve);
        let part = home.retrieve()?;
        let source = home.source(&part.weights, part.precision, device);
        (part.network.descriptor().serve)(&source, part.network.dimensions(), remembered.into())
    }
}

/// Whether both stages run the same numbers in the same way. A preset is only a name.
pub(super) fn one_network(entail: &Entail, ground: &Ground) -> bool {
    let [one, other] =
        [entail.network.descriptor().architecture(), ground.network.descriptor().architecture()];
    one.name == other.name
        && entail.network.dimensions().equal(ground.network.dimensions())
        && same_numbers(&entail.weights, &ground.weights)
        && entail.precision == ground.precision
}

/// Whether two sources hold the same bytes; files may have two names.
fn same_numbers(one: &Weights, other: &Weights) -> bool {
    match (one, other) {
        (Weights::File { entry: one, ignored }, Weights::File { entry: other, ignored: others }) => {
            one.sha256 == other.sha256 && ignored == others
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Manifest;
    use super::super::tiny::bundle::without_tokenizers;
    use super::*;
    use crate::networks::weights::Precision;

    #[test]
    fn only_the_same_weights_dimensions_and_precision_make_one_network() {
        type Change = fn(&mut Entail, &mut Ground);
        let cases: [(&str, Change, bool); 5] = [
            ("nothing", |_, _| (), true),
            (
                "a name",
                |entail, _| entail.weights.entry_mut().unwrap().file = "copy.safetensors".to_owned(),
                true,
            ),
            ("weights", |entail, _| entail.weights = Weights::Random { seed: 1 }, false),
            ("precision", |entail, _| entail.precision = Precision::F16, false),
            (
                "dimensions",
                |entail, _| entail.network.dimensions_mut().replace("patch_image_size", 16),
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
