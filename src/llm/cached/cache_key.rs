//! Cache key: a hash of everything that the model receives, and of nothing else.

use super::jpeg::ENCODING;
use crate::domain::ContentHash;
use crate::llm::answers::Kind;
use crate::llm::client::{AnswerSchema, Question};

/// The key of an answer: a hash of the rendered question, its pictures, the model and its parameters; of an object that the
/// caller reads, also its schema and `reading`, the way in which it is read.
///
/// Each part is preceded by its length, so that a text cannot imitate the next part: the author of a post controls the text
/// of its own questions, but no other question's key.
#[must_use]
pub fn cache_key(
    kind: Kind,
    parameters: &str,
    question: &Question,
    pictures: &[ContentHash],
    reading: &str,
) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let mut add = |part: &[u8]| {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    };
    add(kind.as_str().as_bytes());
    add(parameters.as_bytes());
    add(question.system.as_bytes());
    add(question.prompt.as_bytes());
    // The first picture has its place in every key, so that keys of earlier releases stay valid.
    let (encoding, hash) = pictures.first().map_or(("", &[][..]), |hash| (ENCODING, &hash.0[..]));
    add(encoding.as_bytes());
    add(hash);
    if let Some(AnswerSchema::Object(schema)) = &question.schema {
        add(schema.to_string().as_bytes());
        add(reading.as_bytes());
        pictures.iter().skip(1).for_each(|hash| add(&hash.0));
    }
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

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
                cache_key(Kind::Expansion, parameters, &question(&(system.clone(), prompt.clone())), &[], "")
            };
            prop_assert_eq!(of(&first) == of(&second), first == second);
        }
    }

    #[test]
    fn kinds_do_not_answer_for_each_other() {
        let question = question(&("s".to_owned(), "p".to_owned()));
        assert_ne!(
            cache_key(Kind::Expansion, "", &question, &[], ""),
            cache_key(Kind::Knowledge, "", &question, &[], "")
        );
        let pictures =
            [0, 1].map(|byte| cache_key(Kind::Caption, "", &question, &[ContentHash([byte; 32])], ""));
        assert_ne!(pictures[0], pictures[1]);
    }

    #[test]
    fn an_object_depends_on_every_picture_in_order_its_schema_and_how_it_is_read() {
        let object = |schema: &str| {
            let schema = Some(AnswerSchema::Object(Arc::new(serde_json::json!({ "type": schema }))));
            Question { schema, ..question(&("s".to_owned(), "p".to_owned())) }
        };
        let hashes = |bytes: &[u8]| bytes.iter().map(|&byte| ContentHash([byte; 32])).collect::<Vec<_>>();
        let key = |schema: &str, pictures: &[u8], reading: &str| {
            cache_key(Kind::Grounding, "", &object(schema), &hashes(pictures), reading)
        };
        let keys = [
            key("object", &[1, 2], "unit"),
            key("array", &[1, 2], "unit"),
            key("object", &[2, 1], "unit"),
            key("object", &[1], "unit"),
            key("object", &[1, 2], "thousand"),
        ];
        for (number, one) in keys.iter().enumerate() {
            assert!(!keys[..number].contains(one), "key {number}");
        }
    }
}
