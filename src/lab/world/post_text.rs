//! Texts of posts: clauses are joined, noise is added as people write, and the spans of names are recorded.

use rand::Rng;
use rand::seq::IndexedRandom;

use super::appearance::Class;
use super::clauses::{
    EMOJI, HASHTAGS, JOINTS, NEGATED, OPENERS, SLANG, SMALL_TALK, TAILS, UNTELLING, clauses,
};
use super::composition::draw_class;
use super::difficulty::Difficulty;
use super::rng::pick;
use crate::domain::Span;

/// The plan of a text: its words in order, with slots for entity names.
#[derive(Debug)]
pub(super) struct TextPlan {
    words: Vec<Word>,
    /// Types of its slots in reading order.
    pub(super) slots: Vec<Class>,
    /// Of each slot, whether the text says that the picture does not show it.
    pub(super) negated: Vec<bool>,
}

#[derive(Debug)]
enum Word {
    Plain(String),
    /// Punctuation before and after a name; slots are numbered in order.
    Slot(String, String),
}

/// The clauses by number of slots and by class; parsed once per world.
#[derive(Debug)]
pub(super) struct ClauseIndex {
    /// `by_slots[n - 1][class]`: clauses with `n` slots, at least one of them of that class.
    by_slots: [[Vec<&'static str>; 4]; 3],
}

impl ClauseIndex {
    pub(super) fn new() -> Self {
        let mut by_slots: [[Vec<&'static str>; 4]; 3] = Default::default();
        for clause in clauses() {
            let slots: Vec<Class> =
                clause.split(' ').filter_map(slot_of).map(|(_, class, _)| class).collect();
            for class in Class::ALL {
                if slots.contains(&class) && (1..=3).contains(&slots.len()) {
                    by_slots[slots.len() - 1][class as usize].push(clause);
                }
            }
        }
        Self { by_slots }
    }

    /// Draws the plan of a post with a given number of mentions.
    pub(super) fn plan(
        &self,
        mentions: usize,
        difficulty: &Difficulty,
        rng: &mut rand_chacha::ChaCha8Rng,
    ) -> TextPlan {
        let mut plan = TextPlan { words: Vec::new(), slots: Vec::new(), negated: Vec::new() };
        if rng.random_bool(0.1) {
            plan.push_words(&format!("RT @{}:", user_handle(rng)));
        }
        if rng.random_bool(0.3) {
            plan.push_words(pick(OPENERS, rng));
        }
        if mentions == 0 {
            plan.push_words(pick(SMALL_TALK, rng));
        }
        while plan.slots.len() < mentions {
            if !plan.slots.is_empty() {
                plan.push_joint(rng);
            }
            // Without such clauses nothing is drawn, so that plain posts are what they were.
            if difficulty.untelling > 0.0 && rng.random_bool(difficulty.untelling) {
                plan.push_untelling(difficulty.negated, rng);
                continue;
            }
            let left = (mentions - plan.slots.len()).min(3);
            // A post of two mentions has one clause for both with a probability of 0.8.
            let slots = if rng.random_bool(0.6) { left } else { rng.random_range(1..=left) };
            let clauses = &self.by_slots[slots - 1][draw_class(rng) as usize];
            plan.push_words(clauses.choose(rng).unwrap_or(&"met {PER} today"));
        }
        if rng.random_bool(0.3) {
            plan.punctuate(pick(&[".", "!", "!!", "?", "...", ","], rng));
        }
        if rng.random_bool(0.4) {
            plan.push_words(pick(TAILS, rng));
        }
        plan.add_noise(rng);
        plan
    }
}

impl TextPlan {
    /// The text with `names` in its slots, one per slot in reading order, and their spans.
    pub(super) fn render(&self, names: &[&str], rng: &mut impl Rng) -> (String, Vec<Span>) {
        let mut text = String::new();
        let mut spans = Vec::new();
        if rng.random_bool(0.1) {
            push_word(&mut text, pick(EMOJI, rng));
        }
        let breaks = rng.random_bool(0.06);
        for word in &self.words {
            match word {
                Word::Plain(plain) => push_word(&mut text, plain),
                Word::Slot(before, after) => {
                    let name = names.get(spans.len()).copied().unwrap_or_default();
                    push_word(&mut text, before);
                    let (byte_start, start) = (text.len(), text.chars().count());
                    text.push_str(name);
                    let (byte_end, end) = (text.len(), text.chars().count());
                    spans.push(Span { start, end, byte_start, byte_end });
                    text.push_str(after);
                }
            }
        }
        for _ in 0..pick_count(rng) {
            push_word(&mut text, pick(EMOJI, rng));
        }
        if breaks {
            text.push('\n');
        }
        for _ in 0..pick_count(rng) {
            push_word(&mut text, pick(HASHTAGS, rng));
        }
        if let Some(name) = names.choose(rng)
            && rng.random_bool(0.07)
        {
            let tag: String = name.chars().filter(|letter| letter.is_alphanumeric()).collect();
            push_word(&mut text, &format!("#{tag}"));
        }
        if rng.random_bool(0.05) {
            push_word(&mut text, &format!("via @{}", user_handle(rng)));
        }
        if rng.random_bool(0.4) {
            push_word(&mut text, &format!("https://t.co/{}", link_code(rng)));
        }
        (text, spans)
    }

    fn push_words(&mut self, words: &str) {
        for word in words.split(' ') {
            match slot_of(word) {
                Some((before, class, after)) => {
                    self.slots.push(class);
                    self.negated.push(false);
                    self.words.push(Word::Slot(before.to_owned(), after.to_owned()));
                }
                None => self.words.push(Word::Plain(word.to_owned())),
            }
        }
    }

    /// Adds a clause whose words tell nothing of the type of its name.
    fn push_untelling(&mut self, negated: f64, rng: &mut impl Rng) {
        let is_negated = rng.random_bool(negated);
        let clause = pick(if is_negated { NEGATED } else { UNTELLING }, rng);
        let slot = format!("{{{}}}", draw_class(rng).type_name());
        self.push_words(&clause.replace("{ANY}", &slot));
        if let Some(last) = self.negated.last_mut() {
            *last = is_negated;
        }
    }

    fn push_joint(&mut self, rng: &mut impl Rng) {
        if rng.random_bool(0.4) {
            self.punctuate(pick(&[".", "!", ",", ";", "..."], rng));
        } else {
            self.push_words(pick(JOINTS, rng));
        }
    }

    /// Attaches punctuation to the last word.
    fn punctuate(&mut self, mark: &str) {
        match self.words.last_mut() {
            Some(Word::Plain(word)) => word.push_str(mark),
            Some(Word::Slot(_, after)) => after.push_str(mark),
            None => {}
        }
    }

    /// Adds slang, typing errors and capitals; names stay unchanged, but some get quotation marks.
    fn add_noise(&mut self, rng: &mut impl Rng) {
        let slang = if rng.random_bool(0.25) { 0.5 } else { 0.04 };
        let case = rng.random_range(0..20);
        for (index, word) in self.words.iter_mut().enumerate() {
            match word {
                Word::Plain(word) if word.starts_with('@') || word == "RT" => {}
                Word::Plain(word) => {
                    if let Some((_, short)) = SLANG.iter().find(|(long, _)| *long == word.as_str())
                        && rng.random_bool(slang)
                    {
                        *word = (*short).to_owned();
                    }
                    if rng.random_bool(0.025) {
                        make_typo(word, rng);
                    }
                    match case {
                        0..5 if index == 0 => capitalise(word),
                        5 => *word = word.to_uppercase(),
                        6 => capitalise(word),
                        _ => {}
                    }
                }
                Word::Slot(before, after) => {
                    if before.is_empty() && after.is_empty() && rng.random_bool(0.03) {
                        let (open, close) =
                            [("\"", "\""), ("(", ")"), ("*", "*"), ("“", "”")][rng.random_range(0..4)];
                        open.clone_into(before);
                        close.clone_into(after);
                    }
                }
            }
        }
    }
}

/// Spans of the words between white space.
pub(super) fn words_of(text: &str) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    let mut count = 0;
    for (byte, letter) in text.char_indices() {
        match (letter.is_whitespace(), open) {
            (true, Some((start, byte_start))) => {
                spans.push(Span { start, end: count, byte_start, byte_end: byte });
                open = None;
            }
            (false, None) => open = Some((count, byte)),
            _ => {}
        }
        count += 1;
    }
    if let Some((start, byte_start)) = open {
        spans.push(Span { start, end: count, byte_start, byte_end: text.len() });
    }
    spans
}

/// The text before a slot in its word, the slot's class, and the text after it.
fn slot_of(word: &str) -> Option<(&str, Class, &str)> {
    let (before, rest) = word.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    let class = Class::ALL.into_iter().find(|class| class.type_name() == name)?;
    Some((before, class, after))
}

fn push_word(text: &mut String, word: &str) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push(' ');
    }
    text.push_str(word);
}

/// Draws 0 to 3, mostly 0.
fn pick_count(rng: &mut impl Rng) -> usize {
    [0, 0, 0, 0, 0, 1, 1, 1, 2, 3][rng.random_range(0..10)]
}

fn user_handle(rng: &mut impl Rng) -> String {
    let first = pick(&["daily", "the", "real", "its", "just", "mr", "miss", "news", "xo", "big"], rng);
    let second =
        pick(&["tweets", "fan", "mike", "jenny", "vibes", "nerd", "updates", "gamer", "kid", "mom"], rng);
    format!("{first}{second}{}", rng.random_range(1..999))
}

fn link_code(rng: &mut impl Rng) -> String {
    const SIGNS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    (0..10).map(|_| char::from(SIGNS[rng.random_range(0..SIGNS.len())])).collect()
}

/// Swaps, doubles or drops a letter of a word of at least four letters.
fn make_typo(word: &mut String, rng: &mut impl Rng) {
    let mut letters: Vec<char> = word.chars().collect();
    if letters.len() < 4 {
        return;
    }
    let at = rng.random_range(1..letters.len() - 1);
    match rng.random_range(0..3) {
        0 => letters.swap(at, at + 1),
        1 => letters.insert(at, letters[at]),
        _ => drop(letters.remove(at)),
    }
    *word = letters.into_iter().collect();
}

fn capitalise(word: &mut String) {
    let mut letters = word.chars();
    if let Some(first) = letters.next() {
        *word = first.to_uppercase().chain(letters).collect();
    }
}
