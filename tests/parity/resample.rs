//! Pictures are resized as Pillow (before version 13) and torchvision resize them: no pixel differs. `resample.py` made the
//! goldens.

use riveg::common::imaging::resample::{Arithmetic, Filter, resize_rgb_by};
use safetensors::SafeTensors;

use super::parity_compared::Original;

const ORIGINAL: Original =
    Original { network: "resampling", size: "tiny", reference: "pillow 12, torchvision 0.26" };
const GOLDENS: &[u8] = include_bytes!("resample.safetensors");

#[test]
fn no_pixel_differs_from_pillow_and_torchvision() {
    let goldens = SafeTensors::deserialize(GOLDENS).unwrap();
    let mut compared = 0;
    for index in 0.. {
        let Ok(start) = goldens.tensor(&format!("{index}.from")) else { break };
        for (name, filter, arithmetic) in [
            ("bilinear", Filter::Bilinear, Arithmetic::Pillow),
            ("bicubic", Filter::Bicubic, Arithmetic::Pillow),
            ("torchvision", Filter::Bilinear, Arithmetic::Torchvision),
        ] {
            let expected = goldens.tensor(&format!("{index}.{name}")).unwrap();
            let (from, to) = (size(start.shape()), size(expected.shape()));
            let resized = resize_rgb_by(start.data(), from, to, filter, arithmetic);
            let differing =
                resized.iter().zip(expected.data()).filter(|(ours, theirs)| ours != theirs).count();
            assert_eq!(resized.len(), expected.data().len());
            assert_eq!(differing, 0, "{name} from {from:?} to {to:?}");
            ORIGINAL.note("decisions", resized.len() as f64);
            compared += 1;
        }
    }
    assert_eq!(compared, 36);
}

/// Rows, columns and channels as `(width, height)`.
fn size(shape: &[usize]) -> (u32, u32) {
    (shape[1] as u32, shape[0] as u32)
}
