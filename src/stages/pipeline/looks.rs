//! Looks: whether and where one picture shows one phrase, by the bundle's networks or by vision models.

use crate::common::imaging::View;
use crate::domain::{Degradation, DegradedCode, Media, Phrase, Stage};
use crate::llm::cached::{Degrade, NoAnswer};
use crate::scheduler::Flow;
use crate::stages::entail::Entailer;
use crate::stages::ground::{Grounder, Located};
use crate::stages::vision::{Depiction, Look, VisionModel};
use crate::telemetry::traces::StageSpan;

use super::error::{AnnotateError, NoLook};
use super::pictures::Pictures;

/// Who answers whether and where.
pub struct Looks {
    /// Decides whether a picture shows a phrase.
    pub entailer: AnsweredBy<Entailer>,
    /// Finds the box of a phrase.
    pub grounder: AnsweredBy<Grounder>,
    /// Whether the entailer decides which pictures are grounded.
    pub gate: Gate,
    /// The least score of a network's box that becomes a region, 0 to 1.
    pub min_box_score: f32,
    /// What happens to a post for which a vision model gave no answer.
    pub degrade: Degrade,
}

/// Who answers for a stage.
pub enum AnsweredBy<N> {
    /// The bundle's network, which sees pictures in this view.
    Network(N, View),
    /// A vision model.
    Endpoint(VisionModel),
    /// Nobody: the joint network that reads whole posts has answered already.
    Nobody,
}

/// Which pictures are grounded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Gate {
    /// Those that the entailer accepts.
    #[default]
    Entailer,
    /// All, to measure what the entailer contributes.
    Open,
}

/// The gate's decision, and the probability, 0 to 1.
type Verdict = (bool, f32);

/// The result of one query: a phrase on a picture.
#[derive(Debug, Default)]
pub(super) struct QueryResult {
    /// The gate's decision; none where a vision model gave no answer.
    pub(super) verdict: Option<Verdict>,
    /// Where it is, if anywhere.
    pub(super) located: Option<Located>,
    /// The score of a box that is too low.
    pub(super) dropped_box_score: Option<f32>,
    /// Why a vision model gave no answer, where the settings allow that.
    pub(super) fault: Option<NoAnswer>,
}

/// The spans of the two stages of one post.
pub(super) struct LookSpans {
    pub(super) entail: StageSpan,
    pub(super) ground: StageSpan,
}

impl Looks {
    /// Whether a network's prompt has a place for the picture's caption.
    pub(super) fn read_captions(&self) -> bool {
        let gate = matches!(&self.entailer, AnsweredBy::Network(entailer, _) if entailer.reads_captions());
        gate || matches!(&self.grounder, AnsweredBy::Network(grounder, _) if grounder.reads_captions())
    }

    /// Whether a picture with a caption, which may be empty, shows a phrase, and if so, where.
    pub(super) async fn query(
        &self,
        (flow, LookSpans { entail, ground }): (Flow, &LookSpans),
        phrase: &Phrase,
        (picture, pictures): ((&Media, &str), &Pictures),
    ) -> Result<QueryResult, AnnotateError> {
        if let Some(model) = self.one_model() {
            let found = ground.during(model.look(Look::Both, phrase, &picture.0.frame)).await;
            let found = self.accept(Stage::Ground, found)?;
            return Ok(match found {
                Ok(found) => QueryResult {
                    verdict: Some(verdict(found)),
                    located: located(found, picture.0),
                    ..QueryResult::default()
                },
                Err(fault) => QueryResult { fault: Some(fault), ..QueryResult::default() },
            });
        }
        let verdict = match self.gate {
            Gate::Entailer => {
                let of_span = flow.of_span(entail.context());
                match entail.during(self.verdict(of_span, phrase, (picture, pictures))).await? {
                    Ok(Some(verdict)) => verdict,
                    Ok(None) => return Ok(QueryResult::default()),
                    Err(fault) => return Ok(QueryResult { fault: Some(fault), ..QueryResult::default() }),
                }
            }
            Gate::Open => (true, 1.0),
        };
        let mut result = QueryResult { verdict: Some(verdict), ..QueryResult::default() };
        if verdict.0 {
            let of_span = flow.of_span(ground.context());
            match ground.during(self.locate(of_span, phrase, (picture, pictures))).await? {
                Ok(located) => result.located = located,
                Err(fault) => result.fault = Some(fault),
            }
        }
        let dropped = result.located.take_if(|located| located.likelihood < self.min_box_score);
        result.dropped_box_score = dropped.map(|located| located.likelihood);
        Ok(result)
    }

