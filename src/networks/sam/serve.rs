//! How does SAM answer batches? Distinct pictures are encoded once, all boxes of all pictures decoded together.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tch::{Device, Kind, Tensor};

use super::Sam;
use super::paint::PIXELS_AT_ONCE;
use crate::common::imaging::Picture;
use crate::domain::{BBox, Stage};
use crate::networks::blocks::device::hand_back;
use crate::networks::blocks::encodings::{Distinct, Encodings};
use crate::networks::blocks::remembered::Remembered;
use crate::scheduler::{Cost, Model, ModelError};
use crate::stages::segment::{Reply, Request, Segmentation};

/// Boxes decoded at once. At the published sizes one takes some 30 MB on its way through the decoder, and sixteen are
/// 65,536 cells: enough for a GPU, and half a gigabyte.
const BOXES_AT_ONCE: usize = 16;

/// Patches have sixteen pixels a side in every published network; the cost of a picture is counted in them.
const PATCH: u32 = 16;
/// So many boxes weigh as much as the encoding of their picture. Published networks: 270 (ViT-B) to 1,650 (ViT-H);
/// small ones, whose encoder is no larger than their decoder, a handful.
const BOXES_A_PICTURE: u32 = 64;

/// SAM behind the scheduler: remembers encodings by the content of the picture.
#[derive(Debug)]
pub struct SamSegmenter {
    sam: Sam,
    device: Device,
    encodings: Encodings,
}

impl SamSegmenter {
    /// Serves a network whose weights lie on `device`, remembering encodings there within a budget.
    #[must_use]
    pub fn new(sam: Sam, device: Device, remembered: impl Into<Remembered>) -> Self {
        Self { sam, device, encodings: Encodings::within(remembered, Stage::Segment) }
    }

    /// How many pictures have been encoded so far. The counter is shared: it can be read from other threads after the
    /// segmenter has moved to the device's.
    #[must_use]
    pub fn encodings(&self) -> Arc<AtomicU64> {
        self.encodings.made()
    }

    /// The encodings of the batch's pictures, `[D, C, h, w]` for `D` distinct ones.
    fn encode(&mut self, pictures: &[&Picture]) -> Result<Distinct, tch::TchError> {
        let Self { sam, device, encodings } = self;
        encodings.of(pictures, |missing| {
            let pixels = missing.iter().map(|picture| pixels(sam, picture, *device));
            Ok(sam.encode(&Tensor::f_stack(&pixels.collect::<Result<Vec<_>, _>>()?, 0)?))
        })
    }

    /// The best mask of every box and its predicted IoU, in the order of the boxes.
    fn decode(&self, encodings: &Tensor, prompts: &[Prompt<'_>]) -> Result<Vec<Segmentation>, tch::TchError> {
        let rows: Vec<i64> = prompts.iter().map(|prompt| prompt.row).collect();
        let corners: Vec<f32> = prompts.iter().flat_map(|prompt| prompt.corners).collect();
        let rows = Tensor::f_from_slice(&rows)?.f_to_device(self.device)?;
        let boxes = Tensor::f_from_slice(&corners)?.f_view([-1, 4])?.f_to_device(self.device)?;
        let (low_res, ious) = self.sam.decode(&encodings.f_index_select(0, &rows)?, &boxes);
        let (low_res, ious) = Sam::best(&low_res, &ious);
        let scores = Vec::<f32>::try_from(&ious.f_flatten(0, 1)?.f_to_kind(Kind::Float)?)?;
        let masks = prompts.iter().zip(0..).map(|(prompt, row)| {
            let picture = prompt.picture;
            let resized = (i64::from(picture.width), i64::from(picture.height));
            let original = (picture.original_width, picture.original_height);
            self.sam.paint(&low_res.f_narrow(0, row, 1)?, resized, original, PIXELS_AT_ONCE)
        });
        masks.zip(scores).map(|(mask, score)| Ok(Segmentation { mask: mask?, score })).collect()
    }

    fn answer(&mut self, batch: &[Request]) -> Result<Vec<Reply>, tch::TchError> {
        let asked: Vec<&Request> = batch.iter().filter(|request| !request.boxes.is_empty()).collect();
        if asked.is_empty() {
            return Ok(vec![Vec::new(); batch.len()]);
        }
        let pictures: Vec<&Picture> = asked.iter().map(|request| request.picture.as_ref()).collect();
        let Distinct { encodings, rows } = self.encode(&pictures)?;
        let prompts: Vec<Prompt<'_>> = asked
            .iter()
            .zip(rows)
            .flat_map(|(request, row)| {
                let picture = request.picture.as_ref();
                request.boxes.iter().map(move |bbox| Prompt { row, corners: resized(bbox, picture), picture })
            })
            .collect();
        let mut found = Vec::with_capacity(prompts.len());
        for prompts in prompts.chunks(BOXES_AT_ONCE) {
            found.extend(self.decode(&encodings, prompts)?);
        }
        let mut found = found.into_iter();
        Ok(batch.iter().map(|request| found.by_ref().take(request.boxes.len()).collect()).collect())
    }
}

fn pixels(sam: &Sam, picture: &Picture, device: Device) -> Result<Tensor, tch::TchError> {
    let shape = [i64::from(picture.height), i64::from(picture.width), 3];
    let rgb = Tensor::f_from_slice(&picture.rgb)?.f_view(shape)?.f_to_device(device)?;
    Ok(sam.pixels(&rgb))
}

impl Model for SamSegmenter {
    type Request = Request;
    type Reply = Reply;

