//! A promptable segmenter behind the scheduler: distinct pictures are encoded once, all boxes of all pictures are decoded
//! together.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tch::{Device, Kind, TchError, Tensor};

use super::paint::{PIXELS_AT_ONCE, Toggles};
use crate::domain::{BBox, Stage};
use crate::networks::blocks::asked::each;
use crate::networks::blocks::device::{hand_back, send, staged};
use crate::networks::blocks::encodings::{Distinct, Encodings, Known, PreparedPictures};
use crate::networks::blocks::remembered::Remembered;
use crate::scheduler::{Cost, Model, ModelError, Processor};
use crate::stages::segment::{Reply, Request, Segmentation};

/// Boxes decoded at once. At the published sizes one takes some 30 MB on its way through SAM's decoder and some 60 through
/// SAM 2's, and sixteen are 65,536 cells: enough for a GPU, and a gigabyte at most.
const BOXES_AT_ONCE: usize = 16;

/// Patches have sixteen pixels a side in every published network; the cost of a picture is counted in them.
const PATCH: u32 = 16;
/// The number of boxes that weigh as much as the encoding of their picture. Published networks: 50 (SAM 2.1 tiny) to 1,650 (ViT-H);
/// small ones, whose encoder is no larger than their decoder, a handful.
const BOXES_A_PICTURE: u32 = 64;

/// A network that encodes a picture once and then finds what boxes hold.
pub trait Promptable: fmt::Debug + Send + 'static {
    /// The pictures that it reads.
    fn sees(&self) -> Sees;

    /// Encodes pictures given as bytes `[height, width, 3]` on the device, a row each: `[B, ..]`.
    ///
    /// # Errors
    /// As libtorch's.
    fn encode_bytes(&self, pictures: &[Tensor]) -> Result<Tensor, TchError>;

    /// The logits of the best mask in each box, `[N, 1, h, w]`, and its predicted IoU, `[N, 1]`. `rows` `[N]` says which of
    /// the `encodings` `[D, ..]` is that of each box's picture, `boxes` `[N, 4]` are left, top, right, bottom in pixels of
    /// the resized picture.
    fn best_masks(&self, encodings: &Tensor, rows: &Tensor, boxes: &Tensor) -> (Tensor, Tensor);

    /// A pixel is inside when its logit is greater than this.
    fn threshold(&self) -> f64;

    /// Where the pixels of one mask's logits, `[1, 1, h, w]`, begin and end at the size of the original picture. Sizes are
    /// `(width, height)`, of the picture as the network read it and of the original; `at_once` bounds the pixels of the
    /// original that are held at one time.
    ///
    /// # Errors
    /// As libtorch's.
    fn paint(
        &self,
        logits: &Tensor,
        resized: (i64, i64),
        original: (u32, u32),
        at_once: i64,
    ) -> Result<Toggles, TchError>;
}

/// The pictures that a network reads, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sees {
    /// Those with no side longer than this.
    Within(i64),
    /// Squares of this side.
    Square(i64),
}

/// A promptable network behind the scheduler: remembers encodings by the content of the picture.
#[derive(Debug)]
pub struct BoxSegmenter<N> {
    network: N,
    device: Device,
    encodings: Encodings,
    processor: Arc<BoxProcessor>,
}

/// The host half of [`BoxSegmenter`].
#[derive(Debug)]
pub struct BoxProcessor {
    sees: Sees,
    known: Known,
    device: Device,
}

/// A batch in host memory: its boxes, and the pictures that have any.
#[derive(Debug)]
pub struct BoxInput {
    pictures: PreparedPictures<Vec<Tensor>>,
    prompts: Vec<Prompt>,
}

/// What a box holds, before it is run lengths.
#[derive(Debug)]
pub struct Painted {
    mask: Toggles,
    score: f32,
}

/// One box in pixels of the resized picture, and whose it is.
#[derive(Debug)]
struct Prompt {
    /// Which of the pictures.
    picture: usize,
    corners: [f32; 4],
    /// Width and height of the resized picture.
    resized: (i64, i64),
    /// Width and height of the original.
    original: (u32, u32),
}

impl<N: Promptable> BoxSegmenter<N> {
    /// Serves a network whose weights lie on `device`, remembering encodings there within a budget.
    #[must_use]
    pub fn new(network: N, device: Device, remembered: impl Into<Remembered>) -> Self {
        let encodings = Encodings::within(remembered, Stage::Segment);
        let processor = BoxProcessor { sees: network.sees(), known: encodings.known(), device };
        Self { network, device, encodings, processor: Arc::new(processor) }
    }

    /// How many pictures have been encoded so far. The counter is shared: it can be read from other threads after the
    /// segmenter has moved to the device's.
    #[must_use]
    pub fn encodings(&self) -> Arc<AtomicU64> {
        self.encodings.made()
    }

    /// Tokens of the resized picture, and what its boxes cost beside them.
    #[must_use]
    pub fn cost(request: &Request) -> Cost {
        cost(request)
    }

