//! Tests of labels: order, inconsistent sequences, and round trips.

use proptest::prelude::*;

use super::*;

fn labels() -> LabelSet {
    LabelSet::new(["PER", "LOC", "ORG", "OTHER", "LOC"].map(EntityType::new))
}

fn bio() -> LabelSet {
    labels().with_scheme(TagScheme::Bio)
}

fn entity(words: Range<usize>, name: &str) -> LabelledWords {
    LabelledWords { words, entity_type: EntityType::new(name) }
}

#[test]
fn labels_have_the_order_of_published_taggers() {
    let names: Vec<_> = (0..18).map(|label| labels().name(label)).collect();
    assert_eq!(labels().count(), 17);
    for (label, name) in [
        (0, "O"),
        (1, "B-LOC"),
        (2, "I-LOC"),
        (3, "E-LOC"),
        (4, "S-LOC"),
        (5, "B-ORG"),
        (9, "B-OTHER"),
        (16, "S-PER"),
    ] {
        assert_eq!(names[label].as_deref(), Some(name));
    }
    assert_eq!(names[17], None);
}

#[test]
fn inconsistent_labels_are_tolerated() {
    let (b_loc, i_loc, e_loc, s_loc, i_per, e_per) = (1, 2, 3, 4, 14, 15);
    let cases = [
        ("in order", vec![b_loc, i_loc, e_loc, 0, s_loc], vec![entity(0..3, "LOC"), entity(4..5, "LOC")]),
        ("an end that begins", vec![0, e_loc, 0], vec![entity(1..2, "LOC")]),
        ("an end after a single", vec![s_loc, e_loc], vec![entity(0..2, "LOC")]),
        ("nothing ends it", vec![b_loc, 0, i_loc], vec![entity(0..1, "LOC"), entity(2..3, "LOC")]),
        ("the type changes", vec![b_loc, i_per, e_per], vec![entity(0..1, "LOC"), entity(1..3, "PER")]),
        ("two beginnings", vec![b_loc, b_loc], vec![entity(0..1, "LOC"), entity(1..2, "LOC")]),
        ("no such label", vec![b_loc, 99, i_loc], vec![entity(0..1, "LOC"), entity(2..3, "LOC")]),
    ];
    for (case, given, expected) in cases {
        assert_eq!(labels().decode(&given), expected, "{case}");
    }
}

