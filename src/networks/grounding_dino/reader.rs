//! Reader: each distinct picture goes through the trunk once, and each prompt about it through the rest once, whichever
//! stage asks.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tch::{Kind, TchError, Tensor};

use super::answers::{Answer, Answers};
use super::{Detected, GroundingDino, GroundingDinoConfig, Prompt, Seen};
use crate::common::imaging::Picture;
use crate::domain::{ContentHash, Stage};
use crate::networks::blocks::asked::{Asked, each};
use crate::networks::blocks::device::hand_back;
use crate::networks::blocks::encodings::{Encodings, Known, PreparedPictures};
use crate::networks::blocks::remembered::Remembered;
use crate::networks::blocks::share::Share;
use crate::scheduler::ModelError;

/// A network that remembers what it saw in pictures and what it answered.
#[derive(Debug)]
pub(super) struct Reader {
    network: GroundingDino,
    known: Encodings,
    answers: Answers,
}

/// A batch in host memory: its prompts by their pictures.
#[derive(Debug)]
pub struct Input {
    groups: Vec<Group>,
    count: usize,
}

/// The prompts about one picture.
#[derive(Debug)]
struct Group {
    picture: PreparedPictures<Vec<Tensor>>,
    hash: ContentHash,
    /// Rows and columns in pixels.
    size: (i64, i64),
    /// The place of each in the batch, its pieces, and the same as the network reads it.
    prompts: Vec<(usize, Vec<u32>, Prompt)>,
}

impl Share<Reader> {
    pub(super) fn config(&self) -> GroundingDinoConfig {
        self.reader().network.config().clone()
    }

    /// The host half's view of the cached encodings.
    pub(super) fn known(&self) -> Known {
        self.reader().known.known()
    }

    /// Gives back what is remembered.
    pub(super) fn forget(&self) {
        let mut reader = self.reader();
        reader.known.forget();
        reader.answers.forget();
        let (_, device) = reader.network.place();
        hand_back(device);
    }

    /// The answers to a prepared batch, in its order.
    pub(super) fn answer(&self, batch: Input) -> Result<Vec<Answer>, TchError> {
        let made = |reader: &Reader| reader.known.made().load(Ordering::Relaxed);
        self.counting(&mut self.reader(), made, |reader| reader.answer(batch))
    }
}

impl Input {
    /// Prepares a batch.
    pub(super) fn of(
        batch: &[Asked<'_>],
        config: &GroundingDinoConfig,
        known: &Known,
    ) -> Result<Self, ModelError> {
        batch.iter().try_for_each(|asked| check(*asked, config))?;
        let mut numbers: HashMap<ContentHash, usize> = HashMap::new();
        let mut groups: Vec<Group> = Vec::new();
        for (place, Asked { picture, prompt }) in batch.iter().enumerate() {
            let number = match numbers.get(&picture.hash) {
                Some(&number) => number,
                None => {
                    numbers.insert(picture.hash, groups.len());
                    groups.push(Group::of(picture, known)?);
                    groups.len() - 1
                }
            };
            groups[number].prompts.push((place, prompt.to_vec(), Prompt::of(prompt, config)));
        }
        Ok(Self { groups, count: batch.len() })
    }
}

impl Group {
    fn of(picture: &Arc<Picture>, known: &Known) -> Result<Self, TchError> {
        Ok(Self {
            picture: known.prepare(std::iter::once(picture), each)?,
            hash: picture.hash,
            size: (i64::from(picture.height), i64::from(picture.width)),
            prompts: Vec::new(),
        })
    }
}

impl Reader {
    pub(super) fn new(network: GroundingDino, remembered: impl Into<Remembered>, stage: Stage) -> Self {
        let remembered: Remembered = remembered.into();
        let answers = Answers::beside(remembered.max_bytes());
        Self { network, known: Encodings::within(remembered, stage), answers }
    }

    fn answer(&mut self, batch: Input) -> Result<Vec<Answer>, TchError> {
        let mut answers = vec![NOTHING; batch.count];
        for group in batch.groups {
            self.answer_group(group, &mut answers)?;
        }
        Ok(answers)
    }

