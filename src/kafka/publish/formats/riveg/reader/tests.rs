//! Tests of the reader: what the engine writes is read again, and what breaks the schema is told.

use super::super::super::format::EncoderOptions;
use super::super::FORMAT;
use super::super::tests::{annotated, encoded_with, times};
use super::*;
use crate::kafka::publish::Include;

#[test]
fn what_the_engine_writes_is_read_again() {
    let mut written = annotated();
    written.annotation.triples[0].iri = Some("http://www.wikidata.org/entity/Q1".into());
    written.annotation.degraded.push(DegradedCode::NotExpanded.because("no expansions"));
    let include = [Include::CreatedAt, Include::Lang, Include::Author, Include::Text, Include::Media];
    let json = encoded_with(&written, &include).value;
    let ReadAnswer { annotated: found, provenance, times: found_times } = read(&json).unwrap();
    assert_eq!((provenance.engine.as_str(), provenance.bundle.as_str()), ("0.1.0", "c0ffee"));
    assert_eq!((found_times.ingested, found_times.published), (times().ingested, times().published));
    assert_eq!((&found.post_id, &found.media), (&written.post_id, &written.media));
    // Numbers are rounded when they are written: a second round changes nothing.
    assert_eq!(encoded_with(&found, &include).value, json);
    assert_eq!(found.annotation.degraded, written.annotation.degraded);
    assert_eq!(found.annotation.triples[0].regions[0].mask, written.annotation.triples[0].regions[0].mask);
}

#[test]
fn relative_boxes_are_read_and_other_forms_say_which_setting_is_needed() {
    use super::super::super::super::{BoxUnit, MaskForm, Shape};
    let options = |change: fn(&mut EncoderOptions)| {
        let mut options =
            EncoderOptions::plain(Provenance { engine: "0".to_owned(), bundle: "b".to_owned() });
        change(&mut options);
        let records = (FORMAT.encoder)(&options).encode(&annotated(), times());
        read(&records[0].value)
    };
    let [plain, relative] = [options(|_| {}), options(|options| options.boxes = BoxUnit::Relative)]
        .map(|read| read.unwrap().annotated.annotation.triples[0].regions[0].bbox);
    let edges = |bbox: BBox| [bbox.x0, bbox.y0, bbox.x1, bbox.y1];
    for (pixels, shares) in edges(plain).into_iter().zip(edges(relative)) {
        assert!((pixels - shares).abs() < 0.01, "{pixels} {shares}");
    }
    for other in [
        options(|o| o.masks = MaskForm::Png),
        options(|o| o.masks = MaskForm::Polygon),
        options(|o| o.masks = MaskForm::None),
    ] {
        assert!(other.unwrap_err().contains("`masks = \"coco\"`"));
    }
    let triple = options(|options| options.shape = Shape::Triple).unwrap_err();
    assert!(triple.contains("`shape = \"post\"`"), "{triple}");
}

#[test]
fn an_answer_that_breaks_the_schema_is_told_as_such() {
    let json = String::from_utf8(encoded_with(&annotated(), &[]).value.to_vec()).unwrap();
    let cases = [
        ("{\"post_id\":\"p\"}".to_owned(), "missing field `entities`"),
        (json.replace("riveg.annotation", "riveg.other"), "`schema` is `riveg.other`"),
        (json.replace("\"version\":1", "\"version\":2"), "`version` is 2"),
        (json.replace("\"key\":\"a\"", "\"key\":\"z\""), "a region is in the picture `a`"),
        (json.replace("\"blake3\":\"abab", "\"blake3\":\"xyab"), "`blake3` is no hash"),
        (json.replace("5220O", "5220"), "entity `CP3`: the runs add up to"),
        (json.replace("\"lexicon\"", "\"oracle\""), "`oracle` is no source of expansions"),
        (json.replace("2025-06-15T", "yesterday "), "is not a time"),
    ];
    for (json, fault) in cases {
        let error = read(json.as_bytes()).unwrap_err();
        assert!(error.contains(fault), "{fault}: {error}");
    }
}

#[test]
fn a_region_without_a_mask_is_read_where_the_answer_says_so() {
    let mut written = annotated();
    written.annotation.triples[0].regions[0].mask = Mask::without_pixels(3, 4).into();
    let said = |written: &Annotated| {
        let json = encoded_with(written, &[]).value;
        assert!(!String::from_utf8_lossy(&json).contains("\"mask\":"), "no pixels are no mask");
        read(&json)
    };
    assert!(said(&written).unwrap_err().contains("masks = \"coco\""), "masks may be left out by a setting");
    written.annotation.degraded.push(DegradedCode::NoMask.because("1 mask without a pixel is left out"));
    let found = said(&written).unwrap().annotated.annotation;
    assert_eq!(found.triples[0].regions[0].mask.area(), 0);
}
