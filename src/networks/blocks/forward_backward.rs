//! Forward-backward algorithm of a linear chain: how probable each label is at each word, given the whole text.
//!
//! It sums probabilities that are scaled anew at each word, which takes an exponential for each label of a word. Sums of
//! logarithms take one for each pair of labels; they are used only where scores lie so far apart that probabilities vanish.

/// The parameters of a chain: scores of the first label, of the last, and `step[from * labels + to]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scores<'a> {
    pub(super) start: &'a [f32],
    pub(super) end: &'a [f32],
    pub(super) step: &'a [f32],
}

/// The least sum that is divided by. What has vanished beside it, below 1e-308, is then less than 1e-100 of it.
const LEAST_SUM: f64 = 1e-200;

/// The probability of each label at each word, laid out as `emissions`: a score for each label, word by word. Anything
/// after the last whole word is not read.
pub(super) fn posteriors(scores: Scores<'_>, emissions: &[f32]) -> Vec<f32> {
    let labels = scores.start.len();
    let words = emissions.len() / labels;
    let emissions = &emissions[..words * labels];
    if words == 0 {
        return Vec::new();
    }
    by_probabilities(scores, emissions).unwrap_or_else(|| by_logarithms(scores, emissions))
}

/// None where a sum vanishes, or is no number.
fn by_probabilities(scores: Scores<'_>, emissions: &[f32]) -> Option<Vec<f32>> {
    let labels = scores.start.len();
    let exponentials =
        |scores: &[f32]| -> Vec<f64> { scores.iter().map(|&score| f64::from(score).exp()).collect() };
    let (start, end, step) =
        (exponentials(scores.start), exponentials(scores.end), exponentials(scores.step));
    let mut emitted = Vec::with_capacity(emissions.len());
    for word in emissions.chunks_exact(labels) {
        let largest = word.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        emitted.extend(word.iter().map(|&score| (f64::from(score) - f64::from(largest)).exp()));
    }

    let mut reached = start;
    let mut forward = Vec::with_capacity(emissions.len());
    for word in emitted.chunks_exact(labels) {
        reached.iter_mut().zip(word).for_each(|(reached, emitted)| *reached *= emitted);
        scale(&mut reached)?;
        forward.extend_from_slice(&reached);
        let before = std::mem::replace(&mut reached, vec![0.0; labels]);
        for (from, row) in before.iter().zip(step.chunks_exact(labels)) {
            reached.iter_mut().zip(row).for_each(|(reached, step)| *reached += from * step);
        }
    }

    let mut posteriors = vec![0.0; emissions.len()];
    let mut backward = end;
    for (word, posteriors) in posteriors.chunks_exact_mut(labels).enumerate().rev() {
        let here = word * labels..(word + 1) * labels;
        scale(&mut backward)?;
        let mut both: Vec<f64> =
            forward[here.clone()].iter().zip(&backward).map(|(before, after)| before * after).collect();
        scale(&mut both)?;
        posteriors.iter_mut().zip(both).for_each(|(posterior, share)| *posterior = share as f32);
        backward.iter_mut().zip(&emitted[here]).for_each(|(after, emitted)| *after *= emitted);
        backward = step
            .chunks_exact(labels)
            .map(|row| row.iter().zip(&backward).map(|(step, after)| step * after).sum())
            .collect();
    }
    Some(posteriors)
}

/// Divides numbers by their sum.
fn scale(numbers: &mut [f64]) -> Option<()> {
    let sum: f64 = numbers.iter().sum();
    if !(sum.is_finite() && sum > LEAST_SUM) {
        return None;
    }
    numbers.iter_mut().for_each(|number| *number /= sum);
    Some(())
}

/// In 64 bits: the sums run over all sequences, and one cannot be surer than 1.
fn by_logarithms(Scores { start, end, step }: Scores<'_>, emissions: &[f32]) -> Vec<f32> {
    let labels = start.len();
    let words = emissions.len() / labels;
    let emission = |word: usize, label: usize| f64::from(emissions[word * labels + label]);
    let step = |from: usize, to: usize| f64::from(step[from * labels + to]);

    let mut forward: Vec<f64> =
        (0..labels).map(|label| f64::from(start[label]) + emission(0, label)).collect();
    for word in 1..words {
        let before = (word - 1) * labels;
        for to in 0..labels {
            let reached = log_sum_exp((0..labels).map(|from| forward[before + from] + step(from, to)));
            forward.push(reached + emission(word, to));
        }
    }

    let mut posteriors = vec![0.0; words * labels];
    let mut backward: Vec<f64> = end.iter().copied().map(f64::from).collect();
    for word in (0..words).rev() {
        let here = &forward[word * labels..(word + 1) * labels];
        let all = log_sum_exp((0..labels).map(|label| here[label] + backward[label]));
        for label in 0..labels {
            posteriors[word * labels + label] = (here[label] + backward[label] - all).exp() as f32;
        }
        if word > 0 {
            backward = (0..labels)
                .map(|from| {
                    log_sum_exp((0..labels).map(|to| step(from, to) + emission(word, to) + backward[to]))
                })
                .collect();
        }
    }
    posteriors
}

fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if largest.is_finite() {
        largest + values.map(|value| (value - largest).exp()).sum::<f64>().ln()
    } else {
        largest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELS: usize = 3;

    /// Scores between plus and minus `width`, none like another.
    fn drawn(count: usize, width: f32, phase: f32) -> Vec<f32> {
        (0..count)
            .map(|number| ((number as f32 * 12.989 + phase).sin() * 43_758.547).fract() * width)
            .collect()
    }

    /// A chain whose second label is never first and never follows the first.
    fn chain() -> [Vec<f32>; 3] {
        let (mut start, mut step) = (drawn(LABELS, 1.0, 0.1), drawn(LABELS * LABELS, 1.0, 0.3));
        (start[1], step[1]) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
        [start, drawn(LABELS, 1.0, 0.2), step]
    }

    #[test]
    fn probabilities_give_what_logarithms_give() {
        let [start, end, step] = chain();
        let scores = Scores { start: &start, end: &end, step: &step };
        for (words, width) in [(1, 1.0), (2, 5.0), (40, 5.0), (200, 60.0)] {
            let emissions = drawn(words * LABELS, width, width);
            let found = by_probabilities(scores, &emissions).unwrap();
            let expected = by_logarithms(scores, &emissions);
            assert_eq!(found.len(), words * LABELS);
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found - expected).abs() <= 1e-6 * expected.max(1e-3), "{found} {expected}");
            }
            assert_eq!(
                posteriors(scores, &[&emissions[..], &[7.0]].concat()),
                found,
                "no whole word follows"
            );
        }
    }

    #[test]
    fn where_probabilities_vanish_logarithms_answer() {
        let [start, end, step] = chain();
        let scores = Scores { start: &start, end: &end, step: &step };
        // The only label that the score favours cannot be first: the others have e^-2000 of it.
        let emissions = [-1000.0, 1000.0, -1000.5, 0.0, 0.0, 0.0];
        assert_eq!(by_probabilities(scores, &emissions), None);
        let found = posteriors(scores, &emissions);
        for word in found.chunks_exact(LABELS) {
            assert!((word.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{found:?}");
        }
        assert!(found[1] == 0.0 && found[0] > 0.0 && found[2] > 0.0, "{found:?}");
    }

    #[test]
    fn a_text_without_words_has_no_labels() {
        let [start, end, step] = chain();
        assert!(posteriors(Scores { start: &start, end: &end, step: &step }, &[1.0]).is_empty());
    }
}
