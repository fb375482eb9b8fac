//! Merging: a text that was read beside several pictures has one list of entities, each with a look at every picture.

use std::ops::Range;

use super::{Candidate, Found};

/// An entity of a text, and what the network says of each picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// Which words.
    pub words: Range<usize>,
    /// The type, as an index into those of the bundle.
    pub entity_type: usize,
    /// The highest probability of the type beside any picture.
    pub score: f32,
    /// One for each picture.
    pub looks: Vec<JointLook>,
}

/// What the network says of an entity and a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JointLook {
    /// The probability that the picture shows it; 0 where the entity was not found beside this picture.
    pub shown: f32,
    /// The likeliest region and its score.
    pub region: Option<(Candidate, f32)>,
}

/// The entities of a text from its readings beside each of its pictures, whose `candidates` are given, or from one without a
/// picture. Of entities of different readings that overlap, the surest stays; where it has the same words in another
/// reading, that reading's look counts for its picture.
#[must_use]
pub fn merged(readings: &[Vec<Found>], candidates: &[&[Candidate]]) -> Vec<Read> {
    let mut all: Vec<&Found> = readings.iter().flatten().collect();
    all.sort_by(|one, other| other.certainty.total_cmp(&one.certainty));
    let mut kept: Vec<&Found> = Vec::new();
    for found in all {
        let overlaps =
            |other: &&Found| other.words.start < found.words.end && found.words.start < other.words.end;
        if !kept.iter().any(overlaps) {
            kept.push(found);
        }
    }
    kept.sort_by_key(|found| found.words.start);
    let look = |(reading, candidates): (&Vec<Found>, &&[Candidate]), words: &Range<usize>| {
        let found = reading.iter().find(|found| found.words == *words);
        let region = found.and_then(|found| {
            let (number, score) = found.region?;
            Some((*candidates.get(number)?, score))
        });
        JointLook { shown: found.map_or(0.0, |found| found.shown), region }
    };
    kept.into_iter()
        .map(|found| Read {
            words: found.words.clone(),
            entity_type: found.entity_type,
            score: found.score,
            looks: readings.iter().zip(candidates).map(|beside| look(beside, &found.words)).collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOXES: [Candidate; 2] = [[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0]];
    const OTHERS: [Candidate; 2] = [[0.0, 0.0, 1.0, 0.5], [0.2, 0.5, 1.0, 0.9]];

    fn found(words: Range<usize>, entity_type: usize, score: f32, region: usize) -> Found {
        let certainty = (score / (1.0 - score)).ln();
        Found { words, entity_type, score, certainty, shown: score / 2.0, region: Some((region, 0.5)) }
    }

    #[test]
    fn each_entity_has_a_look_at_each_picture() {
        let readings = [
            vec![found(0..2, 1, 0.8, 0), found(4..5, 2, 0.6, 1)],
            vec![found(0..2, 3, 0.9, 1), found(4..6, 2, 0.5, 0)],
        ];
        let read = merged(&readings, &[&BOXES, &OTHERS]);
        let shown = |one: &Read| one.looks.iter().map(|look| look.shown).collect::<Vec<_>>();
        assert_eq!(read.len(), 2);
        assert_eq!((&read[0].words, read[0].entity_type, read[0].score), (&(0..2), 3, 0.9));
        assert_eq!(shown(&read[0]), [0.4, 0.45]);
        assert_eq!(read[0].looks[1].region, Some((OTHERS[1], 0.5)));
        assert_eq!((&read[1].words, shown(&read[1])), (&(4..5), vec![0.3, 0.0]));
        assert_eq!(read[1].looks[1].region, None, "beside that picture it was not found");
    }

    #[test]
    fn without_a_picture_there_is_no_look() {
        let reading = Found { region: None, ..found(1..2, 0, 0.7, 0) };
        let read = merged(&[vec![reading]], &[]);
        assert_eq!((read.len(), read[0].looks.len()), (1, 0));
        assert_eq!(merged(&[], &[]), []);
    }
}
