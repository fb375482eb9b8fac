//! Overlay of a picture: gold and predicted boxes and masks as SVG in pixels of the picture, so that they scale with it.

use std::fmt::Write as _;

use crate::domain::{BBox, Mask};

use super::content::{Card, Picture};
use super::html::{text, word};

/// The farthest that a drawn outline is from the edge of the mask's pixels, in pixels.
const TOLERANCE: f64 = 1.0;

/// The most corners of a drawn mask: a mask of noise has as many as pixels.
const MAX_CORNERS: usize = 5_000;

/// One region to draw.
struct Shape<'a> {
    /// `gold` or `said`.
    side: &'static str,
    /// The class of the verdict.
    verdict: &'static str,
    number: usize,
    name: &'a str,
    bbox: Option<&'a BBox>,
    mask: Option<&'a Mask>,
}

/// The picture of a card with its regions; without a picture the regions on an empty ground.
pub(super) fn figure(card: &Card, picture: &Picture, folder: &str) -> String {
    let Picture { key, width, height, file } = picture;
    let shapes = shapes(card, key);
    let mut svg = format!(
        "<figure><svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">",
        label(&shapes)
    );
    if file.is_empty() {
        let _ = write!(svg, "<rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>");
    } else {
        let href = text(&format!("{folder}/{file}"));
        let _ = write!(
            svg,
            "<image href=\"{href}\" width=\"{width}\" height=\"{height}\" preserveAspectRatio=\"none\"/>"
        );
    }
    for shape in &shapes {
        shape.draw(f64::from(*width).max(f64::from(*height)) / 400.0, &mut svg);
    }
    svg + "</svg></figure>"
}

/// A ground that holds all regions of a picture that is not there.
pub(super) fn ground(card: &Card, key: &str) -> Option<Picture> {
    let (mut width, mut height) = (0.0_f32, 0.0_f32);
    for shape in shapes(card, key) {
        if let Some(bbox) = shape.bbox {
            (width, height) = (width.max(bbox.x1), height.max(bbox.y1));
        }
    }
    // A cast of a float saturates.
    let (width, height) = ((width * 1.02).ceil() as u32, (height * 1.02).ceil() as u32);
    (width > 0 && height > 0).then(|| Picture { key: key.to_owned(), width, height, file: String::new() })
}

fn shapes<'a>(card: &'a Card, key: &str) -> Vec<Shape<'a>> {
    let mut shapes = Vec::new();
    for (number, pair) in (1..).zip(&card.pairs) {
        let verdict = word(pair.fault);
        if let Some(mention) = pair.gold.and_then(|place| card.gold.mentions.get(place)) {
            let here = mention.regions.iter().filter(|region| region.media_key == key);
            shapes.extend(here.map(|region| Shape {
                side: "gold",
                verdict,
                number,
                name: &mention.text,
                bbox: Some(&region.bbox),
                mask: region.mask.as_ref(),
            }));
        }
        if let Some(mention) = pair.predicted.and_then(|place| card.predicted.get(place)) {
            let here = mention.regions.iter().filter(|region| region.media_key == key);
            shapes.extend(here.map(|region| Shape {
                side: "said",
                verdict,
                number,
                name: &mention.text,
                bbox: region.bbox.as_ref(),
                mask: region.mask.as_ref(),
            }));
        }
    }
    shapes
}

/// The picture in words.
fn label(shapes: &[Shape<'_>]) -> String {
    let named = |side: &str| {
        let names: Vec<&str> =
            shapes.iter().filter(|shape| shape.side == side).map(|shape| shape.name).collect();
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    };
    text(&format!("gold: {}; answer: {}", named("gold"), named("said")))
}

impl Shape<'_> {
    /// `unit` is the width of a line in pixels of the picture.
    fn draw(&self, unit: f64, svg: &mut String) {
        let Self { side, verdict, number, .. } = self;
        let _ = write!(svg, "<g class=\"{side} {verdict}\">");
        if let Some(path) = self.mask.and_then(outline) {
            let _ = write!(svg, "<path class=\"pixels\" d=\"{path}\" fill-rule=\"evenodd\"/>");
        }
        if let Some(BBox { x0, y0, x1, y1 }) = self.bbox.copied().filter(is_finite) {
            let (width, height) = ((x1 - x0).max(0.0), (y1 - y0).max(0.0));
            let stroke = 2.0 * unit;
            let _ = write!(
                svg,
                "<rect class=\"halo\" x=\"{x0}\" y=\"{y0}\" width=\"{width}\" height=\"{height}\" stroke-width=\"{}\"/>\
                 <rect class=\"box\" x=\"{x0}\" y=\"{y0}\" width=\"{width}\" height=\"{height}\" stroke-width=\"{stroke}\"/>",
                2.0 * stroke
            );
            // Numbers of gold stand at the bottom, so that both can be read.
            let y = if *side == "gold" { f64::from(y1) - 4.0 * unit } else { f64::from(y0) + 13.0 * unit };
            let _ = write!(
                svg,
                "<text x=\"{}\" y=\"{y}\" font-size=\"{}\" stroke-width=\"{}\">{number}</text>",
                f64::from(x0) + 3.0 * unit,
                13.0 * unit,
                3.0 * unit
            );
        }
        let _ = write!(svg, "<title>{}</title></g>", text(&format!("{number}: {}", self.name)));
    }
}

fn is_finite(bbox: &BBox) -> bool {
    [bbox.x0, bbox.y0, bbox.x1, bbox.y1].iter().all(|edge| edge.is_finite())
}

/// The mask as a path; none of masks with too many corners.
fn outline(mask: &Mask) -> Option<String> {
    let rings = mask.outlines(TOLERANCE);
    if rings.iter().map(Vec::len).sum::<usize>() > MAX_CORNERS {
        return None;
    }
    let ring = |ring: &Vec<(u32, u32)>| {
        let corners: Vec<String> = ring.iter().map(|(x, y)| format!("{x} {y}")).collect();
        format!("M{}Z", corners.join("L"))
    };
    Some(rings.iter().map(ring).collect())
}
