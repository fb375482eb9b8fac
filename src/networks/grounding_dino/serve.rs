//! Grounding DINO behind the scheduler: as the entailer, as the grounder, or as both with one memory.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::answers::Answer;
use super::reader::{Input, Reader};
use super::{GroundingDino, GroundingDinoConfig};
use crate::domain::Stage;
use crate::networks::blocks::asked::Asked;
use crate::networks::blocks::encodings::Known;
use crate::networks::blocks::remembered::Remembered;
use crate::networks::blocks::share::Share;
use crate::scheduler::{Cost, Model, ModelError, Processor};
use crate::stages::entail;
use crate::stages::ground;

/// Side in pixels of what costs as much as one token. Prompts pass one after the other, so that a cost only says how long
/// a batch takes: with this side default budgets hold as many requests as they do of other networks.
const CELL: u32 = 24;

/// Answers whether pictures show phrases: how well the best box fits.
#[derive(Debug)]
pub struct GroundingDinoEntailer {
    share: Share<Reader>,
    processor: Arc<EntailProcessor>,
}

/// The host half of [`GroundingDinoEntailer`].
#[derive(Debug)]
pub struct EntailProcessor(Asking);

/// Answers where in pictures phrases are: the box that fits best.
#[derive(Debug)]
pub struct GroundingDinoGrounder {
    share: Share<Reader>,
    processor: Arc<GroundProcessor>,
}

/// The host half of [`GroundingDinoGrounder`].
#[derive(Debug)]
pub struct GroundProcessor(Asking);

/// Prepares batches, whichever stage asks.
#[derive(Debug)]
struct Asking {
    config: GroundingDinoConfig,
    known: Known,
}

impl Asking {
    fn of(share: &Share<Reader>) -> Self {
        Self { config: share.config(), known: share.known() }
    }

    fn prepare(&self, batch: &[Asked<'_>]) -> Result<Input, ModelError> {
        Input::of(batch, &self.config, &self.known)
    }
}

fn cost(asked: Asked<'_>) -> Cost {
    let cells = u64::from(asked.picture.width / CELL) * u64::from(asked.picture.height / CELL);
    Cost(u32::try_from(cells + asked.prompt.len() as u64).unwrap_or(u32::MAX))
}

/// Scores that are no numbers would pass any threshold or none.
fn checked(answers: Vec<Answer>) -> Result<Vec<Answer>, ModelError> {
    let is_number =
        |answer: &Answer| answer.score.is_finite() && answer.corners.iter().all(|edge| edge.is_finite());
    if answers.iter().all(is_number) {
        return Ok(answers);
    }
    Err(ModelError::Failed("the scores or boxes of Grounding DINO are no numbers".to_owned()))
}

impl GroundingDinoEntailer {
    /// Serves a network whose weights have been loaded, remembering within a budget what its trunk says of pictures.
    #[must_use]
    pub fn new(network: GroundingDino, remembered: impl Into<Remembered>) -> Self {
        let share = Share::new(Reader::new(network, remembered, Stage::Entail));
        let processor = Arc::new(EntailProcessor(Asking::of(&share)));
        Self { share, processor }
    }

    /// A grounder with the same network. A picture goes through the trunk once for both, and where a phrase is that the
    /// entailer was asked about is known; both are to be run by one thread.
    #[must_use]
    pub fn grounder(&self) -> GroundingDinoGrounder {
        GroundingDinoGrounder::with(self.share.another())
    }

    /// How many pictures have gone through the trunk for this stage so far. The counter is shared: it can be read from
    /// other threads after the network has moved to the device's.
    #[must_use]
    pub fn trunk_runs(&self) -> Arc<AtomicU64> {
        self.share.trunk_runs()
    }
}

impl Processor for EntailProcessor {
    type Request = entail::Request;
    type Reply = entail::Reply;
    type Input = Input;
    type Output = Vec<Answer>;

    fn cost(&self, request: &entail::Request) -> Cost {
        cost(entailing(request))
    }

    fn prepare(&self, batch: &[entail::Request]) -> Result<Input, ModelError> {
        self.0.prepare(&batch.iter().map(entailing).collect::<Vec<_>>())
    }

    fn finish(&self, _: &[entail::Request], answers: Vec<Answer>) -> Result<Vec<entail::Reply>, ModelError> {
        let reply = |answer: Answer| entail::Reply { no: 1.0 - answer.score, yes: answer.score, maybe: 0.0 };
        Ok(checked(answers)?.into_iter().map(reply).collect())
    }
}

impl Model for GroundingDinoEntailer {
    type Processor = EntailProcessor;

    fn processor(&self) -> Arc<EntailProcessor> {
        Arc::clone(&self.processor)
    }

    fn forward(&mut self, input: Input) -> Result<Vec<Answer>, ModelError> {
        let _no_grad = tch::no_grad_guard();
        Ok(self.share.answer(input)?)
    }

    fn free_memory(&mut self) {
        self.share.forget();
    }
}

impl GroundingDinoGrounder {
    /// Serves a network whose weights have been loaded, remembering within a budget what its trunk says of pictures.
    #[must_use]
    pub fn new(network: GroundingDino, remembered: impl Into<Remembered>) -> Self {
        Self::with(Share::new(Reader::new(network, remembered, Stage::Ground)))
    }

    fn with(share: Share<Reader>) -> Self {
        let processor = Arc::new(GroundProcessor(Asking::of(&share)));
        Self { share, processor }
    }

    /// How many pictures have gone through the trunk so far; shared as [`GroundingDinoEntailer::trunk_runs`] is.
    #[must_use]
    pub fn trunk_runs(&self) -> Arc<AtomicU64> {
        self.share.trunk_runs()
    }
}

impl Processor for GroundProcessor {
    type Request = ground::Request;
    type Reply = ground::Reply;
    type Input = Input;
    type Output = Vec<Answer>;

    fn cost(&self, request: &ground::Request) -> Cost {
        cost(grounding(request))
    }

    fn prepare(&self, batch: &[ground::Request]) -> Result<Input, ModelError> {
        self.0.prepare(&batch.iter().map(grounding).collect::<Vec<_>>())
    }

    fn finish(&self, _: &[ground::Request], answers: Vec<Answer>) -> Result<Vec<ground::Reply>, ModelError> {
        let reply = |Answer { score, corners }| {
            // The likelihood of a box is the mean of its four numbers' probabilities, here all the score.
            ground::Reply { corners, log_probability: 4.0 * score.ln(), outline: None, others: Vec::new() }
        };
        Ok(checked(answers)?.into_iter().map(reply).collect())
    }
}

impl Model for GroundingDinoGrounder {
    type Processor = GroundProcessor;

    fn processor(&self) -> Arc<GroundProcessor> {
        Arc::clone(&self.processor)
    }

    fn forward(&mut self, input: Input) -> Result<Vec<Answer>, ModelError> {
        let _no_grad = tch::no_grad_guard();
        Ok(self.share.answer(input)?)
    }

    fn free_memory(&mut self) {
        self.share.forget();
    }
}

fn entailing(request: &entail::Request) -> Asked<'_> {
    Asked { picture: &request.picture, prompt: &request.prompt }
}

fn grounding(request: &ground::Request) -> Asked<'_> {
    Asked { picture: &request.picture, prompt: &request.prompt }
}
