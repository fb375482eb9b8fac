//! Import of Grounding DINO: all layers of the decoder must move boxes by one perceptron, as the published ones do.

use crate::networks::checkpoint::Checkpoint;
use crate::networks::descriptor::{Dimensions, ImportError, Replaced};
use crate::networks::weights::{BundleError, Fault};

/// The perceptron that is kept.
const KEPT: &str = "bbox_embed.0.";

/// Refuses a checkpoint of which a layer moves boxes by a perceptron of its own: its copies would be left out although they
/// say something else. Nothing is replaced.
pub(super) fn checked_copies(checkpoint: &Checkpoint, _: &Dimensions) -> Result<Replaced, ImportError> {
    for name in checkpoint.names() {
        let Some(part) = copied(name) else { continue };
        let kept = format!("{KEPT}{part}");
        if checkpoint.shape(&kept).is_some() && checkpoint.read(&kept)? != checkpoint.read(name)? {
            let expected = format!("the numbers of `{kept}`, which all layers share");
            let faults = vec![Fault::new(name, expected, "others")];
            return Err(BundleError::Unfit { file: checkpoint.path().to_owned(), faults }.into());
        }
    }
    Ok(Replaced::default())
}

/// What a copy is a copy of, by its name within a perceptron.
fn copied(name: &str) -> Option<&str> {
    let layers =
        name.strip_prefix("model.decoder.bbox_embed.").or_else(|| name.strip_prefix("bbox_embed."))?;
    let (_, part) = layers.split_once('.')?;
    (!name.starts_with(KEPT)).then_some(part)
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::super::GroundingDinoConfig;
    use super::*;
    use crate::networks::blocks::preset::Preset;

    #[test]
    fn layers_that_move_boxes_by_perceptrons_of_their_own_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dino.safetensors");
        let dimensions = Dimensions::of(&GroundingDinoConfig::preset("grounding-dino-tiny").unwrap());
        for (other, refused) in [(1.0, false), (2.0, true)] {
            for copy in ["bbox_embed.3.layers.0.bias", "model.decoder.bbox_embed.0.layers.0.bias"] {
                let of = |value: f64| Tensor::full([4], value, (Kind::Float, Device::Cpu));
                let tensors = [("bbox_embed.0.layers.0.bias", of(1.0)), (copy, of(other))];
                Tensor::write_safetensors(&tensors, &file).unwrap();
                let checked = checked_copies(&Checkpoint::open(&file).unwrap(), &dimensions);
                let message = checked.map(drop).map_err(|error| error.to_string());
                assert_eq!(message.is_err(), refused, "{copy}: {message:?}");
                if let Err(message) = message {
                    assert!(message.contains(copy) && message.contains("share"), "{message}");
                }
            }
        }
    }
}
