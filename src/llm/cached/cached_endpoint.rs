//! Cached endpoint: an endpoint behind the answer cache.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tracing::warn;

use super::jpeg::encode_jpeg;
use super::{
    AnswerFormat, AnswerReader, NoAnswer, RejectReason, cache_key, parse_answer, parse_object, revalidate,
};
use crate::common::imaging::Workers;
use crate::domain::{ContentHash, Frame};
use crate::llm::answers::{AnswerCache, AnswerRequest, Kind, NewAnswer, Validator};
use crate::llm::client::{Answer, AnswerSchema, BoxFormat, Endpoint, Question};
use crate::telemetry::{LeftOut, LogThrottle};

/// The time between two warnings about rejected answers: a model that answers badly does so all the time.
const WARN_INTERVAL: Duration = Duration::from_secs(60);

/// An endpoint that is asked each question once. Cheap to clone.
#[derive(Clone)]
pub struct CachedEndpoint {
    endpoint: Endpoint,
    answers: AnswerCache,
    workers: Workers,
    warned: Arc<Mutex<LogThrottle>>,
}

/// A question, and how its answers are read.
struct Asked<P> {
    question: Question,
    frames: Vec<Arc<Frame>>,
    reading: String,
    validator: Validator,
    parse: P,
}

/// What happens to a post for which a language model gave no answer after all attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Degrade {
    /// The post is published without the answer, and its provenance says so.
    #[default]
    PublishWithout,
    /// The post goes to the dead-letter topic.
    DeadLetter,
}

impl CachedEndpoint {
    /// Asks `endpoint` for answers that are not in `answers`; pictures are encoded by `workers`.
    #[must_use]
    pub fn new(endpoint: Endpoint, answers: AnswerCache, workers: Workers) -> Self {
        endpoint.declare_reject_reasons(&RejectReason::ALL.map(RejectReason::as_str));
        Self { endpoint, answers, workers, warned: Arc::new(Mutex::new(LogThrottle::new(WARN_INTERVAL))) }
    }

    /// The endpoint's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.endpoint.name()
    }

    /// How the model writes boxes.
    #[must_use]
    pub fn box_format(&self) -> BoxFormat {
        self.endpoint.box_format()
    }

    /// Counts parts of an accepted answer that its reader leaves out of a post for this reason.
    pub fn left_out(&self, reason: LeftOut, parts: usize) {
        self.endpoint.left_out(reason, parts);
    }

    /// The answer to a question about `subject`; none where the model says that it does not know. The answer is stored under
    /// the hash of everything that the model receives; a rejected answer is stored for `negative_ttl` with the reason. A
    /// stored answer is checked by the same rules as a new one. The picture is encoded only if it is sent.
    ///
    /// # Errors
    /// The endpoint failed after all its attempts, or its answer is rejected.
    pub async fn ask(
        &self,
        kind: Kind,
        subject: &str,
        (mut question, frame): (Question, Option<Arc<Frame>>),
    ) -> Result<Option<Arc<str>>, NoAnswer> {
        let Some(form) = AnswerFormat::of(kind) else {
            unreachable!("questions of this kind are asked by `ask_object`: {kind:?}")
        };
        question.schema = Some(AnswerSchema::Text(form.json_field()));
        let about = subject.to_owned();
        let asked = Asked {
            question,
            frames: frame.into_iter().collect(),
            reading: String::new(),
            validator: Validator::new(move |words| revalidate(form, words).ok()),
            parse: move |answer: &Answer| parse_answer(form, answer, &about),
        };
        self.record(kind, subject, asked).await
    }

    /// As [`Self::ask`], for an answer that is an object of the caller: the question says what it is in its schema, and
    /// `reader` reads it. The pictures are in the order of the question.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn ask_object(
        &self,
        kind: Kind,
        subject: &str,
        (question, frames): (Question, Vec<Arc<Frame>>),
        reader: &AnswerReader,
    ) -> Result<Option<Arc<str>>, NoAnswer> {
        let (stored, new) = (reader.clone(), reader.clone());
        let asked = Asked {
            question,
            frames,
            reading: reader.id().to_owned(),
            validator: Validator::new(move |text| stored.keeps(text).then(|| text.to_owned())),
            parse: move |answer: &Answer| parse_object(&new, answer),
        };
        self.record(kind, subject, asked).await
    }

    async fn record<P>(
        &self,
        kind: Kind,
        subject: &str,
        asked: Asked<P>,
    ) -> Result<Option<Arc<str>>, NoAnswer>
    where
        P: Fn(&Answer) -> Result<String, RejectReason> + Send + Sync + 'static,
    {
        let Asked { mut question, frames, reading, validator, parse } = asked;
        // Half of the endpoint's patience remains for asking it if another replica's answer does not arrive.
        let (begun, wait) = (Instant::now(), self.endpoint.patience() / 2);
        let hashes: Vec<ContentHash> = frames.iter().map(|frame| frame.hash).collect();
        let asked = AnswerRequest {
            kind,
            key: cache_key(kind, &self.endpoint.parameters(), &question, &hashes, &reading),
            subject: subject.to_owned(),
            model: self.endpoint.model().to_owned(),
            validator,
            wait,
        };
        let this = self.clone();
        let make = move || async move {
            for frame in &frames {
                question.pictures.push(encode_jpeg(&this.workers, frame).await);
            }
            let answer = this.endpoint.ask_since(&question, begun).await?;
            Ok::<_, NoAnswer>(this.kept(parse(&answer)))
        };
        let record = self.answers.record(&asked, make).await?;
        if record.text.is_some() {
            return Ok(record.text);
        }
        // A record without a known reason was written by another release or another program.
        match record.refused.as_deref().and_then(RejectReason::from_name).unwrap_or(RejectReason::Empty) {
            RejectReason::NotKnown => Ok(None),
            reason => Err(NoAnswer::Rejected { endpoint: self.name().into(), reason }),
        }
    }

    /// What is stored of an answer. A rejected answer is counted, and logged at intervals.
    fn kept(&self, parsed: Result<String, RejectReason>) -> NewAnswer {
        let reason = match parsed {
            Ok(text) => return NewAnswer { text: Some(text), refused: None },
            Err(reason) => reason,
        };
        self.endpoint.refused(reason.as_str());
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if reason != RejectReason::NotKnown && warned.is_due(Instant::now().into_std()) {
            warn!(
                endpoint = self.name(),
                reason = reason.as_str(),
                "a language model gave an answer that is rejected; riveg_llm_refused_total counts them by reason"
            );
        }
        NewAnswer { text: None, refused: Some(reason.as_str()) }
    }
}
