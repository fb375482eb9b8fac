//! Expected calibration error: how far scores are from the share of answers that are right.

use super::Scored;

/// Bins of equal width from 0 to 1, as in the papers that report this error.
pub const BINS: usize = 10;

/// The mean distance of a bin's mean score from its share of right answers, weighted by the answers in it (Naeini et al.,
/// 2015, as Guo et al., 2017, compute it). A score of exactly a tenth belongs to the bin above it, 1 to the last. 0 without
/// answers.
#[must_use]
pub fn expected_calibration_error(scored: &[Scored]) -> f64 {
    let mut bins = [(0.0, 0.0); BINS];
    for one in scored {
        let bin = (f64::from(one.score) * BINS as f64) as usize;
        let (scores, rights) = &mut bins[bin.min(BINS - 1)];
        *scores += f64::from(one.score);
        *rights += f64::from(one.right);
    }
    let distance: f64 = bins.iter().map(|(scores, rights): &(f64, f64)| (scores - rights).abs()).sum();
    if scored.is_empty() { 0.0 } else { distance / scored.len() as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(scored: &[(f32, bool)]) -> f64 {
        let scored: Vec<Scored> = scored.iter().map(|&(score, right)| Scored { score, right }).collect();
        expected_calibration_error(&scored)
    }

    #[test]
    fn certain_answers_have_no_error_if_they_are_right_and_all_if_they_are_wrong() {
        assert_eq!(error(&[(1.0, true), (0.0, false)]), 0.0);
        assert_eq!(error(&[(1.0, false), (0.0, true)]), 1.0);
        assert_eq!(error(&[]), 0.0);
    }

    #[test]
    fn within_a_bin_errors_balance_and_between_bins_they_add_up() {
        // Half of the answers with 0.5 are right.
        assert!(error(&[(0.5, true), (0.5, false)]).abs() < 1e-9);
        // 0.85 against 1/2 of two answers, 0.25 against 0 of two.
        let mixed = error(&[(0.8, true), (0.89, false), (0.25, false), (0.25, false)]);
        assert!((mixed - (0.5 * 0.345 + 0.5 * 0.25)).abs() < 1e-6, "{mixed}");
    }
}
