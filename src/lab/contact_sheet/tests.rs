//! Tests of the contact sheet with synthetic answers.

use std::sync::Arc;

use super::canvas::{Canvas, Rect};
use super::colours::{BLACK, CARD, MUTED, Rgb, TEXT, WHITE, mix, of_type};
use super::layout::{fitted, plan, to_page};
use super::overlay::{Mark, STRIPES, TINT};
use super::{Card, EmojiFont, Page, Sheet, draw, overlay};
use crate::domain::{
    BBox, ContentHash, EntityType, Frame, GateVerdict, Mask, Media, Mention, Phrase, PhraseSource, Post,
    Region, Span, Triple,
};

const GREY: Rgb = [120, 120, 120];

fn types() -> Vec<String> {
    ["LOC", "PER"].map(str::to_owned).to_vec()
}

/// 80x60 grey pixels, which the page enlarges six times.
fn post(id: &str, text: &str) -> Post {
    let hash = ContentHash([0; 32]);
    let frame = Frame { hash, width: 80, height: 60, orientation: 1, reduced: 1, rgb: GREY.repeat(80 * 60) };
    Post {
        id: id.to_owned(),
        text: text.to_owned(),
        media: vec![Media {
            key: "m".to_owned(),
            frame: Arc::new(frame),
            alt_text: None,
            candidate_boxes: Vec::new(),
            index: 0,
            is_preview: false,
        }],
        ..Post::default()
    }
}

fn triple(text: &str, name: &str, entity_type: &str, region: Option<Region>) -> Triple {
    let byte_start = text.find(name).unwrap();
    let start = text[..byte_start].chars().count();
    let span =
        Span { start, end: start + name.chars().count(), byte_start, byte_end: byte_start + name.len() };
    let verdict = GateVerdict {
        media_key: "m".to_owned(),
        depicted: region.is_some(),
        probability: 0.75,
        dropped_box_score: None,
    };
    Triple {
        mention: Mention {
            text: name.to_owned(),
            entity_type: EntityType::new(entity_type),
            span,
            score: 0.9,
        },
        iri: None,
        phrase: Phrase {
            text: name.to_owned(),
            expansion: Some("a woman in a green coat with a red hat".to_owned()),
            source: PhraseSource::Lexicon,
            answers: Vec::new(),
        },
        verdicts: vec![verdict],
        regions: region.into_iter().collect(),
    }
}

/// A region whose mask is the left half of its box.
fn region(x0: u32, y0: u32, x1: u32, y1: u32) -> Region {
    let middle = u32::midpoint(x0, x1);
    let inside = |pixel: u32| {
        let (x, y) = (pixel % 80, pixel / 80);
        u8::from((x0..middle).contains(&x) && (y0..y1).contains(&y))
    };
    let mask = Mask::from_pixels(&(0..80 * 60).map(inside).collect::<Vec<_>>(), 80, 60).into();
    let [x0, y0, x1, y1] = [x0, y0, x1, y1].map(|edge| edge as f32);
    Region { media_key: "m".to_owned(), bbox: BBox { x0, y0, x1, y1 }, box_score: 0.8, mask, mask_score: 0.7 }
}

fn card() -> Card {
    let text = "Ada is in Oslo";
    let triples =
        vec![triple(text, "Ada", "PER", Some(region(20, 20, 60, 50))), triple(text, "Oslo", "LOC", None)];
    Card { post: post("1", text), triples, gold: Vec::new(), remark: "2 of 2".to_owned() }
}

fn sheet(cards: Vec<Card>) -> Sheet {
    Sheet { title: "Title".to_owned(), subtitle: "below".to_owned(), types: types(), cards, emoji: None }
}

fn at(page: &Page, x: i32, y: i32) -> Rgb {
    let at = 3 * (y as usize * page.width as usize + x as usize);
    page.rgb[at..at + 3].try_into().unwrap()
}

