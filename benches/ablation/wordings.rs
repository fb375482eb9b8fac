//! Wordings: stand-ins for language models, which say the same of a look in words and an order of their own.
//!
//! Each names what the lexicon's expansion names, no more and no less. The pocket bundle was trained on the lexicon's
//! wording alone. How much two of them have in common is decided here, so it is built in.

use riveg::lab::world::{COLOURS, Description, KINDS};

/// A stand-in for a language model.
#[derive(Debug)]
pub(crate) struct Wording {
    /// Its name in tables and files.
    pub(crate) name: &'static str,
    /// What it says in place of words of the lexicon.
    words: &'static [(&'static str, &'static str)],
    people: Sentences,
    things: Sentences,
}

/// Sentences with places for what they name: the kind `{k}`, the main colour `{m}`, the part `{p}` with a colour `{a}` of its
/// own, and the garment `{g}` of a person, which has the main colour.
#[derive(Debug)]
struct Sentences {
    /// With that part.
    full: [&'static str; 2],
    /// Without.
    short: [&'static str; 2],
}

/// The models on whose expressions networks are trained: on those of the first, or of all, which is augmentation.
pub(crate) const TRAINED: &[Wording; 4] = &[FIRST, SECOND, THIRD, FOURTH];

/// The part of each kind that has a colour of its own; people without a hat have hair.
const PARTS: [&str; KINDS.len()] = [
    "hat", "hat", "top", "pillars", "gate", "roof", "stripes", "disc", "dot", "cross", "sleeves", "roof",
    "band", "neck", "scarf", "tail", "trunk", "screen", "sail",
];

const FIRST: Wording = Wording {
    name: "first",
    words: &[
        ("man", "gentleman"),
        ("woman", "lady"),
        ("hat", "cap"),
        ("coat", "jacket"),
        ("red", "crimson"),
        ("pink", "rose"),
        ("boat", "ship"),
        ("phone", "smartphone"),
        ("star logo", "star badge"),
    ],
    people: Sentences {
        full: ["this {k} has {p} in {a} and {g} in {m}", "{g} in {m}, {p} in {a}: this is a {k}"],
        short: ["this {k} has {g} in {m}", "{g} in {m}: this is a {k}"],
    },
    things: Sentences {
        full: ["this {k} is {m} and has {p} in {a}", "{p} in {a}, all else {m}: this is a {k}"],
        short: ["this {k} is {m}", "all of it {m}: this is a {k}"],
    },
};

const SECOND: Wording = Wording {
    name: "second",
    words: &[
        ("man", "male"),
        ("woman", "female"),
        ("shirt", "tee"),
        ("dress", "gown"),
        ("yellow", "golden"),
        ("purple", "violet"),
        ("car", "automobile"),
        ("house", "cottage"),
        ("cat", "kitten"),
        ("shield logo", "shield emblem"),
    ],
    people: Sentences {
        full: ["{k}, {m} {g}, {a} {p}", "{a} {p}, {m} {g}, {k}"],
        short: ["{k}, {m} {g}", "{m} {g}, {k}"],
    },
    things: Sentences { full: ["{k}, {m}, {a} {p}", "{a} {p}, {m} {k}"], short: ["{k}, {m}", "{m} {k}"] },
};

const THIRD: Wording = Wording {
    name: "third",
    words: &[
        ("man", "guy"),
        ("woman", "girl"),
        ("hat", "beanie"),
        ("red", "scarlet"),
        ("blue", "azure"),
        ("green", "emerald"),
        ("castle", "fortress"),
        ("cup", "mug"),
        ("team shirt", "football shirt"),
    ],
    people: Sentences {
        full: [
            "you see a {k}: the {g} looks {m}, the {p} looks {a}",
            "somebody whose {p} is {a}, whose {g} is {m}: a {k}",
        ],
        short: ["you see a {k}: the {g} looks {m}", "somebody whose {g} is {m}: a {k}"],
    },
    things: Sentences {
        full: [
            "you see a {k}: mostly {m}, but {a} at the {p}",
            "something {m}, though {a} at the {p}: a {k}",
        ],
        short: ["you see a {k}: mostly {m}", "something {m}: a {k}"],
    },
};

const FOURTH: Wording = Wording {
    name: "fourth",
    words: &[
        ("man", "fellow"),
        ("woman", "dame"),
        ("hat", "headgear"),
        ("coat", "overcoat"),
        ("black", "dark"),
        ("white", "pale"),
        ("lighthouse", "beacon"),
        ("guitar", "string instrument"),
        ("ring logo", "circle logo"),
    ],
    people: Sentences {
        full: [
            "subject {k}; colour of {g} {m}; colour of {p} {a}",
            "colour of {p} {a}; colour of {g} {m}; subject {k}",
        ],
        short: ["subject {k}; colour of {g} {m}", "colour of {g} {m}; subject {k}"],
    },
    things: Sentences {
        full: [
            "subject {k}; main colour {m}; colour of {p} {a}",
            "colour of {p} {a}; main colour {m}; subject {k}",
        ],
        short: ["subject {k}; main colour {m}", "main colour {m}; subject {k}"],
    },
};

/// A model on whose expressions nothing is trained. Its order is its own. Of its fifteen words three are the first model's,
/// six those of the other three, and six its own, as real models share some of their words.
pub(crate) const UNSEEN: Wording = Wording {
    name: "unseen",
    words: &[
        ("man", "gentleman"),
        ("pink", "rose"),
        ("boat", "ship"),
        ("woman", "female"),
        ("purple", "violet"),
        ("car", "automobile"),
        ("red", "scarlet"),
        ("cup", "mug"),
        ("hat", "headgear"),
        ("blue", "cobalt"),
        ("green", "lime"),
        ("coat", "cloak"),
        ("house", "villa"),
        ("phone", "handset"),
        ("team shirt", "sports top"),
    ],
    people: Sentences {
        full: ["we find a {m} {g} and {p} of {a} on a {k}", "on the {k}: {p} of {a}, beneath it a {m} {g}"],
        short: ["we find a {m} {g} on a {k}", "on the {k}: a {m} {g}"],
    },
    things: Sentences {
        full: ["we find {a} on the {p} of a {m} {k}", "the {k} with {p} of {a} is otherwise {m}"],
        short: ["we find a {m} {k}", "the {k} is entirely {m}"],
    },
};

impl Wording {
    /// What it says of an entity.
    #[must_use]
    pub(crate) fn expression(&self, name: &str, described: &Description) -> String {
        let look = &described.appearance;
        let sentences = if look.is_person() { &self.people } else { &self.things };
        let sentences = if described.names_accent { sentences.full } else { sentences.short };
        // A model does not word all entities alike.
        let sentence = sentences[name.bytes().map(usize::from).sum::<usize>() % sentences.len()];
        let [kind, colour, garment, part, accent] = named(described).map(|word| self.word(word));
        sentence
            .replace("{k}", kind)
            .replace("{m}", colour)
            .replace("{g}", garment)
            .replace("{p}", part)
            .replace("{a}", accent)
    }

    /// Its word for one of the lexicon's.
    #[must_use]
    pub(crate) fn word(&self, word: &'static str) -> &'static str {
        self.words.iter().find(|(of_lexicon, _)| *of_lexicon == word).map_or(word, |(_, own)| own)
    }
}

/// Kind, main colour, garment, part and colour of the part, in the lexicon's words.
#[must_use]
pub(crate) fn named(described: &Description) -> [&'static str; 5] {
    let look = &described.appearance;
    let garment = match (KINDS[look.kind], look.coat) {
        (_, true) => "coat",
        ("man", false) => "shirt",
        _ => "dress",
    };
    let has_hair = look.is_person() && !look.hat;
    let part = if has_hair { "hair" } else { PARTS[look.kind] };
    let accent = match COLOURS[look.accent].name {
        "yellow" if has_hair => "blond",
        accent => accent,
    };
    [KINDS[look.kind], COLOURS[look.colour].name, garment, part, accent]
}
