//! What is believed of what a language model says? Only what has the form that was asked for; in doubt nothing.

use super::form::Form;
use super::line::{cut, is_plain, joined};
use super::refusal::Refusal;
use super::{object, phrase, thoughts, turns};
use crate::llm::client::{Answer, Finish};

/// What is believed of an answer about `subject`, an entity with its type as `NAME (TYPE)` where a phrase was asked for.
///
/// # Errors
/// Why it is not believed. What was cut off is not, and neither is what nobody says was complete.
pub fn believed(form: Form, answer: &Answer, subject: &str) -> Result<String, Refusal> {
    match answer.finish {
        Finish::Stop => {}
        Finish::Length => return Err(Refusal::CutOff),
        Finish::Filtered => return Err(Refusal::Filtered),
        Finish::Other => return Err(Refusal::Unfinished),
    }
    if answer.text.trim().is_empty() {
        return Err(if answer.has_thoughts { Refusal::Thought } else { Refusal::Empty });
    }
    let name = subject.rsplit_once(" (").map_or(subject, |(name, _)| name);
    let said = turns::own(thoughts::after(&answer.text)?);
    match object::answer(form, said)? {
        Some(inner) => words(form, &inner, name),
        None => words(form, object::unfenced(said), name),
    }
}

/// What is believed of a text of that form, such as one that was believed before and kept: such a text is returned as it
/// is. No thoughts, tokens or JSON are cut off it.
///
/// # Errors
/// Why it is not believed.
pub fn believable(form: Form, text: &str) -> Result<String, Refusal> {
    words(form, text, "")
}

/// What is kept is judged again until nothing more is cut off it: a part of a line may be what the whole is not, such as
/// mostly of another script, and what was kept is believed again as it is.
fn words(form: Form, text: &str, name: &str) -> Result<String, Refusal> {
    let mut kept = once(form, text, name)?;
    loop {
        let again = once(form, &kept, name)?;
        // It grows shorter each time, or its first letter small.
        if again == kept {
            return Ok(kept);
        }
        kept = again;
    }
}

fn once(form: Form, text: &str, name: &str) -> Result<String, Refusal> {
    let line = joined(form, text)?;
    is_plain(form, &line)?;
    match form {
        Form::Phrase => phrase::phrase(&line, name),
        Form::Knowledge | Form::Caption | Form::Description => Ok(cut(&line, form.longest())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::llm::answers::Kind;

    fn answer(text: &str, finish: Finish) -> Answer {
        Answer { text: text.to_owned(), has_thoughts: false, finish, tokens_in: 0, tokens_out: 0 }
    }

    #[test]
    fn only_what_is_complete_is_believed() {
        for (finish, expected) in [
            (Finish::Stop, Ok("a man in red")),
            (Finish::Length, Err(Refusal::CutOff)),
            (Finish::Filtered, Err(Refusal::Filtered)),
            (Finish::Other, Err(Refusal::Unfinished)),
        ] {
            let found = believed(Form::Phrase, &answer("A man in red.", finish), "Vorlan (PER)");
            assert_eq!(found, expected.map(str::to_owned));
        }
        let thoughtful = Answer { has_thoughts: true, ..answer("", Finish::Stop) };
        assert_eq!(believed(Form::Phrase, &thoughtful, ""), Err(Refusal::Thought));
    }

    #[test]
    fn knowledge_and_descriptions_are_paragraphs() {
        let said =
            "Named entities: 1. Vorlan (PER)\n2. booking.com (ORG)\nReasoning: it is unclear.\nText: <data>";
        let kept = "Named entities: 1. Vorlan (PER) 2. booking.com (ORG) Reasoning: it is unclear.";
        assert_eq!(believed(Form::Knowledge, &answer(said, Finish::Stop), ""), Ok(kept.to_owned()));
        let said = "This is a crowd. A tower stands behind it.";
        assert_eq!(believed(Form::Caption, &answer(said, Finish::Stop), ""), Ok(said.to_owned()));
    }

    /// Words and marks of which answers are made, and with which they go wrong.
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
        fn what_is_believed_is_within_bounds_and_believed_again_as_it_is(said in said(), other in any::<String>()) {
            for form in Kind::ALL.map(Form::of) {
                for said in [&said, &other] {
                    let Ok(line) = believed(form, &answer(said, Finish::Stop), "Vorlan (PER)") else { continue };
                    prop_assert!(line.chars().count() <= form.longest() && !line.is_empty());
                    prop_assert!(!line.contains(char::is_control));
                    prop_assert_eq!(believable(form, &line), Ok(line));
                }
            }
        }
    }
}