#[test]
fn a_box_is_drawn_around_its_place_and_the_mask_tints_what_is_inside() {
    let sheet = sheet(vec![card()]);
    let place = &plan(&sheet.cards, None).cards[0];
    let page = draw(&sheet);
    assert_eq!(page.rgb.len(), 3 * page.width as usize * page.height as usize);
    let area = place.picture.unwrap();
    assert_eq!((area.width, area.height), (480, 360), "six times as large");
    let colour = of_type(&types(), "PER");
    let on_picture = |x: i32, y: i32| at(&page, area.x + x, area.y + y);
    let tinted = [0, 1, 2].map(|channel| mix(colour[channel], GREY[channel], TINT));
    for (x, y, expected, what) in [
        (121, 180, colour, "left edge of the box"),
        (358, 180, colour, "right edge"),
        (240, 298, colour, "bottom edge"),
        (300, 121, colour, "top edge"),
        (119, 180, [255; 3], "a white line around the box"),
        (185, 180, tinted, "inside the mask"),
        (300, 180, GREY, "inside the box, outside the mask"),
        (450, 330, GREY, "outside the box"),
        (241, 210, BLACK, "a black line around the mask"),
        (238, 210, WHITE, "a white line along its edge"),
        (236, 210, colour, "a line of its colour"),
    ] {
        assert_eq!(on_picture(x, y), expected, "{what}");
    }
    assert_eq!(on_picture(121, 100), colour, "the tag is above the box");
}

