//! Masks on the wire: COCO's run lengths, a PNG, polygons, or nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};

use super::super::super::MaskForm;
use super::mask_png::png;
use crate::domain::Mask;

/// How far the corners of a mask's border may be from its polygon, in pixels: a slanted border is a staircase of pixels,
/// whose corners are at most 0.71 from the line that it stands for.
const TOLERANCE: f64 = 0.75;

/// A mask with its size: rows, then columns, as in COCO.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum WireMask<'a> {
    Coco { size: [u32; 2], counts: Counts<'a> },
    Png { size: [u32; 2], png: Picture<'a> },
    Polygon { size: [u32; 2], rings: Rings<'a> },
}

impl<'a> WireMask<'a> {
    /// None: no mask is written. One without pixels says nothing.
    pub(super) fn of(mask: &'a Mask, form: MaskForm) -> Option<Self> {
        if mask.area() == 0 {
            return None;
        }
        let size = [mask.height, mask.width];
        match form {
            MaskForm::Coco => Some(Self::Coco { size, counts: Counts(mask) }),
            MaskForm::Png => Some(Self::Png { size, png: Picture(mask) }),
            MaskForm::Polygon => Some(Self::Polygon { size, rings: Rings(mask) }),
            MaskForm::None => None,
        }
    }
}

/// Encoded while it is written, so that the encoded masks of a post are in memory only once.
pub(super) struct Counts<'a>(&'a Mask);

impl Serialize for Counts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_coco_counts())
    }
}

/// A PNG in Base64, encoded while it is written.
pub(super) struct Picture<'a>(&'a Mask);

impl Serialize for Picture<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = png(self.0).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&STANDARD.encode(bytes))
    }
}

/// The outlines, traced while they are written: flat lists of x and y of one corner after the other.
pub(super) struct Rings<'a>(&'a Mask);

impl Serialize for Rings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let flat = |ring: Vec<(u32, u32)>| ring.into_iter().flat_map(|(x, y)| [x, y]).collect::<Vec<u32>>();
        serializer.collect_seq(self.0.outlines(TOLERANCE).into_iter().map(flat))
    }
}
