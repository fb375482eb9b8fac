//! Masks are written down and compared as `pycocotools` does. `rle.py` made the goldens.

use riveg::domain::Mask;
use serde::Deserialize;

use super::parity_compared::Original;

const ORIGINAL: Original = Original { network: "run lengths", size: "tiny", reference: "pycocotools 2.0.11" };

#[derive(Deserialize)]
struct Goldens {
    masks: Vec<Golden>,
    overlaps: Vec<Overlap>,
}

#[derive(Deserialize)]
struct Golden {
    width: u32,
    height: u32,
    bits: String,
    area: u64,
    counts: String,
}

#[derive(Deserialize)]
struct Overlap {
    left: usize,
    right: usize,
    iou: f64,
}

impl Golden {
    fn pixels(&self) -> Vec<u8> {
        let bit = |pixel: usize| {
            let byte = u8::from_str_radix(&self.bits[pixel / 8 * 2..][..2], 16).unwrap();
            byte >> (7 - pixel % 8) & 1
        };
        (0..(self.width * self.height) as usize).map(bit).collect()
    }
}

fn goldens() -> Goldens {
    serde_json::from_str(include_str!("rle.json")).unwrap()
}

#[test]
fn masks_are_written_and_read_as_pycocotools_does() {
    let goldens = goldens();
    assert_eq!(goldens.masks.len(), 10);
    for golden in &goldens.masks {
        let pixels = golden.pixels();
        let mask = Mask::from_pixels(&pixels, golden.width, golden.height);
        assert_eq!(mask.to_coco_counts(), golden.counts);
        assert_eq!(Mask::from_coco_counts(golden.width, golden.height, &golden.counts).as_ref(), Ok(&mask));
        assert_eq!(mask.to_pixels(), pixels);
        assert_eq!(mask.area(), golden.area);
        ORIGINAL.note("decisions", pixels.len() as f64);
    }
}

#[test]
fn overlaps_are_those_of_pycocotools() {
    let goldens = goldens();
    let masks: Vec<_> = (goldens.masks.iter())
        .map(|golden| Mask::from_pixels(&golden.pixels(), golden.width, golden.height))
        .collect();
    assert!(goldens.overlaps.iter().filter(|overlap| overlap.iou > 0.0 && overlap.iou < 1.0).count() >= 4);
    for overlap in &goldens.overlaps {
        let ours = masks[overlap.left].iou(&masks[overlap.right]);
        assert!((f64::from(ours) - overlap.iou).abs() < 1e-7, "{} and {}", overlap.left, overlap.right);
    }
}