    fn cost(request: &Request) -> Cost {
        let side = request.picture.width.max(request.picture.height).div_ceil(PATCH);
        let tokens = u64::from(side) * u64::from(side);
        let boxes = (tokens * request.boxes.len() as u64).div_ceil(u64::from(BOXES_A_PICTURE));
        Cost(u32::try_from(tokens + boxes).unwrap_or(u32::MAX))
    }

    fn free_memory(&mut self) {
        self.encodings.forget();
        hand_back(self.device);
    }

    fn run(&mut self, batch: &[Request]) -> Result<Vec<Reply>, ModelError> {
        let _no_grad = tch::no_grad_guard();
        for request in batch {
            check(request, self.sam.config().image_size).map_err(ModelError::Failed)?;
        }
        self.answer(batch).map_err(|error| ModelError::from_message(error.to_string()))
    }
}

/// One box in pixels of the resized picture, and the row of that picture's encoding.
struct Prompt<'a> {
    row: i64,
    corners: [f32; 4],
    picture: &'a Picture,
}

fn resized(bbox: &BBox, picture: &Picture) -> [f32; 4] {
    let across = f64::from(picture.width) / f64::from(picture.original_width);
    let down = f64::from(picture.height) / f64::from(picture.original_height);
    let scaled = |length: f32, scale: f64| (f64::from(length) * scale) as f32;
    [scaled(bbox.x0, across), scaled(bbox.y0, down), scaled(bbox.x1, across), scaled(bbox.y1, down)]
}

fn check(request: &Request, side: i64) -> Result<(), String> {
    let picture = &request.picture;
    let (width, height) = (picture.width, picture.height);
    if width == 0 || height == 0 || i64::from(width.max(height)) > side {
        return Err(format!(
            "picture {} is {width}x{height}, but the network reads at most {side}",
            picture.hash
        ));
    }
    if picture.rgb.len() as u64 != 3 * u64::from(width) * u64::from(height) {
        return Err(format!("picture {} has {} bytes for {width}x{height}", picture.hash, picture.rgb.len()));
    }
    if picture.original_width == 0 || picture.original_height == 0 {
        return Err(format!("picture {} was made from one without pixels", picture.hash));
    }
    let finite = |bbox: &&BBox| [bbox.x0, bbox.y0, bbox.x1, bbox.y1].iter().all(|edge| edge.is_finite());
    match request.boxes.iter().find(|bbox| !finite(bbox)) {
        Some(bbox) => Err(format!("a box in picture {} is not finite: {bbox:?}", picture.hash)),
        None => Ok(()),
    }
}
