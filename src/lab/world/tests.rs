//! Invariants of every sample.

use std::collections::HashSet;

use super::appearance::Appearance;
use super::difficulty::Difficulty;
use super::post_text::words_of;
use super::sample::{Sample, World};
use super::split::Split;

fn samples(seed: u64, count: u64) -> impl Iterator<Item = Sample> {
    let world = World::new(seed, Split::Dev);
    (0..count).map(move |index| world.sample(index))
}

#[test]
fn a_sample_is_a_pure_function_of_seed_split_and_number() {
    let world = World::new(5, Split::Test);
    let (once, again) = (world.sample(3), World::new(5, Split::Test).sample(3));
    assert_eq!((once.text.as_str(), &once.picture.jpeg), (again.text.as_str(), &again.picture.jpeg));
    assert_ne!(once.text, world.sample(4).text);
    assert_ne!(once.text, World::new(6, Split::Test).sample(3).text);
    assert_ne!(once.text, World::new(5, Split::Train).sample(3).text);
}

#[test]
fn every_phrase_matches_exactly_one_object() {
    let world = World::new(9, Split::Train);
    for index in 0..2_000 {
        let draft = world.draft(index);
        for (number, entity) in draft.entities.iter().enumerate() {
            for object in draft.objects.iter().filter(|object| object.entity != Some(number)) {
                assert!(!entity.description.fits(&object.description.appearance), "post {index}: {draft:?}");
            }
        }
        for (number, object) in draft.objects.iter().enumerate() {
            for (other_number, other) in draft.objects.iter().enumerate() {
                assert_eq!(
                    object.description.fits(&other.description.appearance),
                    number == other_number,
                    "post {index}"
                );
            }
        }
    }
}

#[test]
fn spans_are_correct_in_code_points_and_in_bytes_after_any_text() {
    let world = World::new(2, Split::Train);
    let (mut after_emoji, mut with_punctuation) = (0, 0);
    for index in 0..3_000 {
        let draft = world.draft(index);
        let words = words_of(&draft.text);
        assert_eq!(words.len(), draft.text.split_whitespace().count());
        for (entity, span) in draft.entities.iter().zip(&draft.spans) {
            assert_eq!(&draft.text[span.byte_start..span.byte_end], entity.surface, "{}", draft.text);
            let letters: String = draft.text.chars().skip(span.start).take(span.end - span.start).collect();
            assert_eq!(letters, entity.surface, "{}", draft.text);
            after_emoji += usize::from(span.byte_start != span.start);
            let covering: Vec<_> =
                words.iter().filter(|word| word.start < span.end && span.start < word.end).collect();
            assert_eq!(covering.len(), entity.surface.split(' ').count(), "{}", draft.text);
            with_punctuation +=
                usize::from(covering.iter().any(|word| word.end > span.end || word.start < span.start));
        }
    }
    assert!(after_emoji > 50, "{after_emoji} mentions after emoji");
    assert!(with_punctuation > 100, "{with_punctuation} mentions with punctuation");
}

#[test]
fn shares_match_the_difficulty() {
    let world = World::new(3, Split::Test);
    let posts = 4_000;
    let (mut mentions, mut shown, mut none, mut twins, mut absent_posts, mut near_misses, mut ambiguous) =
        (0usize, 0usize, 0usize, 0usize, 0usize, 0usize, 0usize);
    let two_typed: HashSet<String> =
        super::names::all_ambiguous(Split::Test).map(|(surface, _)| surface).collect();
    for index in 0..posts {
        let draft = world.draft(index);
        mentions += draft.entities.len();
        none += usize::from(draft.entities.is_empty());
        ambiguous += draft.entities.iter().filter(|entity| two_typed.contains(&entity.surface)).count();
        let in_picture: Vec<usize> = draft.objects.iter().filter_map(|object| object.entity).collect();
        assert!(in_picture.len() <= 3 && (1..=5).contains(&draft.objects.len()));
        shown += in_picture.len();
        let kinds: HashSet<usize> =
            in_picture.iter().map(|&entity| draft.entities[entity].description.appearance.kind).collect();
        twins += usize::from(kinds.len() < in_picture.len());
        let absent = |number: &usize| !in_picture.contains(number);
        let absent: Vec<&Appearance> = (0..draft.entities.len())
            .filter(absent)
            .map(|number| &draft.entities[number].description.appearance)
            .collect();
        absent_posts += usize::from(!absent.is_empty());
        near_misses += usize::from(absent.iter().any(|appearance| {
            draft.objects.iter().any(|object| object.description.appearance.kind == appearance.kind)
        }));
    }
    let posts = posts as f64;
    let ratio = |part: usize, whole: usize| part as f64 / whole as f64;
    assert!((mentions as f64 / posts - 1.74).abs() < 0.05, "{} mentions a post", mentions as f64 / posts);
    assert!(
        (ratio(mentions - shown, mentions) - 0.6).abs() < 0.02,
        "{} absent",
        1.0 - ratio(shown, mentions)
    );
    assert!((none as f64 / posts - 0.05).abs() < 0.012, "{} without mentions", none as f64 / posts);
    assert!(twins as f64 / posts > 0.035, "{} with twins", twins as f64 / posts);
    let hard = ratio(near_misses, absent_posts);
    assert!((0.3..0.6).contains(&hard), "{hard} of posts with absent mentions show one of the kind");
    assert!(
        (ratio(ambiguous, mentions) - Difficulty::PLAIN.ambiguous_names).abs() < 0.015,
        "{}",
        ratio(ambiguous, mentions)
    );
}

