//! When is a line a noun phrase? Its first sentence, without the entity's name in front of it.

use unicode_segmentation::UnicodeSegmentation;

use super::excuses::none_in;
use super::form::Form;
use super::line::cut;
use super::refusal::Refusal;

/// The most words that are kept of a phrase: networks read 30 to 80, the name among them.
const MOST_WORDS: usize = 24;
/// What no phrase in plain words has: parts of code, of lists and of tables, and what parts a label from what it labels.
const MARKS: [char; 16] = ['<', '>', '{', '}', '[', ']', '|', '\\', '=', '`', '~', '^', '_', '*', '•', ';'];
/// A phrase that ends with one of these has no end.
const GOES_ON: [&str; 20] = [
    "a", "an", "the", "of", "in", "on", "at", "by", "for", "from", "with", "and", "or", "to", "into", "over",
    "is", "are", "his", "her",
];
/// What a model gives back that fills in nothing: words of the prompt and of the schema.
const PLACEHOLDERS: [&str; 5] = ["string", "phrase", "noun phrase", "entity", "type"];
/// How the prompt's own sentences begin.
const ECHOES: [&str; 2] = ["as a picture would", "what kind of"];

/// The phrase in a line about `name`; an empty name is that of nothing.
///
/// # Errors
/// The line is none.
pub(super) fn phrase(line: &str, name: &str) -> Result<String, Refusal> {
    // A sentence that asks is a question, whatever else is said.
    if line.contains(['?', '？']) {
        return Err(Refusal::Question);
    }
    let said = without_name(unquoted(first_sentence(unquoted(line))), name);
    let said = said.trim_end_matches(['.', ',', '!', ':']).trim();
    none_in(Form::Phrase, &said.to_lowercase().replace('’', "'"))?;
    if said.contains(MARKS) || said.starts_with('#') {
        return Err(Refusal::Markup);
    }
    if said.starts_with(['-', '–', '—', '+']) || is_numbered(said) {
        return Err(Refusal::List);
    }
    if labels(said) {
        return Err(Refusal::Talk);
    }
    let words: Vec<&str> = said.split(' ').collect();
    let was_cut = words.len() > MOST_WORDS || said.chars().count() > Form::Phrase.longest();
    let kept = cut(&words[..words.len().min(MOST_WORDS)].join(" "), Form::Phrase.longest());
    let goes_on = |phrase: &str| phrase.rsplit(' ').next().is_some_and(|word| GOES_ON.contains(&word));
    let mut phrase = kept.trim_end_matches([',', ' ']);
    if goes_on(phrase) && !was_cut {
        return Err(Refusal::CutOff);
    }
    while let Some((before, _)) = phrase.rsplit_once(' ').filter(|_| goes_on(phrase)) {
        phrase = before.trim_end_matches([',', ' ']);
    }
    let phrase = with_small_article(phrase);
    let lower = phrase.to_lowercase();
    let fills_nothing = PLACEHOLDERS.iter().any(|words| lower == *words)
        || ECHOES.iter().any(|words| lower.starts_with(words));
    if fills_nothing || (!name.is_empty() && lower == name.to_lowercase()) {
        return Err(Refusal::Echo);
    }
    if phrase.chars().any(char::is_alphabetic) { Ok(phrase) } else { Err(Refusal::Empty) }
}

/// The first sentence, without its end mark.
fn first_sentence(text: &str) -> &str {
    let sentence = text.unicode_sentences().next().unwrap_or(text);
    sentence.trim().trim_end_matches(['.', '!', '。']).trim_end()
}

fn unquoted(text: &str) -> &str {
    text.trim_matches(['"', '\'', '“', '”', '‘', '’', '«', '»', '`', '*', ' '])
}

/// `CP3 is a player` and `CP3 (PER) - a player` say `a player`.
fn without_name<'a>(phrase: &'a str, name: &str) -> &'a str {
    let lead = phrase.get(..name.len()).filter(|lead| !lead.is_empty() && lead.eq_ignore_ascii_case(name));
    let Some(rest) = lead.map(|_| phrase[name.len()..].trim_start()) else { return phrase };
    let rest = match rest.split_once(')') {
        Some((before, after)) if before.starts_with('(') => after.trim_start(),
        _ => rest,
    };
    ["is ", "was ", "are ", "refers to ", "- ", "– ", "— ", ": "]
        .iter()
        .find_map(|joint| rest.strip_prefix(joint))
        .map_or(phrase, str::trim_start)
}

/// `1. a man`, `2) a man`.
fn is_numbered(phrase: &str) -> bool {
    let rest = phrase.trim_start_matches(|letter: char| letter.is_ascii_digit());
    rest.len() < phrase.len()
        && rest.starts_with(['.', ')'])
        && !rest[1..].starts_with(|letter: char| letter.is_ascii_digit())
}

/// Whether a colon parts a label from what it labels; a clock's colon has digits on both sides.
fn labels(phrase: &str) -> bool {
    phrase.match_indices(':').any(|(at, _)| {
        let (before, after) = (phrase[..at].chars().next_back(), phrase[at + 1..].chars().next());
        !before.zip(after).is_some_and(|(before, after)| before.is_ascii_digit() && after.is_ascii_digit())
    })
}

fn with_small_article(phrase: &str) -> String {
    ["A ", "An ", "The "]
        .iter()
        .find_map(|article| {
            phrase.strip_prefix(article).map(|rest| format!("{}{rest}", article.to_lowercase()))
        })
        .unwrap_or_else(|| phrase.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_becomes_a_noun_phrase_or_a_reason() {
        for (line, expected) in [
            ("A football league in England.", Ok("a football league in England")),
            ("CP3 is a basketball player. He plays for the Suns.", Ok("a basketball player")),
            ("CP3 (PER) - a basketball player", Ok("a basketball player")),
            ("CP3: a basketball player", Ok("a basketball player")),
            ("\"a basketball player.\"", Ok("a basketball player")),
            ("**a player at 10:30**", Ok("a player at 10:30")),
            ("a 3.5 metre wall", Ok("a 3.5 metre wall")),
            ("CP3", Err(Refusal::Echo)),
            ("string", Err(Refusal::Echo)),
            ("As a picture would show it, a man", Err(Refusal::Echo)),
            ("What do you mean?", Err(Refusal::Question)),
            ("Name (short): a man", Err(Refusal::Talk)),
            ("1. a man", Err(Refusal::List)),
            ("- a man", Err(Refusal::List)),
            ("a man = red", Err(Refusal::Markup)),
            ("a man in the", Err(Refusal::CutOff)),
            ("123", Err(Refusal::Empty)),
        ] {
            assert_eq!(phrase(line, "CP3"), expected.map(str::to_owned), "{line}");
        }
        let long = phrase(&"a red wall of the ".repeat(8), "").unwrap();
        assert!(long.split(' ').count() <= MOST_WORDS && long.ends_with("wall"), "{long}");
    }
}
