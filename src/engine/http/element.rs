//! Elements: the answer to one record as JSON.

use std::time::SystemTime;

use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Problem;
use crate::engine::EventAnswer;
use crate::kafka::publish::Annotated;
use crate::kafka::publish::formats::{AnswerTimes, Encoder};

/// The answer to one record.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Element {
    /// An object, or an array where the record says several things or answers are lists of triples.
    pub(super) json: Vec<u8>,
    /// Why it is refused, where the record says one thing and that is refused.
    pub(super) problem: Option<Problem>,
}

/// The answer to a record that deletes a post.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Deleted {
    /// The id of the post.
    deleted: String,
}

/// The answer to a record that says nothing that needs an answer, such as a keep-alive.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Skipped {
    /// Always true.
    skipped: bool,
}

/// How answers are written.
#[derive(Debug, Clone)]
pub(super) struct Writing {
    pub(super) encoder: Encoder,
    /// One post has several values.
    pub(super) has_lists: bool,
    pub(super) ingested: SystemTime,
}

impl Element {
    /// The answers to everything that a record says.
    pub(super) fn of(answers: &[EventAnswer], writing: &Writing) -> Self {
        if let [EventAnswer::Rejected(rejection)] = answers {
            return Problem::of_rejection(rejection).into();
        }
        let values: Vec<Vec<u8>> = answers.iter().flat_map(|answer| values(answer, writing)).collect();
        let json = match (answers, &values[..]) {
            ([], _) => skipped(),
            ([EventAnswer::Deleted { .. } | EventAnswer::Skipped], [value]) => value.clone(),
            (_, [value]) if answers.len() == 1 && !writing.has_lists => value.clone(),
            (_, values) => [b"[", &values.join(&b',')[..], b"]"].concat(),
        };
        Self { json, problem: None }
    }

    /// The same as a line of a list in the order of completion.
    pub(super) fn with_index(&self, index: usize) -> Vec<u8> {
        [format!("{{\"index\":{index},\"answer\":").as_bytes(), &self.json, b"}"].concat()
    }
}

impl From<Problem> for Element {
    fn from(problem: Problem) -> Self {
        Self { json: problem.json(), problem: Some(problem) }
    }
}

fn values(answer: &EventAnswer, writing: &Writing) -> Vec<Vec<u8>> {
    match answer {
        EventAnswer::Annotated(annotated) => encoded(annotated, writing),
        EventAnswer::Rejected(rejection) => vec![Problem::of_rejection(rejection).json()],
        EventAnswer::Deleted { id } => vec![json(&Deleted { deleted: id.clone() })],
        EventAnswer::Skipped => vec![skipped()],
    }
}

fn encoded(annotated: &Annotated, writing: &Writing) -> Vec<Vec<u8>> {
    let times = AnswerTimes { ingested: writing.ingested, published: SystemTime::now() };
    writing.encoder.encode(annotated, times).into_iter().map(|record| record.value.to_vec()).collect()
}

fn skipped() -> Vec<u8> {
    json(&Skipped { skipped: true })
}

fn json(value: &impl Serialize) -> Vec<u8> {
    match serde_json::to_vec(value) {
        Ok(json) => json,
        Err(error) => unreachable!("strings and booleans always become JSON: {error}"),
    }
}

/// The word for an answer in metrics.
pub(super) fn kind(answer: &EventAnswer) -> &'static str {
    match answer {
        EventAnswer::Annotated(_) => "annotated",
        EventAnswer::Rejected(_) => "rejected",
        EventAnswer::Deleted { .. } => "deleted",
        EventAnswer::Skipped => "skipped",
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::domain::{Rejection, RejectionClass};

    fn text(answers: &[EventAnswer], has_lists: bool) -> String {
        let writing = Writing { has_lists, ..samples::writing() };
        String::from_utf8(Element::of(answers, &writing).json).unwrap()
    }

    fn rejected() -> EventAnswer {
        let (stage, class) = ("decode", RejectionClass::Malformed);
        EventAnswer::Rejected(Rejection { stage, class, message: "no id".to_owned() })
    }

    fn annotated(id: &str) -> EventAnswer {
        EventAnswer::Annotated(Box::new(samples::annotated(id)))
    }

    #[test]
    fn one_post_is_one_object_and_several_are_a_list() {
        assert_eq!(text(&[annotated("7")], false), r#"{"post":"7"}"#);
        assert_eq!(text(&[annotated("7")], true), r#"[{"post":"7"}]"#);
        assert_eq!(
            text(&[annotated("7"), EventAnswer::Skipped], false),
            r#"[{"post":"7"},{"skipped":true}]"#
        );
        assert_eq!(text(&[], false), r#"{"skipped":true}"#);
        for has_lists in [false, true] {
            let deleted = EventAnswer::Deleted { id: "a\"b".to_owned() };
            assert_eq!(text(&[deleted], has_lists), r#"{"deleted":"a\"b"}"#);
        }
    }

    #[test]
    fn a_refusal_is_a_problem_wherever_it_stands() {
        let alone = Element::of(&[rejected()], &samples::writing());
        assert_eq!(alone.problem.map(|problem| problem.status().as_u16()), Some(422));
        let among = Element::of(&[rejected(), annotated("7")], &samples::writing());
        assert_eq!(among.problem, None, "the other post is answered");
        let told = String::from_utf8(among.json).unwrap();
        assert!(
            told.starts_with("[{\"type\":\"urn:riveg:problem:malformed\"")
                && told.ends_with("{\"post\":\"7\"}]"),
            "{told}"
        );
    }

    #[test]
    fn an_answer_out_of_order_says_whose_it_is() {
        let element = Element::of(&[EventAnswer::Skipped], &samples::writing());
        assert_eq!(element.with_index(3), br#"{"index":3,"answer":{"skipped":true}}"#);
    }
}
