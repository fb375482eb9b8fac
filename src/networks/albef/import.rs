//! Import of ALBEF: position embeddings are interpolated to the grid of larger pictures, as its authors do when they load
//! a checkpoint.

use std::collections::BTreeMap;

use tch::{TchError, Tensor};

use super::AlbefConfig;
use crate::networks::checkpoint::{Checkpoint, Instead};
use crate::networks::descriptor::{Dimensions, ImportError, Replaced, read_floats};
use crate::networks::weights::BundleError;

const NAME: &str = "visual_encoder.pos_embed";

/// The vectors on the network's own grid, by their name, where the checkpoint has them on another; and a note of it.
/// Shapes that are no square grid of the network's width are left to strict loading, which names them.
pub(super) fn resized(checkpoint: &Checkpoint, dimensions: &Dimensions) -> Result<Replaced, ImportError> {
    let config: AlbefConfig = dimensions.config();
    let side = config.image_size / config.patch_size;
    let Some(&[1, rows, width]) = checkpoint.shape(NAME) else { return Ok(Replaced::default()) };
    let found = rows.saturating_sub(1).isqrt() as i64;
    let is_grid = found > 0 && found * found + 1 == rows as i64 && width as i64 == config.vision_hidden;
    if !is_grid || found == side {
        return Ok(Replaced::default());
    }
    let torch = |source| BundleError::Torch { file: checkpoint.path().to_owned(), source };
    let Some(published) = read_floats(checkpoint, NAME)? else { return Ok(Replaced::default()) };
    let drawn_out = interpolated(&published, found, side).map_err(torch)?;
    let values = Vec::try_from(drawn_out.reshape([-1])).map_err(torch)?;
    let shape = vec![1, config.image_tokens() as usize, width];
    let note = format!(
        "`{NAME}` was interpolated from {found}x{found} to {side}x{side} patches: the checkpoint saw pictures of {} \
         pixels, the network sees {}",
        found * config.patch_size,
        config.image_size
    );
    Ok(Replaced { tensors: BTreeMap::from([(NAME.to_owned(), Instead { shape, values })]), note: Some(note) })
}

/// `[1, 1 + from², width]` as `[1, 1 + to², width]`: the first vector, which stands for all, as it is, those of places by
/// cubic interpolation between centres, with torch's factor of -0.75.
fn interpolated(published: &Tensor, from: i64, to: i64) -> Result<Tensor, TchError> {
    let all = published.f_narrow(1, 0, 1)?;
    let places =
        published.f_narrow(1, 1, from * from)?.f_reshape([1, from, from, -1])?.f_permute([0, 3, 1, 2])?;
    let places = places.f_upsample_bicubic2d([to, to], false, None, None)?;
    let places = places.f_permute([0, 2, 3, 1])?.f_reshape([1, to * to, -1])?;
    Tensor::f_cat(&[all, places], 1)
}
