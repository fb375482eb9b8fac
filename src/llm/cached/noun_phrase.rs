//! Noun phrases: the first sentence of a line, without the entity's name in front.

use unicode_segmentation::UnicodeSegmentation;

use super::answer_format::AnswerFormat;
use super::plain_text::truncate_at_word;
use super::refusals::reject_refusals;
use super::reject_reason::RejectReason;

/// The most words that are kept of a phrase: networks read 30 to 80, including the name.
const MAX_WORDS: usize = 24;
/// Characters that no plain phrase has: parts of code, lists and tables.
const MARKS: [char; 16] = ['<', '>', '{', '}', '[', ']', '|', '\\', '=', '`', '~', '^', '_', '*', '•', ';'];
/// A phrase that ends with one of these words is incomplete.
const INCOMPLETE_ENDS: [&str; 20] = [
    "a", "an", "the", "of", "in", "on", "at", "by", "for", "from", "with", "and", "or", "to", "into", "over",
    "is", "are", "his", "her",
];
/// Words of the prompt and of the schema that a model returns instead of an answer.
const PLACEHOLDERS: [&str; 5] = ["string", "phrase", "noun phrase", "entity", "type"];
/// How sentences of the prompt begin.
const ECHOES: [&str; 2] = ["as a picture would", "what kind of"];

/// The noun phrase in a line about the entity `name`, which may be empty.
///
/// # Errors
/// The line is not a noun phrase.
pub(super) fn extract_noun_phrase(line: &str, name: &str) -> Result<String, RejectReason> {
    // A question mark anywhere makes it a question.
    if line.contains(['?', '？']) {
        return Err(RejectReason::Question);
    }
    let text = without_name(unquoted(first_sentence(unquoted(line))), name);
    let text = text.trim_end_matches(['.', ',', '!', ':']).trim();
    reject_refusals(AnswerFormat::Phrase, &text.to_lowercase().replace('’', "'"))?;
    if text.contains(MARKS) || text.starts_with('#') {
        return Err(RejectReason::Markup);
    }
    if text.starts_with(['-', '–', '—', '+']) || is_numbered(text) {
        return Err(RejectReason::List);
    }
    if has_label(text) {
        return Err(RejectReason::Talk);
    }
    let words: Vec<&str> = text.split(' ').collect();
    let was_cut = words.len() > MAX_WORDS || text.chars().count() > AnswerFormat::Phrase.max_chars();
    let kept =
        truncate_at_word(&words[..words.len().min(MAX_WORDS)].join(" "), AnswerFormat::Phrase.max_chars());
    let is_incomplete =
        |phrase: &str| phrase.rsplit(' ').next().is_some_and(|word| INCOMPLETE_ENDS.contains(&word));
    let mut phrase = kept.trim_end_matches([',', ' ']);
    if is_incomplete(phrase) && !was_cut {
        return Err(RejectReason::CutOff);
    }
    while let Some((before, _)) = phrase.rsplit_once(' ').filter(|_| is_incomplete(phrase)) {
        phrase = before.trim_end_matches([',', ' ']);
    }
    let phrase = with_small_article(phrase);
    let lower = phrase.to_lowercase();
    let is_echo = PLACEHOLDERS.iter().any(|words| lower == *words)
        || ECHOES.iter().any(|words| lower.starts_with(words));
    if is_echo || (!name.is_empty() && lower == name.to_lowercase()) {
        return Err(RejectReason::Echo);
    }
    if phrase.chars().any(char::is_alphabetic) { Ok(phrase) } else { Err(RejectReason::Empty) }
}

/// The first sentence, without its end mark.
fn first_sentence(text: &str) -> &str {
    let sentence = text.unicode_sentences().next().unwrap_or(text);
    sentence.trim().trim_end_matches(['.', '!', '。']).trim_end()
}

fn unquoted(text: &str) -> &str {
    text.trim_matches(['"', '\'', '“', '”', '‘', '’', '«', '»', '`', '*', ' '])
}

/// `CP3 is a player` and `CP3 (PER) - a player` become `a player`.
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

/// Whether a colon ends a label. A colon in a time has digits on both sides.
fn has_label(phrase: &str) -> bool {
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
    fn a_line_becomes_a_noun_phrase_or_is_rejected_with_a_reason() {
        for (line, expected) in [
            ("A football league in England.", Ok("a football league in England")),
            ("CP3 is a basketball player. He plays for the Suns.", Ok("a basketball player")),
            ("CP3 (PER) - a basketball player", Ok("a basketball player")),
            ("CP3: a basketball player", Ok("a basketball player")),
            ("\"a basketball player.\"", Ok("a basketball player")),
            ("**a player at 10:30**", Ok("a player at 10:30")),
            ("a 3.5 metre wall", Ok("a 3.5 metre wall")),
            ("CP3", Err(RejectReason::Echo)),
            ("string", Err(RejectReason::Echo)),
            ("As a picture would show it, a man", Err(RejectReason::Echo)),
            ("What do you mean?", Err(RejectReason::Question)),
            ("Name (short): a man", Err(RejectReason::Talk)),
            ("1. a man", Err(RejectReason::List)),
            ("- a man", Err(RejectReason::List)),
            ("a man = red", Err(RejectReason::Markup)),
            ("a man in the", Err(RejectReason::CutOff)),
            ("123", Err(RejectReason::Empty)),
        ] {
            assert_eq!(extract_noun_phrase(line, "CP3"), expected.map(str::to_owned), "{line}");
        }
        let long = extract_noun_phrase(&"a red wall of the ".repeat(8), "").unwrap();
        assert!(long.split(' ').count() <= MAX_WORDS && long.ends_with("wall"), "{long}");
    }
}
