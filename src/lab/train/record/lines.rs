//! Figures of a training: a JSON object for each step and for each validation.

use serde::{Deserialize, Serialize};

use crate::lab::train::training_loop::{Taken, Validation};

/// A step or a validation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Line {
    /// Steps taken.
    pub(super) step: i64,
    /// When, in seconds since 1970.
    pub(super) time: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) loss: Option<f64>,
    /// The norm of all gradients before clipping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) norm: Option<f64>,
    /// The learning rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rate: Option<f64>,
    /// The score on development data by which weights are chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) score: Option<f64>,
    /// The name of the score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
}

impl Line {
    pub(super) fn of_step(taken: &Taken, time: f64) -> Self {
        let Taken { step, loss, norm, rate, .. } = *taken;
        Self { step, time, loss: Some(loss), norm: Some(norm), rate: Some(rate), ..Self::default() }
    }

    pub(super) fn of_validation(step: i64, validation: &Validation, time: f64) -> Self {
        let (name, score) = validation.score.unzip();
        Self { step, time, score, name: name.map(str::to_owned), ..Self::default() }
    }

    /// The line, with its end.
    pub(super) fn json(&self) -> String {
        match serde_json::to_string(self) {
            Ok(json) => json + "\n",
            Err(error) => unreachable!("numbers and a name can be written: {error}"),
        }
    }
}

/// The lines of a file. A killed process may have left the last one unfinished; it is left out.
pub(super) fn parse(text: &str) -> Vec<Line> {
    text.lines().map_while(|line| serde_json::from_str(line).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_and_an_unfinished_last_one_is_left_out() {
        let step = Line {
            step: 3,
            time: 1.5,
            loss: Some(2.25),
            norm: Some(0.5),
            rate: Some(1e-4),
            ..Line::default()
        };
        let score =
            Line { step: 3, time: 1.75, score: Some(0.5), name: Some("F1".to_owned()), ..Line::default() };
        let text = step.json() + &score.json();
        assert_eq!(parse(&text), [step.clone(), score]);
        assert_eq!(parse(&text[..text.len() - 5]), [step]);
        assert!(text.lines().next().unwrap().starts_with("{\"step\":3,\"time\":1.5,\"loss\":2.25"), "{text}");
    }
}
