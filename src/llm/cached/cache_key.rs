//! Cache key: a hash of everything that the model receives, and of nothing else.

use super::jpeg::ENCODING;
use crate::domain::ContentHash;
use crate::llm::answers::Kind;
use crate::llm::client::Question;

/// The key of an answer: a hash of the rendered question, its picture, the model and its parameters.
///
/// Each part is preceded by its length, so that a text cannot imitate the next part: the author of a post controls the text
/// of its own questions, but no other question's key.
#[must_use]
pub fn cache_key(
    kind: Kind,
    parameters: &str,
    question: &Question,
    picture: Option<ContentHash>,
) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let (encoding, hash) = picture.as_ref().map_or(("", &[][..]), |hash| (ENCODING, &hash.0[..]));
    let parts: [&[u8]; 6] = [
        kind.as_str().as_bytes(),
        parameters.as_bytes(),
        question.system.as_bytes(),
        question.prompt.as_bytes(),
        encoding.as_bytes(),
        hash,
    ];
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn question((system, prompt): &(String, String)) -> Question {
        Question { system: system.clone(), prompt: prompt.clone(), ..Question::default() }
    }

    proptest! {
        #[test]
        fn two_questions_share_a_key_only_if_they_are_the_same(
            first in ("[ab]{0,3}", "[ab]{0,3}", "[ab]{0,3}"),
            second in ("[ab]{0,3}", "[ab]{0,3}", "[ab]{0,3}"),
        ) {
            let of = |(parameters, system, prompt): &(String, String, String)| {
                cache_key(Kind::Expansion, parameters, &question(&(system.clone(), prompt.clone())), None)
            };
            prop_assert_eq!(of(&first) == of(&second), first == second);
        }
    }

    #[test]
    fn kinds_do_not_answer_for_each_other() {
        let question = question(&("s".to_owned(), "p".to_owned()));
        assert_ne!(
            cache_key(Kind::Expansion, "", &question, None),
            cache_key(Kind::Knowledge, "", &question, None)
        );
        let pictures =
            [0, 1].map(|byte| cache_key(Kind::Caption, "", &question, Some(ContentHash([byte; 32]))));
        assert_ne!(pictures[0], pictures[1]);
    }
}
