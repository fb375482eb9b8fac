//! Depictions: whether and where a picture shows a phrase, as a vision model said it and the answer cache stores it.

use serde::{Deserialize, Serialize};

use super::box_rule::{BoxRule, bbox, is_box};
use super::shapes::Said;
use crate::domain::{BBox, Frame};
use crate::llm::answers::Kind;
use crate::llm::cached::RejectReason;

/// What is asked about a phrase and a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Whether the picture shows it.
    Entail,
    /// Where.
    Ground,
    /// Whether and where.
    Both,
}

impl Look {
    /// The kind of its answers in the cache.
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Entail => Kind::Entailment,
            Self::Ground => Kind::Grounding,
            Self::Both => Kind::Depiction,
        }
    }
}

/// Whether and where a picture shows a phrase.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Depiction {
    /// Whether the picture shows it: 0, 0.5 for `maybe`, or 1. Models give no probability.
    pub shown: f32,
    /// Left, top, right, bottom as fractions of the picture, 0 to 1; none where it is not shown or was not asked for.
    #[serde(rename = "box")]
    pub fractions: Option<[f64; 4]>,
}

impl Depiction {
    /// Nothing is shown.
    pub(super) const ABSENT: Self = Self { shown: 0.0, fractions: None };

    /// What an answer to this question means. The first box counts: models write the best first.
    ///
    /// # Errors
    /// The answer lacks what was asked for, or its box is not valid.
    pub(super) fn of(look: Look, said: &Said, rule: BoxRule) -> Result<Self, RejectReason> {
        let first = said.boxes.as_ref().and_then(|boxes| boxes.first());
        let implied = said.boxes.as_ref().map(|boxes| f32::from(u8::from(!boxes.is_empty())));
        let shown = said.shown.or(implied).ok_or(RejectReason::Json)?;
        if shown == 0.0 {
            return Ok(Self::ABSENT);
        }
        let fractions = match (look, first) {
            (Look::Entail, _) => None,
            (Look::Ground | Look::Both, Some(numbers)) => Some(rule.fractions(numbers)?),
            (Look::Ground | Look::Both, None) => return Err(RejectReason::Box),
        };
        Ok(Self { shown, fractions })
    }

    /// A stored depiction; none if it is not one that [`Self::of`] gives for a picture of this size.
    pub(super) fn from_stored(look: Look, stored: &str, original: (u32, u32)) -> Option<Self> {
        let found: Self = serde_json::from_str(stored).ok()?;
        let is_verdict = [0.0, 0.5, 1.0].contains(&found.shown);
        let has_box = found.fractions.is_some();
        let fits = has_box == (look != Look::Entail && found.shown > 0.0);
        let is_valid = found.fractions.is_none_or(|fractions| is_box(fractions, original));
        (is_verdict && fits && is_valid).then_some(found)
    }

    /// Its JSON.
    pub(super) fn to_json(self) -> String {
        match serde_json::to_string(&self) {
            Ok(json) => json,
            Err(error) => unreachable!("numbers are always JSON: {error}"),
        }
    }

    /// Whether the picture shows it, `maybe` included.
    #[must_use]
    pub fn is_shown(self) -> bool {
        self.shown > 0.0
    }

    /// The box in pixels of the upright picture.
    #[must_use]
    pub fn bbox(self, frame: &Frame) -> Option<BBox> {
        Some(bbox(self.fractions?, frame))
    }
}

#[cfg(test)]
mod tests {
    use super::super::shapes;
    use super::*;
    use crate::llm::client::BoxFormat;

    const RULE: BoxRule = BoxRule { format: BoxFormat::Thousand, sent: (100, 50), original: (200, 100) };

    fn of(look: Look, text: &str) -> Result<Depiction, RejectReason> {
        Depiction::of(look, &shapes::read(text)?, RULE)
    }

    #[test]
    fn each_question_takes_what_it_asked_for() {
        let box_of = |shown| Depiction { shown, fractions: Some([0.1, 0.2, 0.3, 0.4]) };
        let gate = |shown| Depiction { shown, fractions: None };
        for (look, text, expected) in [
            (Look::Entail, r#"{"shown": "yes"}"#, Ok(gate(1.0))),
            (Look::Entail, r#"{"shown": "maybe"}"#, Ok(gate(0.5))),
            (Look::Entail, "[[100, 200, 300, 400]]", Ok(gate(1.0))),
            (Look::Entail, "[]", Ok(Depiction::ABSENT)),
            (Look::Ground, "[[100, 200, 300, 400], [0, 0, 9999, 9999]]", Ok(box_of(1.0))),
            (Look::Ground, "[]", Ok(Depiction::ABSENT)),
            (Look::Ground, "no", Ok(Depiction::ABSENT)),
            (Look::Ground, "yes", Err(RejectReason::Box)),
            (Look::Both, r#"{"shown": "maybe", "box": [100, 200, 300, 400]}"#, Ok(box_of(0.5))),
            (Look::Both, r#"{"shown": "no", "box": [0, 0, 0, 0]}"#, Ok(Depiction::ABSENT)),
            (Look::Both, r#"{"shown": "yes", "box": []}"#, Err(RejectReason::Box)),
            (Look::Both, r#"{"shown": "yes", "box": [0, 0, 0, 0]}"#, Err(RejectReason::Box)),
        ] {
            assert_eq!(of(look, text), expected, "{text}");
        }
    }

    #[test]
    fn a_stored_depiction_is_used_only_if_it_is_one() {
        for (look, text) in
            [(Look::Entail, "yes"), (Look::Both, "[100, 200, 300, 400]"), (Look::Ground, "[]")]
        {
            let found = of(look, text).unwrap();
            assert_eq!(Depiction::from_stored(look, &found.to_json(), RULE.original), Some(found));
        }
        for (look, stored) in [
            (Look::Entail, r#"{"shown": 0.7, "box": null}"#),
            (Look::Entail, r#"{"shown": 1.0, "box": [0.1, 0.1, 0.9, 0.9]}"#),
            (Look::Both, r#"{"shown": 1.0, "box": null}"#),
            (Look::Both, r#"{"shown": 0.0, "box": [0.1, 0.1, 0.9, 0.9]}"#),
            (Look::Both, r#"{"shown": 1.0, "box": [0.9, 0.1, 0.1, 0.9]}"#),
            (Look::Both, r#"{"shown": 1.0, "box": [0.1, 0.1, 1.9, 0.9]}"#),
            (Look::Both, "yes"),
        ] {
            assert_eq!(Depiction::from_stored(look, stored, RULE.original), None, "{stored}");
        }
    }

    #[test]
    fn fractions_become_pixels_of_the_upright_picture() {
        let hash = crate::domain::ContentHash([0; 32]);
        let frame = Frame { hash, width: 200, height: 100, orientation: 1, reduced: 1, rgb: Vec::new() };
        let found = of(Look::Ground, "[100, 200, 300, 400]").unwrap();
        assert_eq!(found.bbox(&frame), Some(BBox { x0: 20.0, y0: 20.0, x1: 60.0, y1: 40.0 }));
        assert_eq!(Depiction::ABSENT.bbox(&frame), None);
    }
}
