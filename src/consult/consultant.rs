//! Who is asked, and where are answers kept? One endpoint behind the cache of all answers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::encoded::encoded;
use super::key;
use crate::cache::answers::{Answers, Asked, Believe, Kind, Made};
use crate::domain::Frame;
use crate::llm::{Answer, Endpoint, Finish, LlmError, Question};

/// What of an answer is believed; nothing: as if the model had said that it does not know.
pub type Accept = fn(&Answer, &str) -> Option<String>;

/// An endpoint that is asked each question once.
#[derive(Clone)]
pub struct Consultant {
    endpoint: Endpoint,
    answers: Answers,
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

impl Consultant {
    /// Asks `endpoint` what `answers` do not hold.
    #[must_use]
    pub fn new(endpoint: Endpoint, answers: Answers) -> Self {
        Self { endpoint, answers }
    }

    /// The endpoint's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.endpoint.name()
    }

    /// What the model says, as far as `accept` believes it, which is given the answer and the `subject` that the question
    /// is about; kept under the hash of all that the model was given. What was kept is believed as if the model had just
    /// said it. The picture is encoded only where it is sent.
    ///
    /// # Errors
    /// The endpoint's, after all its attempts.
    pub async fn ask(
        &self,
        kind: Kind,
        subject: &str,
        (mut question, seen): (Question, Option<Arc<Frame>>),
        accept: Accept,
    ) -> Result<Option<Arc<str>>, LlmError> {
        // Half of the endpoint's patience is left for asking it where another replica's answer does not come.
        let (begun, wait) = (Instant::now(), self.endpoint.patience() / 2);
        let asked = Asked {
            kind,
            key: key(kind, &self.endpoint.parameters(), &question, seen.as_ref().map(|frame| frame.hash)),
            subject: subject.to_owned(),
            model: self.endpoint.model().to_owned(),
            believe: kept(subject, accept),
            wait,
        };
        let (endpoint, about) = (self.endpoint.clone(), subject.to_owned());
        let make = move || async move {
            if let Some(frame) = &seen {
                question.picture = Some(encoded(frame).await);
            }
            let answer = endpoint.ask_since(&question, begun).await?;
            Ok(Made { text: accept(&answer, &about) })
        };
        self.answers.get_or_ask(&asked, make).await
    }
}

/// Kept words as an answer that has just been given.
fn kept(subject: &str, accept: Accept) -> Believe {
    let subject = subject.to_owned();
    Believe::new(move |words| {
        let answer = Answer { text: words.to_owned(), finish: Finish::Stop, tokens_in: 0, tokens_out: 0 };
        accept(&answer, &subject)
    })
}
