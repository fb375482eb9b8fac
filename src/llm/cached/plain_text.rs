//! Plain text checks: readable words in the networks' script, without tags, URLs, JSON or repetition.

use super::answer_format::AnswerFormat;
use super::post_text::is_invisible;
use super::reasoning::starts_as_reasoning;
use super::refusals::reject_refusals;
use super::reject_reason::RejectReason;

/// The least share of Latin letters: the networks were trained on English, but names may be in any script.
const MIN_LATIN_SHARE: f32 = 0.6;
/// A word repeated this often in a row is a loop, and so is a text of many words with few distinct ones.
const IN_A_ROW: usize = 4;
const LOOP_WORDS: usize = 16;
const LOOP_SHARE: usize = 4;
/// Remains of chat templates and code: brackets that [`has_tag`] does not find, a code fence, HTML escapes.
const MARKUP: [&str; 12] =
    ["```", "[/", "[inst", "[tool", "[end", "[eos", "[pad", "◁", "▷", "<|", "&lt;", "](http"];
/// Characters that only broken decoding leaves: the replacement character and the space marks of tokenizers.
const TOKENIZER_MARKS: [char; 5] = ['\u{fffd}', '▁', 'Ġ', 'Ċ', '\u{feff}'];
/// How a further turn begins where a model writes both sides of the dialogue.
const TURN_STARTS: [&str; 6] = ["User:", "Human:", "Assistant:", "### ", "<data>", "System:"];
/// The end of the prompts, which a model may repeat.
const PROMPT_ENDS: [&str; 2] = ["A:", "Answer:"];

/// Joins the lines of a text, up to the first line that repeats the prompt.
///
/// # Errors
/// The text is empty, has unreadable characters, is too long, or has more lines than its format allows.
pub(super) fn join_lines(form: AnswerFormat, text: &str) -> Result<String, RejectReason> {
    let is_control = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t');
    if text.contains(is_control) || text.contains(TOKENIZER_MARKS) {
        return Err(RejectReason::Unreadable);
    }
    let text: String = text.chars().filter(|&letter| !is_invisible(letter)).collect();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_further =
        |line: &str| form.prompt_line_starts().iter().chain(&TURN_STARTS).any(|mark| line.starts_with(mark));
    let lines: Vec<&str> = lines.take_while(|line| !is_further(line)).collect();
    let words: Vec<&str> = lines.iter().flat_map(|line| line.split_whitespace()).collect();
    let line = words.join(" ");
    let line =
        PROMPT_ENDS.iter().fold(line.trim(), |line, mark| line.strip_prefix(mark).unwrap_or(line).trim());
    if line.is_empty() {
        return Err(if text.trim().is_empty() { RejectReason::Empty } else { RejectReason::Echo });
    }
    if line.chars().count() > form.reject_above() {
        return Err(RejectReason::TooLong);
    }
    let is_item = |line: &&str| line.starts_with(['-', '*', '•', '#', '|', '+']) && !line.starts_with("**");
    let is_list = match form {
        AnswerFormat::Phrase => lines.len() > 1,
        AnswerFormat::Caption | AnswerFormat::Description => lines.iter().any(is_item),
        // Entities are listed one a line.
        AnswerFormat::Knowledge => false,
    };
    if is_list { Err(RejectReason::List) } else { Ok(line.to_owned()) }
}

/// Checks a line for content that no answer may have.
///
/// # Errors
/// What it contains.
pub(super) fn check_plain(form: AnswerFormat, line: &str) -> Result<(), RejectReason> {
    let lower = line.to_lowercase().replace('’', "'");
    if lower.starts_with(['{', '[']) || (form != AnswerFormat::Knowledge && lower.contains(['{', '}'])) {
        return Err(RejectReason::Json);
    }
    if has_tag(&lower) || MARKUP.iter().any(|mark| lower.contains(mark)) {
        return Err(RejectReason::Markup);
    }
    if has_url(form, &lower) {
        return Err(RejectReason::Address);
    }
    if starts_as_reasoning(&lower) {
        return Err(RejectReason::Thought);
    }
    reject_refusals(form, &lower)?;
    if !is_latin(line) {
        return Err(if line.chars().any(char::is_alphabetic) {
            RejectReason::Script
        } else {
            RejectReason::Empty
        });
    }
    if is_loop(&lower) { Err(RejectReason::Repetition) } else { Ok(()) }
}

/// Why prose is rejected where an object was asked for: a refusal, reasoning, or talk.
#[must_use]
pub fn reason_of_prose(text: &str) -> RejectReason {
    let line = match join_lines(AnswerFormat::Caption, text) {
        Ok(line) => line,
        Err(reason) => return reason,
    };
    check_plain(AnswerFormat::Caption, &line).err().unwrap_or(RejectReason::Talk)
}

/// The first `max_chars` characters, cut between words unless the first word is too long already.
pub(super) fn truncate_at_word(text: &str, max_chars: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(max_chars) else { return text.to_owned() };
    let kept = &text[..end];
    let whole = kept.rfind(' ').filter(|_| !text[end..].starts_with(' '));
    kept[..whole.unwrap_or(end)].trim_end().to_owned()
}