#[test]
fn bio_labels_have_the_order_of_published_taggers() {
    let labels = bio();
    assert_eq!(labels.count(), 9);
    let names: Vec<_> = (0..10).filter_map(|label| labels.name(label)).collect();
    let expected = ["O", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-OTHER", "I-OTHER", "B-PER", "I-PER"];
    assert_eq!(names, expected);
    assert_eq!(TagScheme::Bio.labels(4), 9);
    assert_eq!(TagScheme::Bioes.labels(4), 17);
}

/// As seqeval reads them when it is not strict.
#[test]
fn inconsistent_bio_labels_are_tolerated() {
    let (b_loc, i_loc, i_per) = (1, 2, 8);
    let cases = [
        ("in order", vec![b_loc, i_loc, i_loc, 0, b_loc], vec![entity(0..3, "LOC"), entity(4..5, "LOC")]),
        ("nothing begins it", vec![i_loc, i_loc, 0], vec![entity(0..2, "LOC")]),
        ("the type changes", vec![b_loc, i_per, i_per], vec![entity(0..1, "LOC"), entity(1..3, "PER")]),
        ("two beginnings", vec![b_loc, b_loc, i_loc], vec![entity(0..1, "LOC"), entity(1..3, "LOC")]),
        ("no such label", vec![b_loc, 9, i_loc], vec![entity(0..1, "LOC"), entity(2..3, "LOC")]),
    ];
    for (case, given, expected) in cases {
        assert_eq!(bio().decode(&given), expected, "{case}");
    }
}

#[test]
fn bio_becomes_bioes() {
    let entities =
        labels().decode_bio(&["B-PER", "I-PER", "I-PER", "O", "B-LOC", "B-LOC", "I-LOC", "I-ORG"]).unwrap();
    let names: Vec<_> =
        labels().encode(8, &entities).into_iter().map(|label| labels().name(label).unwrap()).collect();
    assert_eq!(names, ["B-PER", "I-PER", "E-PER", "O", "S-LOC", "B-LOC", "E-LOC", "S-ORG"]);
}

#[test]
fn an_invalid_label_is_named_with_its_word() {
    for label in ["B-MISC", "X", "b-LOC", "E-LOC", ""] {
        let error = labels().decode_bio(&["O", label]).unwrap_err();
        assert_eq!((error.label.as_str(), error.word), (label, 1));
    }
}

fn table(names: &[&str], map: &[(&str, &str)]) -> LabelSet {
    let map = map.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
    LabelSet::of_table(names, &map).unwrap()
}

#[test]
fn a_table_has_the_order_of_the_rows_and_maps_types_after_joining() {
    let names = ["B-group", "O", "I-group", "B-corporation", "I-corporation", "B-date", "I-date"];
    let set = table(&names, &[("group", "ORG"), ("corporation", "ORG"), ("date", "O")]);
    assert_eq!(set.types(), [EntityType::new("ORG")]);
    assert_eq!((set.count(), set.scheme()), (7, TagScheme::Bio));
    assert_eq!(set.name(3).as_deref(), Some("B-corporation"));
    // A group next to a corporation is another entity, though both are organisations; a date is none.
    let expected = [entity(0..2, "ORG"), entity(2..3, "ORG")];
    assert_eq!(set.decode(&[0, 2, 4, 5, 6]), expected);
}

/// A table of labels, its scheme, the labels of words, and what they mark.
type Case<'labels> = (&'labels [&'labels str], TagScheme, &'labels [usize], Vec<LabelledWords>);

#[test]
fn each_scheme_of_a_table_is_read_as_its_readers_do() {
    let conll = ["O", "B-LOC", "I-LOC", "I-PER"];
    let cases: [Case<'_>; 5] = [
        // The published XLM-R for CoNLL 2003 has no B-PER.
        (
            &conll,
            TagScheme::Iob1,
            &[3, 3, 0, 2, 1, 2],
            vec![entity(0..2, "PER"), entity(3..4, "LOC"), entity(4..6, "LOC")],
        ),
        (
            &["O", "B_PER", "I_PER"],
            TagScheme::Bio,
            &[1, 2, 1, 0, 2],
            vec![entity(0..2, "PER"), entity(2..3, "PER"), entity(4..5, "PER")],
        ),
        (
            &["O", "U-LOC", "B-LOC", "I-LOC", "L-LOC"],
            TagScheme::Bioes,
            &[2, 4, 4, 1, 3],
            vec![entity(0..2, "LOC"), entity(2..3, "LOC"), entity(3..4, "LOC"), entity(4..5, "LOC")],
        ),
        (
            &["LOC", "PER", "O"],
            TagScheme::Types,
            &[0, 0, 1, 2, 1],
            vec![entity(0..2, "LOC"), entity(2..3, "PER"), entity(4..5, "PER")],
        ),
        (
            &["O", "B-LOC", "I-LOC", "[PAD]", "X"],
            TagScheme::Bio,
            &[1, 3, 2, 4],
            vec![entity(0..1, "LOC"), entity(2..3, "LOC")],
        ),
    ];
    for (names, scheme, given, expected) in cases {
        let set = table(names, &[]);
        assert_eq!(set.scheme(), scheme, "{names:?}");
        assert_eq!(set.decode(given), expected, "{names:?}");
    }
}

#[test]
fn a_table_without_o_or_without_entities_is_refused() {
    let error = LabelSet::of_table(&["NEGATIVE", "POSITIVE"], &BTreeMap::new()).unwrap_err().to_string();
    assert_eq!(error, "no label is `O`, for words outside of entities: NEGATIVE, POSITIVE");
    assert_eq!(LabelSet::of_table(&["O"], &BTreeMap::new()), Err(LabelFault::NoEntity));
}

#[test]
fn a_scheme_says_which_labels_may_follow() {
    let (bio, bioes) = (bio(), labels());
    let (b_loc, i_loc, e_loc, s_loc, i_org) = (1, 2, 3, 4, 6);
    for (from, to, expected) in [
        (None, Some(b_loc), true),
        (None, Some(i_loc), false),
        (None, Some(e_loc), false),
        (Some(b_loc), Some(i_loc), true),
        (Some(b_loc), Some(e_loc), true),
        (Some(b_loc), Some(i_org), false),
        (Some(b_loc), Some(0), false),
        (Some(b_loc), None, false),
        (Some(e_loc), Some(i_loc), false),
        (Some(s_loc), Some(b_loc), true),
        (Some(s_loc), None, true),
    ] {
        assert_eq!(bioes.may_follow(from, to), expected, "{from:?} {to:?}");
    }
    let iob1 = table(&["O", "B-LOC", "I-LOC", "I-PER"], &[]);
    for (set, from, to, expected) in [
        (&bio, Some(2), Some(2), true),
        (&bio, None, Some(2), false),
        (&bio, Some(2), Some(4), false),
        (&bio, Some(2), None, true),
        (&iob1, None, Some(2), true),
        (&iob1, None, Some(1), false),
        (&iob1, Some(2), Some(1), true),
        (&iob1, Some(3), Some(1), false),
        (&iob1, Some(3), Some(2), true),
    ] {
        assert_eq!(set.may_follow(from, to), expected, "{from:?} {to:?}");
    }
}

proptest! {
    #[test]
    fn encoded_entities_are_decoded(gaps in prop::collection::vec((0_usize..3, 1_usize..4, 0_usize..4), 0..6)) {
        let mut entities = Vec::new();
        let mut end = 0;
        for (gap, length, index) in gaps {
            let start = end + gap;
            end = start + length;
            entities.push(LabelledWords { words: start..end, entity_type: labels().types()[index].clone() });
        }
        for labels in [labels(), bio()] {
            prop_assert_eq!(&labels.decode(&labels.encode(end + 1, &entities)), &entities);
        }
    }
}
