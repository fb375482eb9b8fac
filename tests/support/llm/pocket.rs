//! A language model that knows the pocket world: it reads in the prompt which entity it is asked for, and says what that
//! looks like. With a seed it goes wrong as often as it is told, by the question alone.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::asked::Asked;
use super::reply::Reply;

/// What it says of what it does not know.
const UNKNOWN: &str = "I do not know.";

/// How often it goes wrong, each as a share of questions; together 1 at most.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faults {
    pub(crate) seed: u64,
    /// 500.
    pub(crate) errors: f64,
    /// 429, to be asked again at once.
    pub(crate) rate_limited: f64,
    /// An answer that breaks off in the middle of its bytes.
    pub(crate) cut_off: f64,
    /// An answer that is no JSON.
    pub(crate) nonsense: f64,
    /// A connection that is reset.
    pub(crate) resets: f64,
}

/// The stand-in for a model of seven billion parameters.
pub(crate) struct PocketLlm {
    facts: HashMap<(String, String), String>,
    /// What stands before and after `Entity (TYPE)` in a question.
    entity_between: (String, String),
    faults: Faults,
    /// How often each question has come: its next attempt may go better.
    times: Mutex<HashMap<[u8; 32], u64>>,
    otherwise: Box<dyn Fn(&Asked) -> Reply + Send + Sync>,
}

impl PocketLlm {
    /// Knows these expansions by surface and type.
    pub(crate) fn new(
        facts: impl IntoIterator<Item = ((String, String), String)>,
        entity_between: (&str, &str),
    ) -> Self {
        Self {
            facts: facts.into_iter().collect(),
            entity_between: (entity_between.0.to_owned(), entity_between.1.to_owned()),
            faults: Faults::default(),
            times: Mutex::default(),
            otherwise: Box::new(|_| Reply::text(UNKNOWN)),
        }
    }

    /// Goes wrong so often.
    pub(crate) fn with_faults(self, faults: Faults) -> Self {
        Self { faults, ..self }
    }

    /// Answers so what asks for no entity: a description, knowledge for the tagger.
    pub(crate) fn otherwise(self, answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self { otherwise: Box::new(answer), ..self }
    }

    /// The answer to a question: the same question gets the same answers, in their order, whatever is asked between.
    pub(crate) fn reply(&self, asked: &Asked) -> Reply {
        match self.fault(asked) {
            Some(fault) => fault,
            None => match self.entity(&asked.text) {
                None => (self.otherwise)(asked),
                Some(key) => Reply::text(self.facts.get(&key).map_or(UNKNOWN, String::as_str)),
            },
        }
    }

    fn fault(&self, asked: &Asked) -> Option<Reply> {
        let Faults { seed, errors, rate_limited, cut_off, nonsense, resets } = self.faults;
        let times = {
            let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
            let times = times.entry(*blake3::hash(asked.text.as_bytes()).as_bytes()).or_default();
            *times += 1;
            *times
        };
        let mut hash = blake3::Hasher::new();
        hash.update(&seed.to_le_bytes()).update(&times.to_le_bytes()).update(asked.text.as_bytes());
        let mut dice = ChaCha8Rng::from_seed(*hash.finalize().as_bytes());
        let mut thrown: f64 = dice.random();
        let ways = [
            (errors, Reply::status(500)),
            (rate_limited, Reply::rate_limited("0")),
            (cut_off, Reply::CutOff),
            (nonsense, Reply::Bytes(b"<html>no model here</html>".to_vec())),
            (resets, Reply::Reset),
        ];
        ways.into_iter().find_map(|(share, reply)| {
            thrown -= share;
            (thrown < 0.0).then_some(reply)
        })
    }

    /// The surface and type that stand last in the prompt: examples stand before the question.
    fn entity(&self, prompt: &str) -> Option<(String, String)> {
        let (before, after) = &self.entity_between;
        let begin = prompt.rfind(before.as_str())? + before.len();
        let length = prompt[begin..].find(after.as_str())?;
        let entity = &prompt[begin..begin + length];
        let (surface, entity_type) = entity.strip_suffix(')')?.rsplit_once('(')?;
        Some((surface.trim().to_owned(), entity_type.trim().to_owned()))
    }
}