/// The contrast ratio of two colours by WCAG 2, 1 to 21.
fn contrast(one: Rgb, other: Rgb) -> f64 {
    let luminance = |colour: Rgb| {
        let linear = colour.map(f64::from).map(|level| level / 255.0).map(|level| match level {
            level if level <= 0.039_28 => level / 12.92,
            level => ((level + 0.055) / 1.055).powf(2.4),
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05
    };
    let (one, other) = (luminance(one), luminance(other));
    one.max(other) / one.min(other)
}

#[test]
fn a_mask_is_seen_on_any_picture_even_on_its_own_colour() {
    let types: Vec<String> = (0..8).map(|number| format!("T{number}")).collect();
    let greys = (0..=7).map(|level| [level * 36; 3]);
    let area = Rect::new(0, 0, 160, 120);
    // The mask covers columns 40 to 80; lines of the box cover the first four of them.
    let region = region(20, 20, 60, 50);
    for ground in greys.chain(types.iter().map(|name| of_type(&types, name))) {
        let rgb = ground.repeat(80 * 60);
        let frame =
            Frame { hash: ContentHash([0; 32]), width: 80, height: 60, orientation: 1, reduced: 1, rgb };
        for name in &types {
            let mut canvas = Canvas::new(160, 120, CARD);
            let mark = Mark { number: 1, colour: of_type(&types, name), region: &region };
            overlay::draw(&mut canvas, &frame, area, (&[mark], &[]));
            let page = canvas.into_page();
            let seen: Vec<f64> = (0..160).map(|x| contrast(at(&page, x, 90), ground)).collect();
            let max_lines = |seen: &[f64]| seen.iter().copied().fold(1.0, f64::max);
            for stripe in seen[44..74].windows(STRIPES as usize) {
                assert!(max_lines(stripe) >= 1.8, "{name} on {ground:?}: {stripe:?}");
            }
            let edge = &seen[76..84];
            assert!(max_lines(edge) >= 4.5, "the edge of {name} on {ground:?}: {edge:?}");
        }
    }
}

#[test]
fn letters_that_the_font_lacks_are_transliterated_and_muted() {
    let mut card = card();
    card.post.text = "Ada 東".to_owned();
    card.triples.truncate(1);
    let sheet = sheet(vec![card]);
    let place = &plan(&sheet.cards, None).cards[0];
    let page = draw(&sheet);
    let ((left, top), line) = &place.text[0];
    let written: String = line.iter().map(|letter| letter.glyph).collect();
    assert_eq!(written, "Ada Dong");
    let inks = |column: i32| {
        let places = (0..14).flat_map(|x| (0..32).map(move |y| (left + 14 * column + x, top + y)));
        places.map(|(x, y)| at(&page, x, y)).collect::<Vec<Rgb>>()
    };
    let drawn = inks(4);
    assert!(drawn.contains(&MUTED) && !drawn.contains(&TEXT), "a D that is no letter of the post");
}

#[test]
fn emoji_are_drawn_where_there_is_a_font_for_them() {
    let mut card = card();
    card.post.text = "Ada 🔥".to_owned();
    card.triples.truncate(1);
    let emoji = EmojiFont::read(super::emoji_font::tests::font());
    let sheet = Sheet { emoji, ..sheet(vec![card]) };
    let (left, top) = plan(&sheet.cards, sheet.emoji.as_ref()).cards[0].text[0].0;
    let page = draw(&sheet);
    assert_eq!(at(&page, left + 5 * 14, top + 16), [0, 255, 0], "the middle of its two columns");
    assert_eq!((at(&page, left + 4 * 14 + 5, top), at(&page, left + 6 * 14, top + 16)), (CARD, CARD));
}

#[test]
fn names_are_underlined_in_the_colour_of_their_type_and_nothing_else_is() {
    let sheet = sheet(vec![card()]);
    let place = &plan(&sheet.cards, None).cards[0];
    let page = draw(&sheet);
    let (left, top) = place.text[0].0;
    let under: Vec<Rgb> = (0..14).map(|column| at(&page, left + column * 14 + 6, top + 33)).collect();
    let [loc, per] = ["LOC", "PER"].map(|name| of_type(&types(), name));
    assert_eq!(under[..3], [per; 3]);
    assert_eq!(under[3..10], [CARD; 7]);
    assert_eq!(under[10..], [loc; 4]);
}

#[test]
fn rows_are_aligned_and_cards_do_not_overlap() {
    let mut cards = vec![card(); 7];
    cards[1].post.text = "long words ".repeat(60);
    cards[3].triples = vec![cards[3].triples[0].clone(); 6];
    cards[5].post.media.clear();
    cards[6].triples.clear();
    let plan = plan(&cards, None);
    for row in plan.cards.chunks(2) {
        assert!(row.iter().all(|place| place.card.y == row[0].card.y && place.list.y == row[0].list.y));
        assert!(row.iter().all(|place| place.card.height == row[0].card.height));
    }
    for (number, place) in plan.cards.iter().enumerate() {
        let Rect { x, y, .. } = place.card;
        assert!(x > 0 && y >= plan.header.bottom(), "{number}");
        assert!(place.card.right() < plan.width as i32 && place.card.bottom() < plan.height as i32);
        let inner = place.entries.iter().map(|entry| entry.area).chain(place.picture);
        for part in inner {
            assert!(part.right() <= place.card.right() && part.bottom() <= place.card.bottom(), "{number}");
            assert!(place.text.iter().all(|((_, top), _)| top + 36 <= part.y), "{number}: text is above");
        }
        for pair in place.entries.windows(2) {
            assert!(pair[0].area.bottom() < pair[1].area.y);
        }
    }
    assert_eq!(plan.cards[1].text.len(), 6, "a long text is cut");
    assert!(plan.cards[3].card.y >= plan.cards[0].card.bottom());
}

#[test]
fn pictures_keep_their_proportions_and_boxes_their_place() {
    for ((width, height), expected) in
        [((160, 96), (480, 288)), ((96, 144), (320, 480)), ((4000, 3000), (480, 360)), ((9000, 1), (480, 1))]
    {
        assert_eq!(fitted(width, height), expected, "{width}x{height}");
    }
    let area = Rect::new(10, 20, 320, 240);
    let bbox = BBox { x0: 0.0, y0: 0.0, x1: 80.0, y1: 60.0 };
    assert_eq!(to_page(&bbox, (80, 60), area), area);
    let point = BBox { x0: 40.0, y0: 30.0, x1: 40.0, y1: 30.0 };
    assert_eq!(to_page(&point, (80, 60), area), Rect::new(170, 140, 1, 1));
}

#[test]
fn an_empty_sheet_and_an_empty_mask_are_drawn() {
    let empty = draw(&sheet(Vec::new()));
    assert!(empty.height > 0 && empty.rgb.iter().any(|&level| level < 100), "the header is there");
    let mut card = card();
    card.triples[0].regions[0].mask = Mask { width: 0, height: 0, runs: Vec::new() }.into();
    assert_eq!(draw(&sheet(vec![card])).width, plan(&[], None).width, "no fault of the page");
}

#[test]
fn a_page_is_read_again_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.png");
    let page = draw(&sheet(vec![card()]));
    page.write_png(&file).unwrap();
    let read = image::open(&file).unwrap().into_rgb8();
    assert_eq!((read.width(), read.height()), (page.width, page.height));
    assert_eq!(read.into_raw(), page.rgb);
}
