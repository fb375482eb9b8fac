//! Scores by entity type: names, boxes and masks of each type alone.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::lab::dataset::{GoldPost, PredictedMention};

use super::Counts;
use super::rules::Rules;
use super::scores::{Score, Scores};

/// The typed scores of each type, by its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct TypeScores(BTreeMap<String, OfType>);

/// The scores of one type. A prediction counts for its own type, gold for its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct OfType {
    mner: Counts,
    gmner: Option<Counts>,
    smner: Option<Counts>,
}

impl TypeScores {
    /// Counts all posts; `total` says which scores they have.
    #[must_use]
    pub fn count<'posts>(
        posts: impl IntoIterator<Item = (&'posts GoldPost, &'posts [PredictedMention])>,
        rules: Rules,
        total: &Scores,
    ) -> Self {
        let mut types = Self::default();
        let scored = [Score::Mner, Score::Gmner, Score::Smner].into_iter();
        let scored: Vec<Score> = scored.filter(|&score| total.get(score).is_some()).collect();
        for (gold, predicted) in posts {
            for &score in &scored {
                for mention in &gold.mentions {
                    types.add(mention.entity_type.as_str(), score, [0, 1, 0]);
                }
                let pairs = score.pairs(gold, predicted, rules).unwrap_or_default();
                for (mention, pair) in predicted.iter().zip(pairs) {
                    types.add(mention.entity_type.as_str(), score, [1, 0, u64::from(pair.is_some())]);
                }
            }
        }
        types
    }

    fn add(&mut self, name: &str, score: Score, [predicted, gold, right]: [u64; 3]) {
        let of_type = self.0.entry(name.to_owned()).or_insert(OfType {
            mner: Counts::default(),
            gmner: None,
            smner: None,
        });
        let counts = match score {
            Score::Gmner => of_type.gmner.get_or_insert_default(),
            Score::Smner => of_type.smner.get_or_insert_default(),
            _ => &mut of_type.mner,
        };
        *counts += Counts { predicted, gold, right };
    }
}

impl TypeScores {
    /// Each type's name, the name of a score, and its counts.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &'static str, Counts)> {
        self.0.iter().flat_map(|(name, of_type)| {
            let scores = [("MNER", Some(of_type.mner)), ("GMNER", of_type.gmner), ("SMNER", of_type.smner)];
            scores.into_iter().filter_map(move |(score, counts)| Some((name.as_str(), score, counts?)))
        })
    }
}

impl fmt::Display for TypeScores {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "type          score   precision   recall       F1    predicted     gold    right"
        )?;
        for (name, score, counts) in self.rows() {
            writeln!(formatter, "{name:<12}  {score:<6}  {}", counts.columns())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::EntityType;
    use crate::lab::dataset::GoldMention;

    #[test]
    fn types_add_up_to_the_total() {
        let gold = |text: &str, name: &str| GoldMention {
            text: text.into(),
            entity_type: EntityType::new(name),
            span: None,
            regions: Vec::new(),
        };
        let said = |text: &str, name: &str| PredictedMention {
            text: text.into(),
            entity_type: EntityType::new(name),
            span: None,
            gate: None,
            regions: Vec::new(),
        };
        let mentions = vec![gold("Ann", "PER"), gold("Oslo", "LOC"), gold("Bo", "PER")];
        let post = GoldPost { id: "p".into(), text: String::new(), mentions, grounded: true };
        let predicted = [said("Ann", "PER"), said("Oslo", "ORG"), said("Bo", "PER")];
        let posts = [(&post, predicted.as_slice())];
        let total = Scores::count(posts, Rules::RIVEG);
        let types = TypeScores::count(posts, Rules::RIVEG, &total);
        let counts = |name: &str| types.0[name].mner;
        assert_eq!(counts("PER"), Counts { predicted: 2, gold: 2, right: 2 });
        assert_eq!(counts("LOC"), Counts { predicted: 0, gold: 1, right: 0 });
        assert_eq!(counts("ORG"), Counts { predicted: 1, gold: 0, right: 0 });
        assert_eq!(counts("PER").plus(counts("LOC")).plus(counts("ORG")), total.mner);
        assert!(types.to_string().contains("PER           GMNER      1.0000"), "{types}");
    }
}