    /// The encodings of the batch's pictures, `[D, ..]` for `D` distinct ones.
    fn encode(&mut self, pictures: PreparedPictures<Vec<Tensor>>) -> Result<Distinct, TchError> {
        let Self { network, device, encodings, .. } = self;
        encodings.of(pictures, |bytes| {
            let there = bytes.iter().map(|rgb| send(rgb, *device));
            network.encode_bytes(&there.collect::<Result<Vec<_>, TchError>>()?)
        })
    }

    /// The best mask of every box and its predicted IoU, in the order of the boxes.
    fn decode(&self, encoded: &Distinct, prompts: &[Prompt]) -> Result<Vec<Painted>, TchError> {
        let rows: Vec<i64> = prompts.iter().map(|prompt| encoded.rows[prompt.picture]).collect();
        let corners: Vec<f32> = prompts.iter().flat_map(|prompt| prompt.corners).collect();
        let rows = send(&Tensor::f_from_slice(&rows)?, self.device)?;
        let boxes = send(&Tensor::f_from_slice(&corners)?.f_view([-1, 4])?, self.device)?;
        let (logits, ious) = self.network.best_masks(&encoded.encodings, &rows, &boxes);
        let scores = Vec::<f32>::try_from(&ious.f_flatten(0, 1)?.f_to_kind(Kind::Float)?)?;
        let masks = prompts.iter().zip(0..).map(|(prompt, row)| {
            let logits = logits.f_narrow(0, row, 1)?;
            self.network.paint(&logits, prompt.resized, prompt.original, PIXELS_AT_ONCE)
        });
        masks.zip(scores).map(|(mask, score)| Ok(Painted { mask: mask?, score })).collect()
    }

    fn answer(&mut self, batch: BoxInput) -> Result<Vec<Painted>, TchError> {
        if batch.prompts.is_empty() {
            return Ok(Vec::new());
        }
        let encoded = self.encode(batch.pictures)?;
        let mut found = Vec::with_capacity(batch.prompts.len());
        for prompts in batch.prompts.chunks(BOXES_AT_ONCE) {
            found.extend(self.decode(&encoded, prompts)?);
        }
        Ok(found)
    }
}

impl Processor for BoxProcessor {
    type Request = Request;
    type Reply = Reply;
    type Input = BoxInput;
    /// What each box holds, request by request.
    type Output = Vec<Painted>;

    fn cost(&self, request: &Request) -> Cost {
        cost(request)
    }

    fn prepare(&self, batch: &[Request]) -> Result<BoxInput, ModelError> {
        for request in batch {
            check(request, self.sees).map_err(ModelError::Failed)?;
        }
        // A picture without boxes is not worth an encoding.
        let asked = || batch.iter().filter(|request| !request.boxes.is_empty());
        let pictures = self.known.prepare(asked().map(|request| &request.picture), each)?;
        let pictures =
            pictures.map_pixels(|each| each.into_iter().map(|pixels| staged(pixels, self.device)).collect());
        let prompts = asked().enumerate().flat_map(|(number, request)| {
            let picture = request.picture.as_ref();
            request.boxes.iter().map(move |bbox| Prompt {
                picture: number,
                corners: picture.resized(bbox),
                resized: (i64::from(picture.width), i64::from(picture.height)),
                original: (picture.original_width, picture.original_height),
            })
        });
        Ok(BoxInput { pictures, prompts: prompts.collect() })
    }

    fn finish(&self, batch: &[Request], found: Vec<Painted>) -> Result<Vec<Reply>, ModelError> {
        let segmentation = |Painted { mask, score }: Painted| Segmentation { mask: mask.mask(), score };
        let mut found = found.into_iter().map(segmentation);
        Ok(batch.iter().map(|request| found.by_ref().take(request.boxes.len()).collect()).collect())
    }
}

impl<N: Promptable> Model for BoxSegmenter<N> {
    type Processor = BoxProcessor;

    fn processor(&self) -> Arc<BoxProcessor> {
        Arc::clone(&self.processor)
    }

    fn forward(&mut self, input: BoxInput) -> Result<Vec<Painted>, ModelError> {
        let _no_grad = tch::no_grad_guard();
        Ok(self.answer(input)?)
    }

    fn free_memory(&mut self) {
        self.encodings.forget();
        hand_back(self.device);
    }
}

fn cost(request: &Request) -> Cost {
    let side = request.picture.width.max(request.picture.height).div_ceil(PATCH);
    let tokens = u64::from(side) * u64::from(side);
    let boxes = (tokens * request.boxes.len() as u64).div_ceil(u64::from(BOXES_A_PICTURE));
    Cost(u32::try_from(tokens + boxes).unwrap_or(u32::MAX))
}

fn check(request: &Request, sees: Sees) -> Result<(), String> {
    let picture = &request.picture;
    let (width, height) = (picture.width, picture.height);
    let (columns, rows) = (i64::from(width), i64::from(height));
    let unread = |reads: String| {
        Err(format!("picture {} is {width}x{height}, but the network reads {reads}", picture.hash))
    };
    match sees {
        Sees::Within(side) if columns < 1 || rows < 1 || columns.max(rows) > side => {
            return unread(format!("at most {side}"));
        }
        Sees::Square(side) if (columns, rows) != (side, side) => return unread(format!("{side}x{side}")),
        Sees::Within(_) | Sees::Square(_) => {}
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