#[test]
fn hard_posts_have_the_names_of_tests_and_keep_every_promise_of_the_gold() {
    let world = World::new(3, Split::Hard);
    let two_typed: HashSet<String> =
        super::names::all_ambiguous(Split::Test).map(|(surface, _)| surface).collect();
    let (mut mentions, mut ambiguous, mut untelling, mut negated, mut twins) = (0, 0, 0, 0, 0);
    for index in 0..600 {
        let draft = world.draft(index);
        mentions += draft.entities.len();
        ambiguous += draft.entities.iter().filter(|entity| two_typed.contains(&entity.surface)).count();
        let shown: Vec<usize> = draft.objects.iter().filter_map(|object| object.entity).collect();
        let kinds: HashSet<usize> =
            shown.iter().map(|&entity| draft.entities[entity].description.appearance.kind).collect();
        twins += usize::from(kinds.len() < shown.len());
        for (number, (entity, span)) in draft.entities.iter().zip(&draft.spans).enumerate() {
            assert_eq!(&draft.text[span.byte_start..span.byte_end], entity.surface);
            let others = draft.objects.iter().filter(|object| object.entity != Some(number));
            for object in others {
                assert!(!entity.description.fits(&object.description.appearance), "post {index}: {draft:?}");
            }
            let before = &draft.text[..span.byte_start];
            let after = &draft.text[span.byte_end..];
            untelling += usize::from(before.ends_with("so it is ") || before.ends_with("I mean "));
            if after.starts_with(" is missing") {
                negated += 1;
                assert!(!shown.contains(&number), "{}", draft.text);
            }
        }
    }
    let share = f64::from(ambiguous as u32) / f64::from(mentions as u32);
    assert!((0.4..0.55).contains(&share), "{share} of names mean two things");
    assert!(untelling > 20 && negated > 10 && twins > 40, "{untelling} {negated} {twins}");
    for index in 0..60 {
        let sample = world.sample(index);
        assert!(sample.id.starts_with("hard-3-"));
        let wanted = world.draft(index).objects.iter().filter(|object| object.entity.is_some()).count();
        assert_eq!(sample.mentions.iter().map(|mention| mention.objects.len()).sum::<usize>(), wanted);
    }
}

#[test]
fn shown_entities_are_visible() {
    for sample in samples(4, 150) {
        let frame = &sample.picture.frame;
        assert_eq!(frame.rgb.len(), (3 * frame.width * frame.height) as usize);
        assert!((96..=160).contains(&frame.width) && (96..=160).contains(&frame.height));
        for object in &sample.picture.objects {
            assert_eq!(object.inside.len(), (frame.width * frame.height) as usize);
            let side = (object.bbox.x1 - object.bbox.x0).max(object.bbox.y1 - object.bbox.y0);
            assert!(side >= 24.0, "{} in {}: {side}", object.description, sample.id);
            let inside = |x: u32, y: u32| object.inside[(y * frame.width + x) as usize] == 1;
            let (x0, y0, x1, y1) = (object.bbox.x0, object.bbox.y0, object.bbox.x1, object.bbox.y1);
            for y in 0..frame.height {
                for x in 0..frame.width {
                    let boxed = (x0..x1).contains(&(x as f32)) && (y0..y1).contains(&(y as f32));
                    assert!(boxed || !inside(x, y), "{} in {} leaves its box", object.description, sample.id);
                }
            }
        }
        let shown: Vec<usize> = sample.mentions.iter().flat_map(|mention| mention.objects.clone()).collect();
        for mention in &sample.mentions {
            assert!(mention.objects.len() <= 1);
            for &object in &mention.objects {
                assert_eq!(sample.picture.objects[object].description, mention.expansion);
            }
        }
        assert_eq!(shown.iter().collect::<HashSet<_>>().len(), shown.len());
    }
}

#[test]
fn every_entity_that_should_be_shown_is_painted() {
    let world = World::new(8, Split::Dev);
    for index in 0..200 {
        let wanted = world.draft(index).objects.iter().filter(|object| object.entity.is_some()).count();
        let painted: usize = world.sample(index).mentions.iter().map(|mention| mention.objects.len()).sum();
        assert_eq!(wanted, painted, "post {index}");
    }
}

#[test]
fn new_phrases_match_one_object_and_absent_phrases_none() {
    let mut rng = super::rng::seeded_rng("test", "", 0);
    for sample in samples(6, 60) {
        let descriptions: HashSet<&str> =
            sample.picture.objects.iter().map(|object| object.description.as_str()).collect();
        assert_eq!(descriptions.len(), sample.picture.objects.len());
        assert!(!descriptions.contains(sample.picture.draw_absent_phrase(&mut rng).as_str()));
        for object in 0..sample.picture.objects.len() {
            let phrase = sample.picture.draw_phrase(object, &mut rng);
            let others = sample.picture.objects.iter().enumerate().filter(|&(other, _)| other != object);
            assert!(others.map(|(_, other)| &other.description).all(|description| *description != phrase));
        }
    }
}
