//! Refusal detection: the model says that it does not know, declines, or writes about its answer instead of giving it.

use super::answer_format::AnswerFormat;
use super::reject_reason::RejectReason;

/// How an answer begins if the model does not know.
const NOT_KNOWN: [&str; 13] = [
    "i do not know",
    "i don't know",
    "i have no idea",
    "unknown",
    "not known",
    "no idea",
    "n/a",
    "not applicable",
    "none",
    "nothing is known",
    "unclear",
    "undetermined",
    "unidentified",
];
/// Phrases that only refusals contain, anywhere.
const REFUSALS: [&str; 34] = [
    "i'm sorry",
    "i am sorry",
    "my apologies",
    "apologize",
    "apologise",
    "as an ai",
    "as a language model",
    "as a large language model",
    "ai language model",
    "ai assistant",
    "i cannot",
    "i can't",
    "i can not",
    "i could not",
    "i couldn't",
    "i am unable",
    "i'm unable",
    "i am not able",
    "i'm not able",
    "i won't",
    "i will not",
    "i must decline",
    "i do not have",
    "i don't have",
    "i do not feel comfortable",
    "i'm not comfortable",
    "i'd rather not",
    "i'm afraid",
    "against my guidelines",
    "content policy",
    "lo siento",
    "tut mir leid",
    "je suis désolé",
    "mi dispiace",
];
/// How refusals begin.
const REFUSAL_STARTS: [&str; 24] = [
    "sorry",
    "apologies",
    "unfortunately",
    "unable to",
    "cannot ",
    "can't ",
    "can not ",
    "could not ",
    "not able to",
    "not enough ",
    "not possible",
    "impossible to",
    "insufficient ",
    "no information",
    "no description",
    "no image",
    "no picture",
    "there is no ",
    "there is not ",
    "there isn't ",
    "désolé",
    "desculpe",
    "entschuldigung",
    "leider ",
];
/// Phrases of refusals in the passive, which a noun phrase about a picture does not contain.
const PASSIVE_REFUSALS: [&str; 12] = [
    "cannot be ",
    "can't be ",
    "could not be ",
    "not provided",
    "not specified",
    "not mentioned",
    "not enough information",
    "insufficient information",
    "more context",
    "without further",
    "please provide",
    "language model",
];
/// How an introduction to an answer begins.
const INTRODUCTIONS: [&str; 16] = [
    "here is ",
    "here's ",
    "here are ",
    "here you go",
    "the answer",
    "the phrase",
    "my answer",
    "final answer",
    "based on the ",
    "according to the ",
    "given the ",
    "given that ",
    "in response to",
    "thank you",
    "thanks for",
    "great question",
];
/// Interjections that begin an introduction if a mark follows: "Sure! Here is", but not "sure-footed goats".
const INTERJECTIONS: [&str; 14] = [
    "sure",
    "certainly",
    "absolutely",
    "of course",
    "definitely",
    "yes",
    "no",
    "well",
    "gladly",
    "understood",
    "got it",
    "no problem",
    "happy to help",
    "great",
];
const AFTER_INTERJECTION: [&str; 7] = ["!", ",", ".", ":", " thing", " - ", " — "];
/// How an introduction begins where a noun phrase was asked for: with the word for it, or with the subject of a sentence.
const PHRASE_INTRODUCTIONS: [&str; 18] = [
    "noun phrase",
    "a noun phrase",
    "a short noun phrase",
    "a short phrase",
    "the noun phrase",
    "description:",
    "in this ",
    "in the ",
    "this is ",
    "this refers",
    "that is ",
    "it is ",
    "it's ",
    "there are ",
    "a picture of it would",
    "the picture would",
    "the text ",
    "i ",
];
/// Words that address the reader.
const READER_WORDS: [&str; 12] =
    ["you", "your", "yours", "we", "user", "user's", "i'm", "i'd", "i'll", "i've", "let's", "please"];

/// Checks that a line, in lower case and with plain apostrophes, is an answer.
///
/// # Errors
/// What it is instead.
pub(super) fn reject_refusals(form: AnswerFormat, lower: &str) -> Result<(), RejectReason> {
    let begins = |list: &[&str]| list.iter().any(|beginning| lower.starts_with(beginning));
    let holds = |list: &[&str]| list.iter().any(|part| lower.contains(part));
    if NOT_KNOWN.iter().any(|beginning| begins_with_word(lower, beginning)) {
        return Err(RejectReason::NotKnown);
    }
    let is_phrase = form == AnswerFormat::Phrase;
    if holds(&REFUSALS) || begins(&REFUSAL_STARTS) || (is_phrase && holds(&PASSIVE_REFUSALS)) {
        return Err(RejectReason::Excuse);
    }
    if announces_answer(lower) || (is_phrase && (begins(&PHRASE_INTRODUCTIONS) || addresses_reader(lower))) {
        return Err(RejectReason::Talk);
    }
    Ok(())
}

/// Whether a line introduces an answer.
pub(super) fn announces_answer(lower: &str) -> bool {
    let interjects = |word: &&str| {
        let rest = lower.strip_prefix(*word);
        rest.is_some_and(|rest| AFTER_INTERJECTION.iter().any(|mark| rest.starts_with(mark)))
    };
    INTRODUCTIONS.iter().any(|beginning| lower.starts_with(beginning)) || INTERJECTIONS.iter().any(interjects)
}

fn begins_with_word(text: &str, beginning: &str) -> bool {
    text.strip_prefix(beginning).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}

fn addresses_reader(lower: &str) -> bool {
    let words = lower.split(|letter: char| !(letter.is_alphanumeric() || letter == '\''));
    words.into_iter().any(|word| READER_WORDS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_and_introductions_are_told_from_answers() {
        for (line, expected) in [
            ("i do not know.", Err(RejectReason::NotKnown)),
            ("unknown", Err(RejectReason::NotKnown)),
            ("none of this", Err(RejectReason::NotKnown)),
            ("i'm sorry, but that is private.", Err(RejectReason::Excuse)),
            ("unfortunately, it is not said", Err(RejectReason::Excuse)),
            ("that cannot be determined from the text", Err(RejectReason::Excuse)),
            ("lo siento, no puedo ayudar", Err(RejectReason::Excuse)),
            ("sure! here is a phrase", Err(RejectReason::Talk)),
            ("no, a man in red", Err(RejectReason::Talk)),
            ("the phrase is a man in red", Err(RejectReason::Talk)),
            ("it is a man in red", Err(RejectReason::Talk)),
            ("a man, as you asked", Err(RejectReason::Talk)),
            ("sure-footed goats on a rock", Ok(())),
            ("an unknown soldier's tomb", Ok(())),
            ("nonesuch palace in stone", Ok(())),
            ("a youth in a yellow coat", Ok(())),
        ] {
            assert_eq!(reject_refusals(AnswerFormat::Phrase, line), expected, "{line}");
        }
        for line in
            ["this is a picture of a man", "in the picture a man waves", "a note says it is not mentioned"]
        {
            assert_eq!(reject_refusals(AnswerFormat::Caption, line), Ok(()), "{line}");
        }
    }
}
