//! Masks: beyond the limit of pixels, below the least score, without a pixel; the annotation says what it lacks.

use super::*;

#[tokio::test]
async fn masks_beyond_the_pixel_limit_are_the_grounders_outlines_and_are_counted() {
    let (mut pipeline, log) = pipeline(None);
    // A picture has 200.
    pipeline.limits.mask_pixels = 500;
    let annotation = pipeline.annotate(&post("ann bob cid ann", &[EVERYBODY])).await.unwrap();
    assert_eq!(log.lock().unwrap().segmented, [(EVERYBODY, 2)]);
    let areas: Vec<u64> = annotation.triples.iter().map(|triple| triple.regions[0].mask.area()).collect();
    assert_eq!(areas, [200, 200, 5, 200], "the third is the triangle that the grounder drew");
    let left_out = &annotation.triples[2].regions[0];
    assert_eq!((left_out.mask_score, left_out.bbox.x0), (left_out.box_score, 6.0));
    assert_eq!(annotation.missing(), ["1 mask beyond 500 pixels is what the grounder found"]);
}

#[tokio::test]
async fn masks_below_the_least_score_are_left_out_and_counted() {
    let (mut pipeline, _) = pipeline(None);
    // The score of a mask here is the left edge of its box: 2 and 4.
    pipeline.min_mask_score = 3.0;
    let annotation = pipeline.annotate(&post("ann bob ann", &[EVERYBODY])).await.unwrap();
    let seen: Vec<_> = annotation
        .triples
        .iter()
        .map(|triple| (triple.regions[0].mask.area(), triple.regions[0].mask_score))
        .collect();
    assert_eq!(seen, [(0, 2.0), (200, 4.0), (0, 2.0)], "the box and the score stay");
    assert_eq!(annotation.missing(), ["1 mask with a score below 3 is left out"]);
    assert_eq!(annotation.degraded[0].code, DegradedCode::NoMask);
}

#[tokio::test]
async fn a_mask_without_a_pixel_is_noted() {
    let (mut pipeline, _) = pipeline(None);
    pipeline.segmenter = None;
    // The grounder's triangles are smaller than a pixel of this picture.
    let mut thin = post("ann bob", &[EVERYBODY]);
    let frame = Frame {
        hash: ContentHash([EVERYBODY; 32]),
        width: 2,
        height: 1,
        orientation: 1,
        reduced: 1,
        rgb: vec![EVERYBODY; 6],
    };
    thin.media[0].frame = Arc::new(frame);
    let annotation = pipeline.annotate(&thin).await.unwrap();
    let areas: Vec<u64> = annotation.triples.iter().map(|triple| triple.regions[0].mask.area()).collect();
    assert_eq!(areas, [0, 0]);
    assert_eq!(annotation.missing(), ["2 masks without a pixel are left out"]);
}