    /// Asks the gate; none where nobody is asked. The inner error is a vision model without an answer, where the settings
    /// allow that.
    pub(super) async fn verdict(
        &self,
        flow: Flow,
        phrase: &Phrase,
        (picture, pictures): ((&Media, &str), &Pictures),
    ) -> Result<Result<Option<Verdict>, NoAnswer>, AnnotateError> {
        let (media, caption) = picture;
        match &self.entailer {
            AnsweredBy::Network(entailer, view) => {
                let picture = pictures.resized(&media.frame, *view).await;
                Ok(Ok(Some(entailer.depicts(flow, (&picture, caption), phrase).await?)))
            }
            AnsweredBy::Endpoint(model) => {
                let found = model.look(Look::Entail, phrase, &media.frame).await;
                Ok(self.accept(Stage::Entail, found)?.map(|found| Some(verdict(found))))
            }
            AnsweredBy::Nobody => Ok(Ok(None)),
        }
    }

    /// Asks the grounder; none where a vision model says that the picture does not show it, and where nobody is asked. The
    /// inner error is as with [`Self::verdict`].
    pub(super) async fn locate(
        &self,
        flow: Flow,
        phrase: &Phrase,
        (picture, pictures): ((&Media, &str), &Pictures),
    ) -> Result<Result<Option<Located>, NoAnswer>, AnnotateError> {
        let (media, caption) = picture;
        match &self.grounder {
            AnsweredBy::Network(grounder, view) => {
                let picture = pictures.resized(&media.frame, *view).await;
                Ok(Ok(Some(grounder.locate(flow, (&picture, caption), phrase).await?)))
            }
            AnsweredBy::Endpoint(model) => {
                let found = model.look(Look::Ground, phrase, &media.frame).await;
                Ok(self.accept(Stage::Ground, found)?.map(|found| located(found, media)))
            }
            AnsweredBy::Nobody => Ok(Ok(None)),
        }
    }

    /// The model that answers for both stages, in one question.
    fn one_model(&self) -> Option<&VisionModel> {
        match (&self.entailer, &self.grounder) {
            (AnsweredBy::Endpoint(gate), AnsweredBy::Endpoint(grounder))
                if self.gate == Gate::Entailer && gate.name() == grounder.name() =>
            {
                Some(grounder)
            }
            _ => None,
        }
    }

    /// Passes a missing answer on where the post is published without it.
    fn accept<T>(&self, stage: Stage, found: Result<T, NoAnswer>) -> Result<Result<T, NoAnswer>, NoLook> {
        match found {
            Err(source) if self.degrade == Degrade::DeadLetter => Err(NoLook { stage, source }),
            found => Ok(found),
        }
    }
}

fn verdict(found: Depiction) -> Verdict {
    (found.is_shown(), found.shown)
}

/// A vision model gives no likelihood, so it is 1.
fn located(found: Depiction, media: &Media) -> Option<Located> {
    let bbox = found.bbox(&media.frame)?;
    Some(Located { bbox, likelihood: 1.0, outline: None })
}

/// The note on pairs of entity and picture without an answer; none if all have one. The first fault stands for all.
pub(super) fn unanswered<'a>(results: impl Iterator<Item = &'a QueryResult>) -> Option<Degradation> {
    let faults: Vec<&NoAnswer> = results.filter_map(|result| result.fault.as_ref()).collect();
    let first = faults.first()?;
    let pairs = match faults.len() {
        1 => "1 pair of entity and picture was".to_owned(),
        count => format!("{count} pairs of entity and picture were"),
    };
    Some(DegradedCode::NotJudged.because(format!("{pairs} not judged: {first}")))
}
