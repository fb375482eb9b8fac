//! Entity names: composed from invented words; the invented word determines the split.

use rand::Rng;

use super::appearance::Class;
use super::rng::{pick, seeded_rng};
use super::split::Split;

/// Names with two classes in a split: few, so that training sees each with both classes.
const AMBIGUOUS_SURFACES: u64 = 120;

/// A name as written in texts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Name {
    pub(super) surface: String,
    pub(super) class: Class,
}

/// The split of an invented word: 14 of 20 words are for training, 3 for development, 3 for tests.
pub(super) fn split_of(word: &str) -> Split {
    let digest = blake3::hash(word.to_lowercase().as_bytes());
    match digest.as_bytes()[0] % 20 {
        0..14 => Split::Train,
        14..17 => Split::Dev,
        _ => Split::Test,
    }
}

/// Draws a name of a class whose invented word belongs to the split.
pub(super) fn draw(split: Split, class: Class, rng: &mut impl Rng) -> Name {
    let surface = match class {
        Class::Person => person(split, rng),
        Class::Place => place(split, rng),
        Class::Organisation => organisation(split, rng),
        Class::Other => other(split, rng),
    };
    let surface = match rng.random_range(0..100) {
        0..3 if !surface.starts_with('@') => surface.to_lowercase(),
        3..5 if !surface.starts_with('@') => surface.to_uppercase(),
        _ => surface,
    };
    Name { surface, class }
}

/// Draws a name that two classes share, as the requested class; `None` if no drawn name has that class.
pub(super) fn draw_ambiguous(split: Split, class: Class, rng: &mut impl Rng) -> Option<Name> {
    // Half of the names have any given class, so 12 attempts nearly always find one.
    (0..12)
        .map(|_| ambiguous(split, rng.random_range(0..AMBIGUOUS_SURFACES)))
        .find(|(_, classes)| classes.contains(&class))
        .map(|(surface, _)| Name { surface, class })
}

/// Every name of a split that two classes share, with both classes.
pub(super) fn all_ambiguous(split: Split) -> impl Iterator<Item = (String, [Class; 2])> {
    (0..AMBIGUOUS_SURFACES).map(move |number| ambiguous(split, number))
}

fn ambiguous(split: Split, number: u64) -> (String, [Class; 2]) {
    let mut rng = seeded_rng("ambiguous surface", split.as_str(), number);
    let word = word_of_split(split, &mut rng, |rng| {
        loop {
            let word = stem(rng) + pick(&["an", "o", "ar", "en", "al"], rng);
            let telling = [SURNAME_ENDINGS, GIVEN_NAME_ENDINGS, TOWN_ENDINGS, BRAND_ENDINGS, PRODUCT_ENDINGS];
            if !telling.iter().any(|endings| endings.iter().any(|ending| word.ends_with(ending))) {
                break word;
            }
        }
    });
    // The classes depend on the word alone, because two numbers could generate the same word.
    let mut rng = seeded_rng("ambiguous classes", &word.to_lowercase(), 0);
    let first = rng.random_range(0..4);
    let second = (first + rng.random_range(1..4)) % 4;
    (word, [Class::ALL[first], Class::ALL[second]])
}

fn person<R: Rng>(split: Split, rng: &mut R) -> String {
    let last = |rng: &mut R| {
        word_of_split(split, rng, |rng| {
            if rng.random_bool(0.7) {
                stem(rng) + pick(SURNAME_ENDINGS, rng)
            } else {
                stem(rng) + pick(GIVEN_NAME_ENDINGS, rng)
            }
        })
    };
    match rng.random_range(0..100) {
        0..56 => format!("{} {}", pick(FIRST_NAMES, rng), last(rng)),
        56..62 => {
            let initial = char::from(b'A' + rng.random_range(0..26u8));
            format!("{initial}. {}", last(rng))
        }
        62..66 => {
            let (first, middle) = (pick(FIRST_NAMES, rng), char::from(b'A' + rng.random_range(0..26u8)));
            format!("{first} {middle}. {}", last(rng))
        }
        66..80 => word_of_split(split, rng, |rng| stem(rng) + pick(GIVEN_NAME_ENDINGS, rng)),
        80..90 => format!("{} {}", pick(STAGE_TITLES, rng), word_of_split(split, rng, two_syllables)),
        _ => {
            let word = word_of_split(split, rng, two_syllables).to_lowercase();
            format!("@{word}{}", pick(&["official", "tv", "_x", "99", "_music", "irl", "_real", "7"], rng))
        }
    }
}

