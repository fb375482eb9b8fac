//! Answer parsing: from a server's answer to a text of the form that was asked for. Whatever is in doubt is rejected.

use super::answer_format::AnswerFormat;
use super::answer_reader::AnswerReader;
use super::json_answer::{extract_json_field, is_json, strip_code_fence};
use super::noun_phrase::extract_noun_phrase;
use super::plain_text::{check_plain, join_lines, truncate_at_word};
use super::reasoning::strip_reasoning;
use super::reject_reason::RejectReason;
use super::template_tokens::strip_template_tokens;
use crate::llm::client::{Answer, FinishReason};

/// The usable text of an answer about `subject`, an entity with its type as `NAME (TYPE)` where a phrase was asked for.
///
/// # Errors
/// Why the answer is rejected. An answer that was cut off is rejected, and so is one that is not marked as complete.
pub fn parse_answer(form: AnswerFormat, answer: &Answer, subject: &str) -> Result<String, RejectReason> {
    check_complete(answer)?;
    let name = subject.rsplit_once(" (").map_or(subject, |(name, _)| name);
    let text = strip_template_tokens(strip_reasoning(&answer.text)?);
    match extract_json_field(form, text)? {
        Some(inner) => check(form, &inner, name),
        None => check(form, strip_code_fence(text), name),
    }
}

/// The text that `reader` stores of an answer that is an object of the caller.
///
/// # Errors
/// As [`parse_answer`].
pub fn parse_object(reader: &AnswerReader, answer: &Answer) -> Result<String, RejectReason> {
    check_complete(answer)?;
    // Brackets and words of an object can look like a tag of reasoning, so an object is read as it is.
    let whole = strip_template_tokens(&answer.text);
    let text = if is_json(whole) { whole } else { strip_template_tokens(strip_reasoning(&answer.text)?) };
    reader.read(text)
}

/// Whether the server says that the answer is complete, and it has a text.
fn check_complete(answer: &Answer) -> Result<(), RejectReason> {
    match answer.finish {
        FinishReason::Stop => {}
        FinishReason::Length => return Err(RejectReason::CutOff),
        FinishReason::Filtered => return Err(RejectReason::Filtered),
        FinishReason::Other => return Err(RejectReason::Unfinished),
    }
    match answer.text.trim() {
        "" if answer.has_reasoning => Err(RejectReason::Thought),
        "" => Err(RejectReason::Empty),
        _ => Ok(()),
    }
}

/// The usable part of a stored text. A text that [`parse_answer`] returned comes back unchanged. Reasoning, template tokens
/// and JSON are not removed.
///
/// # Errors
/// Why the text is rejected.
pub fn revalidate(form: AnswerFormat, text: &str) -> Result<String, RejectReason> {
    check(form, text, "")
}

/// Checks the result again until nothing more is cut off: a part of a line may fail where the whole passed, for example on
/// the share of Latin letters. So a stored text passes [`revalidate`] unchanged.
fn check(form: AnswerFormat, text: &str, name: &str) -> Result<String, RejectReason> {
    let mut kept = once(form, text, name)?;
    loop {
        let again = once(form, &kept, name)?;
        // Each round makes it shorter or its first letter small, so the loop ends.
        if again == kept {
            return Ok(kept);
        }
        kept = again;
    }
}

fn once(form: AnswerFormat, text: &str, name: &str) -> Result<String, RejectReason> {
    let line = join_lines(form, text)?;
    check_plain(form, &line)?;
    match form {
        AnswerFormat::Phrase => extract_noun_phrase(&line, name),
        AnswerFormat::Knowledge | AnswerFormat::Caption | AnswerFormat::Description => {
            Ok(truncate_at_word(&line, form.max_chars()))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::llm::answers::Kind;

    fn answer(text: &str, finish: FinishReason) -> Answer {
        Answer { text: text.to_owned(), has_reasoning: false, finish, tokens_in: 0, tokens_out: 0 }
    }

    #[test]
    fn only_a_complete_answer_is_accepted() {
        for (finish, expected) in [
            (FinishReason::Stop, Ok("a man in red")),
            (FinishReason::Length, Err(RejectReason::CutOff)),
            (FinishReason::Filtered, Err(RejectReason::Filtered)),
            (FinishReason::Other, Err(RejectReason::Unfinished)),
        ] {
            let found = parse_answer(AnswerFormat::Phrase, &answer("A man in red.", finish), "Vorlan (PER)");
            assert_eq!(found, expected.map(str::to_owned));
        }
        let thoughtful = Answer { has_reasoning: true, ..answer("", FinishReason::Stop) };
        assert_eq!(parse_answer(AnswerFormat::Phrase, &thoughtful, ""), Err(RejectReason::Thought));
    }

    #[test]
    fn knowledge_and_descriptions_are_paragraphs() {
        let said =
            "Named entities: 1. Vorlan (PER)\n2. booking.com (ORG)\nReasoning: it is unclear.\nText: <data>";
        let kept = "Named entities: 1. Vorlan (PER) 2. booking.com (ORG) Reasoning: it is unclear.";
        assert_eq!(
            parse_answer(AnswerFormat::Knowledge, &answer(said, FinishReason::Stop), ""),
            Ok(kept.to_owned())
        );
        let said = "This is a crowd. A tower stands behind it.";
        assert_eq!(
            parse_answer(AnswerFormat::Caption, &answer(said, FinishReason::Stop), ""),
            Ok(said.to_owned())
        );
    }

    /// Words and marks that occur in answers and in broken answers.
    fn said() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "a man",
            "in red",
            "The ",
            "A ",
            ". ",
            ", ",
            "\n",
            "\"",
            "*",
            "</think>",
            "<think>",
            "{\"phrase\": \"",
            "\"}",
            "<|im_end|>",
            "[/INST]",
            "Q: ",
            "Dr. ",
            "3.5",
            "of the",
            "is ",
            "Vorlan ",
            "(PER) ",
            "- ",
            "é",
            "周",
            "\u{1b}",
            "\u{200b}",
            "'",
            "10:30",
            "U.S. ",
            "! ",
            " and",
            "…",
            "a man who walks along a very long street",
        ]);
        prop::collection::vec(prop_oneof![9 => piece.prop_map(str::to_owned), 1 => "\\PC{0,4}"], 0..14)
            .prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn an_accepted_text_is_within_bounds_and_passes_again_unchanged(said in said(), other in any::<String>()) {
            for form in Kind::ALL.into_iter().filter_map(AnswerFormat::of) {
                for said in [&said, &other] {
                    let Ok(line) = parse_answer(form, &answer(said, FinishReason::Stop), "Vorlan (PER)") else { continue };
                    prop_assert!(line.chars().count() <= form.max_chars() && !line.is_empty());
                    prop_assert!(!line.contains(char::is_control));
                    prop_assert_eq!(revalidate(form, &line), Ok(line));
                }
            }
        }
    }
}
