//! Does a model say that it does not know, make an excuse, or talk about its answer instead of giving it?

use super::form::Form;
use super::refusal::Refusal;

/// How an answer begins that says that the model does not know.
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
/// What only excuses hold, wherever it stands.
const EXCUSES: [&str; 34] = [
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
/// How excuses begin.
const EXCUSES_BEGIN: [&str; 24] = [
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
/// What a phrase about a picture does not hold and excuses in passive words do.
const EXCUSES_IN_PHRASES: [&str; 12] = [
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
/// How talk about an answer begins.
const TALK: [&str; 16] = [
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
/// Words that begin talk where a mark or a turn of phrase follows: not "sure-footed goats", but "Sure! Here is".
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
/// How talk about an answer begins where a noun phrase was asked for: with the word for it, or with a sentence's subject.
const TALK_FOR_PHRASES: [&str; 18] = [
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
/// Words that speak to a reader.
const TO_READERS: [&str; 12] =
    ["you", "your", "yours", "we", "user", "user's", "i'm", "i'd", "i'll", "i've", "let's", "please"];

/// Whether a line, in lower case and with plain apostrophes, is no answer but words around one.
///
/// # Errors
/// What it is instead.
pub(super) fn none_in(form: Form, lower: &str) -> Result<(), Refusal> {
    let begins = |list: &[&str]| list.iter().any(|beginning| lower.starts_with(beginning));
    let holds = |list: &[&str]| list.iter().any(|part| lower.contains(part));
    if NOT_KNOWN.iter().any(|beginning| begins_with_word(lower, beginning)) {
        return Err(Refusal::NotKnown);
    }
    let is_phrase = form == Form::Phrase;
    if holds(&EXCUSES) || begins(&EXCUSES_BEGIN) || (is_phrase && holds(&EXCUSES_IN_PHRASES)) {
        return Err(Refusal::Excuse);
    }
    if is_talk(lower) || (is_phrase && (begins(&TALK_FOR_PHRASES) || speaks_to_readers(lower))) {
        return Err(Refusal::Talk);
    }
    Ok(())
}

/// Whether a line announces an answer.
pub(super) fn is_talk(lower: &str) -> bool {
    let interjects = |word: &&str| {
        let rest = lower.strip_prefix(*word);
        rest.is_some_and(|rest| AFTER_INTERJECTION.iter().any(|mark| rest.starts_with(mark)))
    };
    TALK.iter().any(|beginning| lower.starts_with(beginning)) || INTERJECTIONS.iter().any(interjects)
}

fn begins_with_word(text: &str, beginning: &str) -> bool {
    text.strip_prefix(beginning).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}

fn speaks_to_readers(lower: &str) -> bool {
    let words = lower.split(|letter: char| !(letter.is_alphanumeric() || letter == '\''));
    words.into_iter().any(|word| TO_READERS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_around_an_answer_are_told_from_answers() {
        for (line, expected) in [
            ("i do not know.", Err(Refusal::NotKnown)),
            ("unknown", Err(Refusal::NotKnown)),
            ("none of this", Err(Refusal::NotKnown)),
            ("i'm sorry, but that is private.", Err(Refusal::Excuse)),
            ("unfortunately, it is not said", Err(Refusal::Excuse)),
            ("that cannot be determined from the text", Err(Refusal::Excuse)),
            ("lo siento, no puedo ayudar", Err(Refusal::Excuse)),
            ("sure! here is a phrase", Err(Refusal::Talk)),
            ("no, a man in red", Err(Refusal::Talk)),
            ("the phrase is a man in red", Err(Refusal::Talk)),
            ("it is a man in red", Err(Refusal::Talk)),
            ("a man, as you asked", Err(Refusal::Talk)),
            ("sure-footed goats on a rock", Ok(())),
            ("an unknown soldier's tomb", Ok(())),
            ("nonesuch palace in stone", Ok(())),
            ("a youth in a yellow coat", Ok(())),
        ] {
            assert_eq!(none_in(Form::Phrase, line), expected, "{line}");
        }
        for line in
            ["this is a picture of a man", "in the picture a man waves", "a note says it is not mentioned"]
        {
            assert_eq!(none_in(Form::Caption, line), Ok(()), "{line}");
        }
    }
}
