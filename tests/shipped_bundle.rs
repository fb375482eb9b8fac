//! Does the bundle that ships answer rightly, and twice the same? Through the real binary, on posts with names that
//! training never saw.

use serde_json::Value;

use crate::support::riveg;

/// The figures of `riveg eval` on the first posts of the world's test split.
fn figures() -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("figures.json");
    let bundle = concat!("bundle.path=", env!("CARGO_MANIFEST_DIR"), "/bundles/pocket");
    let json = file.to_str().unwrap();
    let finished = riveg(&["eval", "--posts", "12", "--set", bundle, "--json", json], b"");
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

#[test]
fn the_bundle_that_ships_finds_what_is_there_and_finds_it_again() {
    let figures = [figures(), figures()];
    for figure in ["posts", "missing", "scores", "stages", "bundle"] {
        assert_eq!(figures[0][figure], figures[1][figure], "{figure}");
    }
    let [figures, _] = figures;
    let number = |pointer: &str| figures.pointer(pointer).and_then(Value::as_f64).unwrap();
    assert_eq!((number("/posts"), number("/missing")), (12.0, 0.0));
    assert!(number("/scores/mner/f1") > 0.8, "{figures:#}");
    assert!(number("/stages/entail_accuracy/mean") > 0.8, "{figures:#}");
    assert!(number("/stages/segment_iou/mean") > 0.8, "{figures:#}");
    // Most of what is named is placed rightly, or rightly said not to be shown.
    assert!(number("/scores/gmner/f1") > 0.8, "{figures:#}");
    assert!(number("/scores/ees/f1") > 0.8, "{figures:#}");
}
