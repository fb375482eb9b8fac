//! Who is asked, and where are answers kept? One endpoint behind the cache of all answers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tracing::warn;

use super::encoded::encoded;
use super::{Form, NoAnswer, Refusal, believable, believed, key};
use crate::common::imaging::Workers;
use crate::domain::Frame;
use crate::llm::answers::{Answers, Asked, Believe, Kind, Made};
use crate::llm::client::{Answer, Endpoint, Question};
use crate::telemetry::LogThrottle;

/// Between two warnings that a model's answers are not believed: a model that answers wrongly does so all the time.
const WARNED: Duration = Duration::from_secs(60);

/// An endpoint that is asked each question once.
#[derive(Clone)]
pub struct CachedEndpoint {
    endpoint: Endpoint,
    answers: Answers,
    workers: Workers,
    warned: Arc<Mutex<LogThrottle>>,
}

/// What becomes of a post for which a language model gave no answer after all attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Degrade {
    /// It is answered without, and its provenance says so.
    #[default]
    PublishWithout,
    /// It goes to the dead-letter topic.
    DeadLetter,
}

impl CachedEndpoint {
    /// Asks `endpoint` what `answers` do not hold; pictures are encoded by `workers`.
    #[must_use]
    pub fn new(endpoint: Endpoint, answers: Answers, workers: Workers) -> Self {
        endpoint.know_refusals(&Refusal::ALL.map(Refusal::as_str));
        Self { endpoint, answers, workers, warned: Arc::new(Mutex::new(LogThrottle::new(WARNED))) }
    }

    /// The endpoint's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.endpoint.name()
    }

    /// What the model says of the `subject` that the question is about, as far as it is believed; nothing where the model
    /// says that it does not know. Kept under the hash of all that the model was given, and where it is not believed, for
    /// the short time with the reason. What was kept is judged by the same rules. The picture is encoded only where it is
    /// sent.
    ///
    /// # Errors
    /// The endpoint's, after all its attempts, or why its answer is not believed.
    pub async fn ask(
        &self,
        kind: Kind,
        subject: &str,
        (mut question, seen): (Question, Option<Arc<Frame>>),
    ) -> Result<Option<Arc<str>>, NoAnswer> {
        let form = Form::of(kind);
        // Half of the endpoint's patience is left for asking it where another replica's answer does not come.
        let (begun, wait) = (Instant::now(), self.endpoint.patience() / 2);
        let asked = Asked {
            kind,
            key: key(kind, &self.endpoint.parameters(), &question, seen.as_ref().map(|frame| frame.hash)),
            subject: subject.to_owned(),
            model: self.endpoint.model().to_owned(),
            believe: Believe::new(move |words| believable(form, words).ok()),
            wait,
        };
        question.field = Some(form.field());
        let (this, about) = (self.clone(), subject.to_owned());
        let make = move || async move {
            if let Some(frame) = &seen {
                question.picture = Some(encoded(&this.workers, frame).await);
            }
            let answer = this.endpoint.ask_since(&question, begun).await?;
            Ok::<_, NoAnswer>(this.made(form, &answer, &about))
        };
        let record = self.answers.record(&asked, make).await?;
        if record.text.is_some() {
            return Ok(record.text);
        }
        // A record without a reason that is known was written by another release, or by somebody else.
        match record.refused.as_deref().and_then(Refusal::named).unwrap_or(Refusal::Empty) {
            Refusal::NotKnown => Ok(None),
            refusal => Err(NoAnswer::Refused { endpoint: self.name().into(), refusal }),
        }
    }

    /// What is kept of an answer. One that is not believed is counted, and told in the log once in a while.
    fn made(&self, form: Form, answer: &Answer, subject: &str) -> Made {
        let refusal = match believed(form, answer, subject) {
            Ok(text) => return Made { text: Some(text), refused: None },
            Err(refusal) => refusal,
        };
        self.endpoint.refused(refusal.as_str());
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if refusal != Refusal::NotKnown && warned.is_due(Instant::now().into_std()) {
            warn!(
                endpoint = self.name(),
                reason = refusal.as_str(),
                "a language model gave an answer that is not believed; riveg_llm_refused_total counts them by reason"
            );
        }
        Made { text: None, refused: Some(refusal.as_str()) }
    }
}
