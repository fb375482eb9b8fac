//! What may a line of an answer hold? Readable words in the networks' script: no tags, no addresses, no endless repetition.

use super::excuses::none_in;
use super::form::Form;
use super::post_text::is_unseen;
use super::refusal::Refusal;
use super::thoughts::is_aloud;

/// Least share of Latin letters among all letters: the networks were taught English, and names may be of any script.
const LATIN: f32 = 0.6;
/// A word that comes so often in a row is a loop, and so is a text of many words of which few are different.
const IN_A_ROW: usize = 4;
const LOOP_WORDS: usize = 16;
const LOOP_SHARE: usize = 4;
/// Pieces of templates and tokenizers that no words have: brackets that are no tags by their form, a fence, escapes of
/// HTML, and the marks that stand for a space in the vocabularies of tokenizers.
const PIECES: [&str; 12] =
    ["```", "[/", "[inst", "[tool", "[end", "[eos", "[pad", "◁", "▷", "<|", "&lt;", "](http"];
const PIECES_OF_WORDS: [char; 5] = ['\u{fffd}', '▁', 'Ġ', 'Ċ', '\u{feff}'];
/// With what a further turn begins where a model goes on for both sides.
const SIDES: [&str; 6] = ["User:", "Human:", "Assistant:", "### ", "<data>", "System:"];
/// With what the prompts end: a model may say it again.
const OWN: [&str; 2] = ["A:", "Answer:"];

/// The lines of a text as one line, up to where a line of the prompt begins.
///
/// # Errors
/// It has no words, or other characters than words have, or more lines than its form.
pub(super) fn joined(form: Form, text: &str) -> Result<String, Refusal> {
    let is_control = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t');
    if text.contains(is_control) || text.contains(PIECES_OF_WORDS) {
        return Err(Refusal::Unreadable);
    }
    let text: String = text.chars().filter(|&letter| !is_unseen(letter)).collect();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_further = |line: &str| form.marks().iter().chain(&SIDES).any(|mark| line.starts_with(mark));
    let lines: Vec<&str> = lines.take_while(|line| !is_further(line)).collect();
    let words: Vec<&str> = lines.iter().flat_map(|line| line.split_whitespace()).collect();
    let line = words.join(" ");
    let line = OWN.iter().fold(line.trim(), |line, mark| line.strip_prefix(mark).unwrap_or(line).trim());
    if line.is_empty() {
        return Err(if text.trim().is_empty() { Refusal::Empty } else { Refusal::Echo });
    }
    if line.chars().count() > form.too_long() {
        return Err(Refusal::TooLong);
    }
    let is_item = |line: &&str| line.starts_with(['-', '*', '•', '#', '|', '+']) && !line.starts_with("**");
    let is_list = match form {
        Form::Phrase => lines.len() > 1,
        Form::Caption | Form::Description => lines.iter().any(is_item),
        // Entities are numbered, one a line.
        Form::Knowledge => false,
    };
    if is_list { Err(Refusal::List) } else { Ok(line.to_owned()) }
}

/// Whether a line holds what no answer of any form has.
///
/// # Errors
/// What it holds.
pub(super) fn is_plain(form: Form, line: &str) -> Result<(), Refusal> {
    let lower = line.to_lowercase().replace('’', "'");
    if lower.starts_with(['{', '[']) || (form != Form::Knowledge && lower.contains(['{', '}'])) {
        return Err(Refusal::Json);
    }
    if has_tag(&lower) || PIECES.iter().any(|piece| lower.contains(piece)) {
        return Err(Refusal::Markup);
    }
    if has_address(form, &lower) {
        return Err(Refusal::Address);
    }
    if is_aloud(&lower) {
        return Err(Refusal::Thought);
    }
    none_in(form, &lower)?;
    if !is_latin(line) {
        return Err(if line.chars().any(char::is_alphabetic) { Refusal::Script } else { Refusal::Empty });
    }
    if is_loop(&lower) { Err(Refusal::Repetition) } else { Ok(()) }
}

/// The words that fit; never half of one, unless the first is too long already.
pub(super) fn cut(text: &str, longest: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(longest) else { return text.to_owned() };
    let kept = &text[..end];
    let whole = kept.rfind(' ').filter(|_| !text[end..].starts_with(' '));
    kept[..whole.unwrap_or(end)].trim_end().to_owned()
}

/// Whether there is a bracket that begins a tag: of HTML, of a template, of thoughts.
fn has_tag(text: &str) -> bool {
    text.match_indices('<').any(|(at, _)| {
        text[at + 1..]
            .starts_with(|next: char| next.is_alphabetic() || matches!(next, '/' | '|' | '!' | '?' | '｜'))
    })
}

/// Whether there is an address of the web. In knowledge and in descriptions a site may be named, such as `booking.com`.
fn has_address(form: Form, lower: &str) -> bool {
    if ["://", "www.", "mailto:", "javascript:", "t.co/"].iter().any(|mark| lower.contains(mark)) {
        return true;
    }
    form == Form::Phrase && lower.split([' ', '(', ')', '"', ',']).any(is_host)
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
    all > 0 && latin as f32 >= LATIN * all as f32
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
    fn lines_are_joined_up_to_the_next_question_and_a_phrase_has_one() {
        for (text, expected) in [
            ("\n\n A: a man  in red\n", Ok("a man in red")),
            ("a man in red\n\nBackground: a street\nQ: what", Ok("a man in red")),
            ("a man in red\nUser: and Vorlan?", Ok("a man in red")),
            ("a man in red\nHe sings.", Err(Refusal::List)),
            ("Q: what is 'X'?", Err(Refusal::Echo)),
            ("", Err(Refusal::Empty)),
            (" \n ", Err(Refusal::Empty)),
            ("a\u{200b} man", Ok("a man")),
            ("\u{1b}[31ma man", Err(Refusal::Unreadable)),
            ("Ġa Ġman", Err(Refusal::Unreadable)),
        ] {
            assert_eq!(joined(Form::Phrase, text), expected.map(str::to_owned), "{text:?}");
        }
        assert_eq!(joined(Form::Caption, "A man.\nA dog."), Ok("A man. A dog.".to_owned()));
        assert_eq!(joined(Form::Caption, "- A man.\n- A dog."), Err(Refusal::List));
        assert_eq!(joined(Form::Phrase, &"word ".repeat(200)), Err(Refusal::TooLong));
    }

    #[test]
    fn what_no_answer_holds_is_found() {
        for (line, expected) in [
            ("a singer, 周杰伦", Ok(())),
            ("a wall 3.5 metres high, e.g. in the U.S.", Ok(())),
            ("一个穿红衣服的男人", Err(Refusal::Script)),
            ("!!! ...", Err(Refusal::Empty)),
            ("see https://evil.example", Err(Refusal::Address)),
            ("see evil.example/x", Err(Refusal::Address)),
            ("me@mail.example", Err(Refusal::Address)),
            ("a man<|im_end|>", Err(Refusal::Markup)),
            ("a man <script>", Err(Refusal::Markup)),
            ("a man [TOOL_CALLS]", Err(Refusal::Markup)),
            ("a {name} in red", Err(Refusal::Json)),
            ("Okay, so the user wants a phrase", Err(Refusal::Thought)),
            ("a man man man man", Err(Refusal::Repetition)),
        ] {
            assert_eq!(is_plain(Form::Phrase, line), expected, "{line}");
        }
        assert_eq!(is_plain(Form::Knowledge, "1. booking.com (ORG)"), Ok(()));
        assert_eq!(is_plain(Form::Phrase, &"a red wall in a blue yard ".repeat(6)), Err(Refusal::Repetition));
    }
}
