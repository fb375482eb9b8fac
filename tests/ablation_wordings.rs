//! Stand-ins for language models of `make ablation`: each names all that the lexicon's expansion names, in its own words.

use std::collections::{BTreeSet, HashMap};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use riveg::lab::world::{Appearance, COLOURS, Description, KINDS};

#[path = "../benches/ablation/wordings.rs"]
mod wordings;

use wordings::{TRAINED, UNSEEN, Wording, named};

/// Two names for which every stand-in takes another of its sentences.
const NAMES: [&str; 2] = ["Ab", "Ac"];

/// Every look, with and without its accent named.
fn descriptions() -> Vec<Description> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut all = Vec::new();
    for kind in 0..KINDS.len() {
        for number in 0..COLOURS.len() * COLOURS.len() * 8 {
            let (colours, flags) = (number / 8, number % 8);
            let (colour, accent) = (colours / COLOURS.len(), colours % COLOURS.len());
            if colour != accent {
                let appearance = Appearance { kind, colour, accent, hat: flags & 1 > 0, coat: flags & 2 > 0 };
                let mut described = Description::draw(appearance, &mut rng);
                described.names_accent = flags & 4 > 0;
                all.push(described);
            }
        }
    }
    all
}

/// What a phrase names of a look, in the lexicon's words.
fn attributes(described: &Description) -> Vec<&'static str> {
    let [kind, colour, garment, part, accent] = named(described);
    let mut attributes = vec![kind, colour];
    attributes.extend(described.appearance.is_person().then_some(garment));
    if described.names_accent {
        attributes.extend([part, accent]);
    }
    attributes
}

fn stand_ins() -> impl Iterator<Item = &'static Wording> {
    TRAINED.iter().chain([&UNSEEN])
}

#[test]
fn every_stand_in_names_the_same_attributes_and_no_two_looks_alike() {
    let descriptions = descriptions();
    for stand_in in stand_ins() {
        let mut seen: HashMap<String, Vec<&str>> = HashMap::new();
        for (described, name) in descriptions.iter().flat_map(|described| NAMES.map(|name| (described, name)))
        {
            let phrase = stand_in.expression(name, described);
            assert!(!phrase.contains(['{', '}']) && phrase.split(' ').count() <= 12, "{phrase}");
            let attributes = attributes(described);
            let words: Vec<&str> = phrase.split([' ', ',', ':', ';']).collect();
            for word in &attributes {
                let own: Vec<&str> = stand_in.word(word).split(' ').collect();
                assert!(words.windows(own.len()).any(|there| there == own), "{phrase}: {own:?}");
            }
            let before = seen.entry(phrase).or_insert_with(|| attributes.clone());
            assert_eq!(*before, attributes, "one phrase of {} for two looks", stand_in.name);
        }
    }
}

#[test]
fn no_two_stand_ins_say_the_same_and_none_says_what_the_lexicon_says() {
    for described in descriptions() {
        for name in NAMES {
            let mut phrases: BTreeSet<String> =
                stand_ins().map(|stand_in| stand_in.expression(name, &described)).collect();
            phrases.insert(described.words());
            assert_eq!(phrases.len(), TRAINED.len() + 2, "{phrases:?}");
        }
    }
}
