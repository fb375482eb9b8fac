//! Why is an answer not believed? Each reason has a name for metrics and a sentence for people.

/// Why an answer of a language model is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// It ended at the limit of tokens, or in the middle of a phrase.
    CutOff,
    /// The server does not say that it ended by itself.
    Unfinished,
    /// The model or its server held it back.
    Filtered,
    /// It has no text.
    Empty,
    /// It has thoughts alone.
    Thought,
    /// The model says that it does not know.
    NotKnown,
    /// The model says that it does not want to or cannot answer.
    Excuse,
    /// It talks about the answer, or to the reader.
    Talk,
    /// It is JSON of another shape than was asked for.
    Json,
    /// It holds tags, tokens of a chat template, or code.
    Markup,
    /// It has several lines or items where one phrase was asked for.
    List,
    /// It asks.
    Question,
    /// It repeats the question, the name or a placeholder.
    Echo,
    /// It holds an address of the web.
    Address,
    /// Most of its letters are of a script that the networks were not taught.
    Script,
    /// It holds control characters or characters that are no text.
    Unreadable,
    /// It says the same again and again.
    Repetition,
    /// It is far longer than was asked for.
    TooLong,
}

impl Refusal {
    /// All there are.
    pub const ALL: [Self; 18] = [
        Self::CutOff,
        Self::Unfinished,
        Self::Filtered,
        Self::Empty,
        Self::Thought,
        Self::NotKnown,
        Self::Excuse,
        Self::Talk,
        Self::Json,
        Self::Markup,
        Self::List,
        Self::Question,
        Self::Echo,
        Self::Address,
        Self::Script,
        Self::Unreadable,
        Self::Repetition,
        Self::TooLong,
    ];

    /// Its name in metrics and in kept answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CutOff => "cut-off",
            Self::Unfinished => "unfinished",
            Self::Filtered => "filtered",
            Self::Empty => "empty",
            Self::Thought => "thought",
            Self::NotKnown => "not-known",
            Self::Excuse => "excuse",
            Self::Talk => "talk",
            Self::Json => "json",
            Self::Markup => "markup",
            Self::List => "list",
            Self::Question => "question",
            Self::Echo => "echo",
            Self::Address => "address",
            Self::Script => "script",
            Self::Unreadable => "unreadable",
            Self::Repetition => "repetition",
            Self::TooLong => "too-long",
        }
    }

    /// The reason of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.as_str() == name)
    }

    /// What happened, as a sentence that goes on after the model's name.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::CutOff => "gave an answer that was cut off (max_tokens also counts thoughts)",
            Self::Unfinished => "gave an answer without saying that it was complete",
            Self::Filtered => "refused the question, or its server held the answer back",
            Self::Empty => "gave an empty answer",
            Self::Thought => "gave thoughts and no answer",
            Self::NotKnown => "does not know",
            Self::Excuse => "gave an excuse instead of an answer",
            Self::Talk => "talked about its answer instead of giving it alone",
            Self::Json => "gave JSON of another shape than was asked for",
            Self::Markup => "gave an answer with tags, template tokens or code in it",
            Self::List => "gave a list or several lines instead of one phrase",
            Self::Question => "answered with a question",
            Self::Echo => "repeated what it was asked",
            Self::Address => "gave an answer with a web address in it",
            Self::Script => "gave an answer in another script than the networks read",
            Self::Unreadable => "gave an answer with characters that are no text",
            Self::Repetition => "repeated the same words over and over",
            Self::TooLong => "gave an answer far longer than was asked for",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_is_found_by_its_own_name() {
        assert_eq!(Refusal::ALL.map(Refusal::as_str).into_iter().collect::<BTreeSet<_>>().len(), 18);
        for refusal in Refusal::ALL {
            assert_eq!(Refusal::named(refusal.as_str()), Some(refusal));
        }
        assert_eq!(Refusal::named("other"), None);
    }
}