    fn answer_group(&mut self, group: Group, answers: &mut [Answer]) -> Result<(), TchError> {
        let Group { picture, hash, size, prompts } = group;
        let (mut picture, mut seen) = (Some(picture), None);
        for (place, pieces, prompt) in prompts {
            let question = (hash, pieces);
            if let Some(answer) = self.answers.get(&question) {
                answers[place] = answer;
                continue;
            }
            if let Some(picture) = picture.take() {
                seen = Some(self.see(picture, size)?);
            }
            let Some(seen) = &seen else { unreachable!("the picture was there for the first prompt") };
            let (_, device) = self.network.place();
            let answer = best(&self.network.detect(seen, &prompt.to_device(device)))?;
            self.answers.keep(question, answer);
            answers[place] = answer;
        }
        Ok(())
    }

    fn see(&mut self, picture: PreparedPictures<Vec<Tensor>>, size: (i64, i64)) -> Result<Seen, TchError> {
        let Self { network, known, .. } = self;
        let cells = known.of(picture, |levels| {
            let cells = levels.iter().map(|levels| network.cells(&network.pixels(levels)));
            Tensor::f_stack(&cells.collect::<Vec<_>>(), 0)
        })?;
        Ok(network.see(cells.encodings.f_squeeze_dim(0)?, size))
    }
}

/// In the place of answers that are to come.
const NOTHING: Answer = Answer { score: 0.0, corners: [0.0; 4] };

/// The box that fits any word of the prompt best.
fn best(detected: &Detected) -> Result<Answer, TchError> {
    let fits = detected.logits.f_amax(-1, false)?;
    let index = fits.f_argmax(None, false)?.f_view([1])?;
    let score = fits.f_index_select(0, &index)?.f_sigmoid()?.f_to_kind(Kind::Double)?;
    let sides = detected.boxes.f_index_select(0, &index)?.f_to_kind(Kind::Double)?.f_view([4])?;
    // Score and box in one tensor: the device is waited for once.
    let found: Vec<f64> = Vec::try_from(Tensor::f_cat(&[score, sides], 0)?)?;
    let &[score, x, y, width, height] = &found[..] else {
        return Err(TchError::Torch(format!("a box of {} numbers", found.len())));
    };
    let edges = |middle: f64, side: f64| (middle - side / 2.0, middle + side / 2.0);
    let ((left, right), (top, bottom)) = (edges(x, width), edges(y, height));
    Ok(Answer { score: score as f32, corners: [left, top, right, bottom] })
}

/// Says what no network of these dimensions can read, before the device sees it.
fn check(asked: Asked<'_>, config: &GroundingDinoConfig) -> Result<(), ModelError> {
    let refuse =
        |why: String| Err(ModelError::Failed(format!("Grounding DINO cannot read its input: {why}")));
    let Picture { hash, width, height, rgb, .. } = asked.picture.as_ref();
    let (shorter, longer) = (i64::from(*width.min(height)), i64::from(*width.max(height)));
    let (shortest, longest) = (config.shortest_side, config.longest_side);
    if shorter == 0 || shorter > shortest || longer > longest {
        let sides = format!("{shortest} and {longest}");
        return refuse(format!("picture {hash} is {width}x{height}, where its sides are at most {sides}"));
    }
    let (bytes, expected) = (rgb.len() as u64, 3 * u64::from(*width) * u64::from(*height));
    if bytes != expected {
        return refuse(format!("picture {hash} has {bytes} bytes, not {expected}"));
    }
    let (length, most) = (asked.prompt.len() as i64, config.max_text);
    if !(2..=most).contains(&length) {
        return refuse(format!("a prompt of {length} tokens, where 2 to {most} fit"));
    }
    let vocabulary = config.vocabulary;
    match asked.prompt.iter().find(|&&id| i64::from(id) >= vocabulary) {
        Some(id) => refuse(format!("token {id} is none of the {vocabulary} that prompts are made of")),
        None => Ok(()),
    }
}
