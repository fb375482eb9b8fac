//! Question template: the text of a network's training around a phrase and the picture's caption.

/// The place of the phrase in a question.
pub const PHRASE: &str = "{phrase}";
/// The place of the picture's caption in a question.
pub const CAPTION: &str = "{caption}";

/// A parsed question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuestionTemplate {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Phrase,
    Caption,
}

/// The question is not a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// The place of the phrase is missing or repeated, or that of the caption is repeated.
    #[error("the question `{0}` must hold `{PHRASE}` once, and `{CAPTION}` at most once")]
    Places(String),
    /// A place that no question has.
    #[error(
        "the question `{template}` has a place `{{{place}}}`, where only `{PHRASE}` and `{CAPTION}` can be"
    )]
    UnknownPlace {
        /// The question.
        template: String,
        /// The text between the braces.
        place: String,
    },
}

impl QuestionTemplate {
    /// Parses a question: [`PHRASE`] once, [`CAPTION`] at most once. Braces around anything but a word are text.
    ///
    /// # Errors
    /// [`QuestionError`] contains the question.
    pub fn parse(template: &str) -> Result<Self, QuestionError> {
        let mut parts = Vec::new();
        let (mut text, mut rest) = (String::new(), template);
        while let Some((before, place, after)) = next_place(rest) {
            text.push_str(before);
            let part = match place {
                "phrase" => Part::Phrase,
                "caption" => Part::Caption,
                _ => {
                    let (template, place) = (template.to_owned(), place.to_owned());
                    return Err(QuestionError::UnknownPlace { template, place });
                }
            };
            parts.extend([Part::Text(std::mem::take(&mut text)), part]);
            rest = after;
        }
        parts.push(Part::Text(text + rest));
        let count = |wanted: &Part| parts.iter().filter(|part| *part == wanted).count();
        if count(&Part::Phrase) != 1 || count(&Part::Caption) > 1 {
            return Err(QuestionError::Places(template.to_owned()));
        }
        Ok(Self { text: template.to_owned(), parts })
    }

    /// The question as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the picture's caption is a part of the question.
    #[must_use]
    pub fn has_caption(&self) -> bool {
        self.parts.contains(&Part::Caption)
    }

    /// The question about a phrase and a picture with this caption. Inserted text is not searched for places. A picture
    /// without a caption leaves its place empty, as in the data of OFA and RiVEG.
    #[must_use]
    pub fn fill(&self, phrase: &str, caption: &str) -> String {
        let fill = |part| match part {
            &Part::Phrase => phrase,
            &Part::Caption => caption,
            Part::Text(text) => text,
        };
        self.parts.iter().map(fill).collect()
    }
}

/// The first `{word}`: the text before it, the word, and the text after it.
fn next_place(text: &str) -> Option<(&str, &str, &str)> {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    text.match_indices('{').find_map(|(start, _)| {
        let (place, after) = text[start + 1..].split_once('}')?;
        is_word(place).then_some((&text[..start], place, after))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_in_any_order_and_inserted_text_is_not_searched() {
        let cases = [
            ("{phrase}", false, "a {caption}"),
            (" is \" {phrase} \"?", false, " is \" a {caption} \"?"),
            ("1 \" {phrase} \" 2 \" {caption} \"?", true, "1 \" a {caption} \" 2 \" {phrase} \"?"),
            ("1 \" {caption} \" 2 \" {phrase} \"?", true, "1 \" {phrase} \" 2 \" a {caption} \"?"),
            ("{{phrase}} { } {A}", false, "{a {caption}} { } {A}"),
        ];
        for (text, has_caption, expected) in cases {
            let question = QuestionTemplate::parse(text).unwrap();
            assert_eq!((question.has_caption(), question.text()), (has_caption, text));
            assert_eq!(question.fill("a {caption}", "{phrase}"), expected, "{text}");
        }
        let with_caption = QuestionTemplate::parse("1 \" {caption} \" 2 \" {phrase} \"?").unwrap();
        assert_eq!(with_caption.fill("a dog", ""), "1 \"  \" 2 \" a dog \"?");
    }

    #[test]
    fn a_question_with_other_places_is_refused_with_its_text() {
        for text in ["who?", "{phrase} {phrase}", "{caption}", "{caption} {phrase} {caption}"] {
            assert_eq!(QuestionTemplate::parse(text), Err(QuestionError::Places(text.to_owned())));
        }
        let error = QuestionTemplate::parse("{phrase} {captoin}").unwrap_err().to_string();
        let expected = "the question `{phrase} {captoin}` has a place `{captoin}`, where only `{phrase}` and `{caption}` \
                        can be";
        assert_eq!(error, expected);
    }
}