/// Whether a bracket begins a tag of HTML, of a chat template or of reasoning.
fn has_tag(text: &str) -> bool {
    text.match_indices('<').any(|(at, _)| {
        text[at + 1..]
            .starts_with(|next: char| next.is_alphabetic() || matches!(next, '/' | '|' | '!' | '?' | '｜'))
    })
}

/// Whether there is a URL. Knowledge and descriptions may name a site, such as `booking.com`.
fn has_url(form: AnswerFormat, lower: &str) -> bool {
    if ["://", "www.", "mailto:", "javascript:", "t.co/"].iter().any(|mark| lower.contains(mark)) {
        return true;
    }
    form == AnswerFormat::Phrase && lower.split([' ', '(', ')', '"', ',']).any(is_host)
}

/// `evil.example`, `a.example/x`, `me@mail.example`; not `3.5`, `u.s.`, `e.g.`.
fn is_host(word: &str) -> bool {
    let host = word.split(['/', '?', '#']).next().unwrap_or(word).trim_end_matches(['.', '!', ':', ';']);
    let Some((before, last)) = host.rsplit_once('.') else {
        return host.contains('@') && !host.starts_with('@');
    };
    let label = before.rsplit(['.', '@']).next().unwrap_or(before);
    let is_word = |part: &str| {
        part.chars().count() >= 2 && part.chars().all(|letter| letter.is_alphanumeric() || letter == '-')
    };
    is_word(label) && is_word(last) && last.chars().all(char::is_alphabetic)
}

fn is_latin(text: &str) -> bool {
    let letters = text.chars().filter(|character| character.is_alphabetic());
    let (latin, all) = letters.fold((0_usize, 0_usize), |(latin, all), letter| {
        let is = matches!(letter, '\0'..='\u{24f}' | '\u{1e00}'..='\u{1eff}');
        (latin + usize::from(is), all + 1)
    });
    all > 0 && latin as f32 >= MIN_LATIN_SHARE * all as f32
}

fn is_loop(lower: &str) -> bool {
    let words: Vec<&str> = lower.split(' ').collect();
    let in_a_row = words.windows(IN_A_ROW).any(|row| row.iter().all(|word| *word == row[0]));
    let mut different = words.clone();
    different.sort_unstable();
    different.dedup();
    in_a_row || (words.len() >= LOOP_WORDS && different.len() * LOOP_SHARE < words.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_up_to_the_next_question_and_a_phrase_has_one_line() {
        for (text, expected) in [
            ("\n\n A: a man  in red\n", Ok("a man in red")),
            ("a man in red\n\nBackground: a street\nQ: what", Ok("a man in red")),
            ("a man in red\nUser: and Vorlan?", Ok("a man in red")),
            ("a man in red\nHe sings.", Err(RejectReason::List)),
            ("Q: what is 'X'?", Err(RejectReason::Echo)),
            ("", Err(RejectReason::Empty)),
            (" \n ", Err(RejectReason::Empty)),
            ("a\u{200b} man", Ok("a man")),
            ("\u{1b}[31ma man", Err(RejectReason::Unreadable)),
            ("Ġa Ġman", Err(RejectReason::Unreadable)),
        ] {
            assert_eq!(join_lines(AnswerFormat::Phrase, text), expected.map(str::to_owned), "{text:?}");
        }
        assert_eq!(join_lines(AnswerFormat::Caption, "A man.\nA dog."), Ok("A man. A dog.".to_owned()));
        assert_eq!(join_lines(AnswerFormat::Caption, "- A man.\n- A dog."), Err(RejectReason::List));
        assert_eq!(join_lines(AnswerFormat::Phrase, &"word ".repeat(200)), Err(RejectReason::TooLong));
    }

    #[test]
    fn content_that_no_answer_may_have_is_found() {
        for (line, expected) in [
            ("a singer, 周杰伦", Ok(())),
            ("a wall 3.5 metres high, e.g. in the U.S.", Ok(())),
            ("一个穿红衣服的男人", Err(RejectReason::Script)),
            ("!!! ...", Err(RejectReason::Empty)),
            ("see https://evil.example", Err(RejectReason::Address)),
            ("see evil.example/x", Err(RejectReason::Address)),
            ("me@mail.example", Err(RejectReason::Address)),
            ("a man<|im_end|>", Err(RejectReason::Markup)),
            ("a man <script>", Err(RejectReason::Markup)),
            ("a man [TOOL_CALLS]", Err(RejectReason::Markup)),
            ("a {name} in red", Err(RejectReason::Json)),
            ("Okay, so the user wants a phrase", Err(RejectReason::Thought)),
            ("a man man man man", Err(RejectReason::Repetition)),
        ] {
            assert_eq!(check_plain(AnswerFormat::Phrase, line), expected, "{line}");
        }
        assert_eq!(check_plain(AnswerFormat::Knowledge, "1. booking.com (ORG)"), Ok(()));
        assert_eq!(
            check_plain(AnswerFormat::Phrase, &"a red wall in a blue yard ".repeat(6)),
            Err(RejectReason::Repetition)
        );
    }
}
