//! What may an answer be? Text of one paragraph in the networks' script, without addresses, echoes and excuses.

use unicode_segmentation::UnicodeSegmentation;

use crate::llm::{Answer, Finish};

/// How excuses begin.
const EXCUSES: [&str; 11] = [
    "i'm sorry",
    "i am sorry",
    "sorry,",
    "i cannot",
    "i can't",
    "as an ai",
    "i'm unable",
    "i am unable",
    "i do not know",
    "i don't know",
    "unknown",
];
/// Least share of Latin letters among all letters: the networks were taught English, and names may be of any script.
const LATIN: f32 = 0.6;

/// The answer as one plain line of at most `longest` characters; nothing where its form says that it is none.
///
/// `marks` are words with which the prompt's own lines begin: an answer that goes on with one of them has begun to invent
/// a further question, and ends before it.
#[must_use]
pub fn plain(answer: &Answer, marks: &[&str], longest: usize) -> Option<String> {
    if answer.finish == Finish::Filtered {
        return None;
    }
    // Models that think aloud close their thoughts with this tag.
    let said = answer.text.rsplit_once("</think>").map_or(answer.text.as_str(), |(_, said)| said);
    let own = said.lines().map(str::trim).skip_while(|line| line.is_empty());
    let lines: Vec<&str> = own.take_while(|line| !marks.iter().any(|mark| line.starts_with(mark))).collect();
    let text = lines.join(" ");
    let text = ["A:", "Answer:"].iter().fold(text.trim(), |text, mark| text.trim_start_matches(mark).trim());
    let words: Vec<&str> =
        text.split(|character: char| character.is_whitespace() || character.is_control()).collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let line = cut(&words.join(" "), longest);
    let lower = line.to_lowercase().replace('’', "'");
    let refused = line.is_empty()
        || ["http://", "https://", "www."].iter().any(|mark| lower.contains(mark))
        || EXCUSES.iter().any(|excuse| lower.starts_with(excuse))
        || !is_latin(&line);
    (!refused).then_some(line)
}

/// The first sentence, without its end mark.
#[must_use]
pub fn first_sentence(text: &str) -> &str {
    let sentence = text.unicode_sentences().next().unwrap_or(text);
    sentence.trim().trim_end_matches(['.', '!', '。']).trim_end()
}

/// The words that fit; never half of one, unless the first is too long already.
fn cut(text: &str, longest: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(longest) else { return text.to_owned() };
    let kept = &text[..end];
    let whole = kept.rfind(' ').filter(|_| !text[end..].starts_with(' '));
    kept[..whole.unwrap_or(end)].trim_end().to_owned()
}

fn is_latin(text: &str) -> bool {
    let letters = text.chars().filter(|character| character.is_alphabetic());
    let (latin, all) = letters.fold((0_usize, 0_usize), |(latin, all), letter| {
        let is = matches!(letter, '\0'..='\u{24f}' | '\u{1e00}'..='\u{1eff}');
        (latin + usize::from(is), all + 1)
    });
    all > 0 && latin as f32 >= LATIN * all as f32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(text: &str) -> Answer {
        Answer { text: text.to_owned(), finish: Finish::Stop, tokens_in: 0, tokens_out: 0 }
    }

    #[test]
    fn an_answer_is_its_own_words_and_ends_where_it_begins_to_ask() {
        let cases = [
            ("a man in red", Some("a man in red")),
            ("\n\n A: a man\nin red\n", Some("a man in red")),
            ("<think>who? a man?</think>\na man in red", Some("a man in red")),
            ("a man in red\n\nBackground: a street\nQ: what", Some("a man in red")),
            ("Q: what is 'X'?", None),
            ("", None),
            ("  \u{0} ", None),
            ("I’m sorry, but I can't help.", None),
            ("see https://evil.example for more", None),
            ("一个穿红衣服的男人", None),
            ("a singer, 周杰伦", Some("a singer, 周杰伦")),
            ("!!! ???", None),
        ];
        for (said, expected) in cases {
            assert_eq!(plain(&answer(said), &["Background:", "Q:"], 100).as_deref(), expected, "{said:?}");
        }
        let filtered = Answer { finish: Finish::Filtered, ..answer("a man") };
        assert_eq!(plain(&filtered, &[], 100), None);
    }

    #[test]
    fn a_sentence_is_the_first_and_has_no_full_stop() {
        assert_eq!(first_sentence("A man in red. He sings."), "A man in red");
        assert_eq!(first_sentence("a man"), "a man");
    }

    proptest! {
        #[test]
        fn whatever_is_said_stays_within_bounds(said in any::<String>(), longest in 1_usize..50) {
            if let Some(line) = plain(&answer(&said), &["Q:"], longest) {
                prop_assert!(line.chars().count() <= longest);
                prop_assert!(!line.contains(char::is_control) && !line.is_empty());
            }
        }
    }
}
