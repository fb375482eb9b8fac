//! What of a language model's answer is an expansion? A short noun phrase.

use super::prompt::MARKS;
use crate::consult::{first_sentence, plain};
use crate::llm::Answer;

/// The longest expansion in characters, and in words: networks read 30 to 80 words of a phrase, the name among them.
const LONGEST: usize = 200;
const MOST_WORDS: usize = 24;

/// The expansion in an answer about `subject`, a name with its type; nothing where there is none.
pub(super) fn expansion(answer: &Answer, subject: &str) -> Option<String> {
    let line = plain(answer, &MARKS, LONGEST)?;
    let phrase = unquoted(first_sentence(&line));
    let name = subject.rsplit_once(" (").map_or(subject, |(name, _)| name);
    let phrase = without_name(phrase, name);
    let words: Vec<&str> = phrase.split(' ').take(MOST_WORDS).collect();
    let phrase = with_small_article(&words.join(" "));
    let says_more = phrase.chars().any(char::is_alphabetic) && !phrase.eq_ignore_ascii_case(name);
    let echoes = phrase.ends_with('?') || phrase.to_lowercase().starts_with("as a picture would");
    (says_more && !echoes).then_some(phrase)
}

fn unquoted(text: &str) -> &str {
    text.trim_matches(['"', '\'', '“', '”', '`', '*']).trim_end_matches('.').trim()
}

/// `CP3 is a player` and `CP3 (PER) - a player` say `a player`.
fn without_name<'a>(phrase: &'a str, name: &str) -> &'a str {
    let lead = phrase.get(..name.len()).filter(|lead| lead.eq_ignore_ascii_case(name));
    let Some(rest) = lead.map(|_| phrase[name.len()..].trim_start()) else { return phrase };
    let rest = match rest.split_once(')') {
        Some((before, after)) if before.starts_with('(') => after.trim_start(),
        _ => rest,
    };
    ["is ", "was ", "are ", "refers to ", "- ", "– ", ": "]
        .iter()
        .find_map(|joint| rest.strip_prefix(joint))
        .map_or(phrase, str::trim_start)
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
    use crate::llm::Finish;

    #[test]
    fn answers_become_noun_phrases_or_nothing() {
        let cases = [
            ("A football league in England.", Some("a football league in England")),
            ("CP3 is a basketball player. He plays for the Suns.", Some("a basketball player")),
            ("CP3 (PER) - a basketball player", Some("a basketball player")),
            ("\"a basketball player\"", Some("a basketball player")),
            ("CP3", None),
            ("As a picture would show it, what is 'CP3 (PER)' here?", None),
            ("a player\nBackground: more", Some("a player")),
            ("一个篮球运动员", None),
            ("123", None),
        ];
        for (said, expected) in cases {
            let answer = Answer { text: said.to_owned(), finish: Finish::Stop, tokens_in: 0, tokens_out: 0 };
            assert_eq!(expansion(&answer, "CP3 (PER)").as_deref(), expected, "{said:?}");
        }
        let long = Answer { text: "word ".repeat(90), finish: Finish::Length, tokens_in: 0, tokens_out: 0 };
        assert_eq!(expansion(&long, "CP3 (PER)").unwrap().split(' ').count(), MOST_WORDS);
    }
}
