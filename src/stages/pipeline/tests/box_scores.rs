//! Box scores: boxes below the least score become no region, and the verdict says so.

use super::*;

/// The regions of the first entity, and the scores of the boxes that were dropped.
async fn found(min_box_score: f32) -> (usize, Vec<Option<f32>>, usize) {
    let (mut pipeline, log) = pipeline(None);
    // The closure of the grounder is certain of its boxes.
    pipeline.looks.min_box_score = min_box_score;
    let annotation = pipeline.annotate(&post("ann", &[1, 2])).await.unwrap();
    assert_eq!(annotation.degraded, [], "a decision is no fault");
    let triple = &annotation.triples[0];
    let dropped = triple.verdicts.iter().map(|verdict| verdict.dropped_box_score).collect();
    let segmented = log.lock().unwrap().segmented.len();
    (triple.regions.len(), dropped, segmented)
}

#[tokio::test]
async fn a_box_counts_from_the_least_score_on() {
    for least in [0.0, 1.0] {
        assert_eq!(found(least).await, (1, vec![None, None], 1), "{least}");
    }
}

#[tokio::test]
async fn a_box_with_too_low_a_score_is_not_segmented_and_its_score_is_told() {
    // The second picture does not show her: there is no box to drop.
    assert_eq!(found(1.5).await, (0, vec![Some(1.0), None], 0));
}