fn place<R: Rng>(split: Split, rng: &mut R) -> String {
    let town = |rng: &mut R| word_of_split(split, rng, |rng| stem(rng) + pick(TOWN_ENDINGS, rng));
    let bare = |rng: &mut R| word_of_split(split, rng, two_syllables);
    match rng.random_range(0..100) {
        0..40 => town(rng),
        40..65 => format!(
            "{} {}",
            pick(&["Port", "Mount", "Lake", "New", "San", "Fort", "El", "North"], rng),
            bare(rng)
        ),
        65..90 => format!(
            "{} {}",
            bare(rng),
            pick(
                &["Bay", "Valley", "Square", "Street", "Island", "Heights", "Beach", "County", "Hills"],
                rng
            )
        ),
        _ => format!("{} City", town(rng)),
    }
}

fn organisation<R: Rng>(split: Split, rng: &mut R) -> String {
    let brand = |rng: &mut R| word_of_split(split, rng, |rng| stem(rng) + pick(BRAND_ENDINGS, rng));
    let bare = |rng: &mut R| word_of_split(split, rng, two_syllables);
    match rng.random_range(0..100) {
        0..30 => brand(rng),
        30..58 => format!(
            "{} {}",
            bare(rng),
            pick(&["FC", "United", "Rovers", "Athletic", "Wolves", "Hawks", "Raiders", "Giants"], rng)
        ),
        58..78 => format!(
            "{} {}",
            bare(rng),
            pick(&["Inc", "Labs", "Records", "Airlines", "University", "Group", "Media", "Foundation"], rng)
        ),
        78..86 => format!("{} {}", pick(&["Bank of", "Club", "Team", "Studio"], rng), bare(rng)),
        _ => word_of_split(split, rng, |rng| {
            (0..rng.random_range(3..5))
                .map(|_| char::from(CAPITALS[rng.random_range(0..CAPITALS.len())]))
                .collect()
        })
        .to_uppercase(),
    }
}

fn other<R: Rng>(split: Split, rng: &mut R) -> String {
    let product = |rng: &mut R| word_of_split(split, rng, |rng| stem(rng) + pick(PRODUCT_ENDINGS, rng));
    let bare = |rng: &mut R| word_of_split(split, rng, two_syllables);
    match rng.random_range(0..100) {
        0..30 => product(rng),
        30..55 => {
            format!(
                "{} {}",
                product(rng),
                pick(&["Pro", "Max", "3000", "Mini", "X", "2", "Plus", "Zero", "64"], rng)
            )
        }
        55..75 => format!(
            "{} {}",
            bare(rng),
            pick(&["Fest", "Awards", "Marathon", "Chronicles", "Open", "Derby", "Rising", "Week"], rng)
        ),
        75..90 => format!(
            "{} {}",
            pick(&["Project", "Game of", "Operation", "Return to", "Escape from"], rng),
            bare(rng)
        ),
        _ => format!("The {} {}", bare(rng), pick(&["Show", "Files", "Tapes", "Diaries", "Games"], rng)),
    }
}

/// Draws words until one belongs to the split; returns it capitalised.
fn word_of_split<R: Rng>(split: Split, rng: &mut R, mut make: impl FnMut(&mut R) -> String) -> String {
    loop {
        let word = make(rng);
        let lower = word.to_lowercase();
        if split_of(&lower) == split && !REJECTED_SYLLABLES.iter().any(|part| lower.contains(part)) {
            let mut letters = lower.chars();
            return letters
                .next()
                .map(|first| first.to_uppercase().chain(letters).collect())
                .unwrap_or_default();
        }
    }
}

fn two_syllables<R: Rng>(rng: &mut R) -> String {
    let mut word = stem(rng) + pick(NUCLEI, rng) + pick(CODAS, rng);
    if rng.random_bool(0.2) {
        word = stem(rng) + &word;
    }
    word
}

/// One or two syllables, and the consonant that begins the next.
fn stem<R: Rng>(rng: &mut R) -> String {
    let mut word = String::new();
    if rng.random_bool(0.35) {
        word += pick(ONSETS, rng);
        word += pick(NUCLEI, rng);
    }
    word += pick(ONSETS, rng);
    word += pick(NUCLEI, rng);
    word += pick(
        &["b", "d", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "lk", "rn", "nd", "st", "rv"],
        rng,
    );
    word
}

const ONSETS: &[&str] = &[
    "b", "br", "d", "dr", "f", "fl", "g", "gr", "h", "j", "k", "kr", "l", "m", "n", "p", "pr", "qu", "r",
    "s", "sh", "st", "t", "tr", "v", "w", "y", "z", "th", "ch",
];
const NUCLEI: &[&str] = &["a", "e", "i", "o", "u", "a", "e", "o", "ai", "ea", "ou", "y"];
const CODAS: &[&str] = &["", "n", "r", "l", "s", "m", "k", "th", "sh", "nt", "", "d"];
const CAPITALS: &[u8] = b"bcdfghjklmnpqrstvwxz";
const SURNAME_ENDINGS: &[&str] =
    &["son", "ski", "ez", "sen", "man", "ini", "ov", "escu", "ley", "etti", "kowski", "sson"];
