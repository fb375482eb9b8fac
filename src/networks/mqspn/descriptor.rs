//! Descriptor of MQSPN: how it serves as a joint network, and what a bundle says of it.

use super::{Mqspn, MqspnConfig, MqspnReader};
use crate::common::imaging::View;
use crate::networks::blocks::remembered::Remembered;
use crate::networks::descriptor::{Architecture, Dimensions, Importing, JointDescriptor, Reads};
use crate::networks::served::JointNetwork;
use crate::networks::weights::{BundleError, WeightSource};

/// MQSPN as a network for entities, types and regions.
pub static JOINT: JointDescriptor = JointDescriptor {
    architecture: Architecture::of::<MqspnConfig>("mqspn"),
    importing: Importing::none("an MQSPN"),
    view,
    reads,
    types: |dimensions| dimensions.config::<MqspnConfig>().types,
    serve,
};

fn view(dimensions: &Dimensions) -> View {
    View::squashed(dimensions.config::<MqspnConfig>().image_size as u32)
}

fn reads(dimensions: &Dimensions) -> Reads {
    let config: MqspnConfig = dimensions.config();
    Reads::pieces(config.vocabulary, config.max_pieces())
}

fn serve(
    source: &WeightSource<'_>,
    dimensions: &Dimensions,
    remembered: Remembered,
) -> Result<JointNetwork, BundleError> {
    let mqspn = source.load(|root| Mqspn::new(root, &dimensions.config()))?;
    let reader = MqspnReader::new(mqspn, remembered);
    let pictures_seen = reader.pictures_seen();
    Ok(JointNetwork::new(reader, pictures_seen))
}
