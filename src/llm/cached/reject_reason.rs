//! Reject reasons: why an answer is not used, with a name for metrics and a sentence for people.

/// Why an answer of a language model is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectReason {
    /// The answer ended at the token limit, or in the middle of a phrase.
    CutOff,
    /// The server does not say that the answer is complete.
    Unfinished,
    /// The model or its server filtered the answer.
    Filtered,
    /// The answer has no text.
    Empty,
    /// The answer is reasoning alone.
    Thought,
    /// The model says that it does not know.
    NotKnown,
    /// The model says that it cannot or will not answer.
    Excuse,
    /// The model writes about its answer, or to the reader.
    Talk,
    /// The JSON has another structure than was asked for.
    Json,
    /// A box is not four numbers in order within the picture.
    Box,
    /// The answer contains tags, chat template tokens or code.
    Markup,
    /// There are several lines or items where one phrase was asked for.
    List,
    /// The answer is a question.
    Question,
    /// The answer repeats the question, the name or a placeholder.
    Echo,
    /// The answer contains a URL.
    Address,
    /// Most letters are of a script that the networks were not trained on.
    Script,
    /// The answer contains control characters or broken text.
    Unreadable,
    /// The answer repeats itself.
    Repetition,
    /// The answer is far longer than was asked for.
    TooLong,
}

impl RejectReason {
    /// All reasons.
    pub const ALL: [Self; 19] = [
        Self::CutOff,
        Self::Unfinished,
        Self::Filtered,
        Self::Empty,
        Self::Thought,
        Self::NotKnown,
        Self::Excuse,
        Self::Talk,
        Self::Json,
        Self::Box,
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

    /// Its name in metrics and in stored answers.
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
            Self::Box => "box",
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

    /// The reason with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }

    /// What happened, as the rest of a sentence that begins with the model's name.
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
            Self::Box => "gave a box that does not lie in the picture (box_format may be another)",
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
        assert_eq!(
            RejectReason::ALL.map(RejectReason::as_str).into_iter().collect::<BTreeSet<_>>().len(),
            19
        );
        for reason in RejectReason::ALL {
            assert_eq!(RejectReason::from_name(reason.as_str()), Some(reason));
        }
        assert_eq!(RejectReason::from_name("other"), None);
    }
}