const GIVEN_NAME_ENDINGS: &[&str] = &["ie", "ey", "yn", "ella", "ito", "een", "iya", "elle"];
const TOWN_ENDINGS: &[&str] = &[
    "ton", "burg", "ville", "ford", "stan", "shire", "holm", "grad", "mouth", "borough", "land", "wick",
    "minster",
];
const BRAND_ENDINGS: &[&str] =
    &["ex", "tron", "soft", "corp", "ify", "tek", "net", "gen", "dyne", "bank", "ware", "co"];
const PRODUCT_ENDINGS: &[&str] =
    &["ix", "oid", "izer", "amon", "ora", "ium", "ade", "eon", "opia", "craft", "quest"];
const STAGE_TITLES: &[&str] = &["DJ", "Lil", "MC", "Big", "Young", "Dr", "Saint", "Professor", "Captain"];
const FIRST_NAMES: &[&str] = &[
    "Aaron", "Adele", "Aisha", "Alan", "Alba", "Alex", "Alice", "Amara", "Amir", "Ana", "Andre", "Anna",
    "Anton", "Asha", "Ava", "Beatriz", "Ben", "Bianca", "Boris", "Bruno", "Camila", "Carl", "Carmen",
    "Chidi", "Chloe", "Clara", "Cody", "Dana", "Daniel", "Dario", "David", "Deepa", "Diego", "Dina", "Edith",
    "Elena", "Eli", "Ella", "Emeka", "Emma", "Eric", "Esra", "Eva", "Fatima", "Felix", "Finn", "Freya",
    "Gabriel", "Gina", "Grace", "Greta", "Gus", "Hana", "Hassan", "Helen", "Hugo", "Ida", "Igor", "Imran",
    "Ines", "Iris", "Ivan", "Jack", "Jada", "James", "Jana", "Jasper", "Jin", "Jodie", "Joel", "Jonas",
    "Juan", "Julia", "Kai", "Karim", "Kate", "Keiko", "Kevin", "Kofi", "Lara", "Laura", "Leah", "Leo",
    "Liam", "Lina", "Lucas", "Luis", "Maja", "Marco", "Maria", "Marta", "Max", "Maya", "Mei", "Mia", "Mira",
    "Mo", "Nadia", "Nate", "Nia", "Nikolai", "Nina", "Noah", "Nora", "Olga", "Oscar", "Otto", "Pablo",
    "Paula", "Pedro", "Petra", "Priya", "Rafael", "Rahul", "Rania", "Rosa", "Ruth", "Sam", "Sara", "Selma",
    "Sergei", "Simon", "Sofia", "Stella", "Sven", "Tara", "Theo", "Tia", "Tomas", "Uma", "Vera", "Victor",
    "Wendy", "Yara", "Yuki", "Yusuf", "Zach", "Zara", "Zoe",
];
/// Letter sequences that make a word unacceptable.
const REJECTED_SYLLABLES: &[&str] = &[
    "fuk", "fuck", "shit", "cunt", "kunt", "nig", "fag", "rape", "dik", "dick", "tit", "nazi", "cok", "slut",
    "jew",
];

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    fn surfaces(split: Split) -> HashMap<String, HashSet<Class>> {
        let mut rng = seeded_rng("test", split.as_str(), 0);
        let mut found: HashMap<String, HashSet<Class>> = HashMap::new();
        for round in 0..20_000 {
            let name = draw(split, Class::ALL[round % 4], &mut rng);
            found.entry(name.surface.to_lowercase()).or_default().insert(name.class);
        }
        let ambiguous: HashMap<String, [Class; 2]> = all_ambiguous(split).collect();
        for (surface, classes) in ambiguous {
            assert!(!found.contains_key(&surface.to_lowercase()), "{surface} is also an ordinary name");
            found.entry(surface.to_lowercase()).or_default().extend(classes);
        }
        found
    }

    #[test]
    fn splits_share_no_names() {
        let [train, dev, test] = [Split::Train, Split::Dev, Split::Test].map(surfaces);
        assert!(train.len() > 15_000, "{} names", train.len());
        for held_out in [&dev, &test] {
            assert!(held_out.keys().all(|surface| !train.contains_key(surface)));
        }
        assert!(dev.keys().all(|surface| !test.contains_key(surface)));
    }

    #[test]
    fn only_the_ambiguous_surfaces_stand_for_two_types() {
        let ambiguous: HashSet<_> =
            all_ambiguous(Split::Test).map(|(surface, _)| surface.to_lowercase()).collect();
        assert!(ambiguous.len() > 100);
        for (surface, classes) in surfaces(Split::Test) {
            assert_eq!(classes.len() == 2, ambiguous.contains(&surface), "{surface} {classes:?}");
        }
    }
}
