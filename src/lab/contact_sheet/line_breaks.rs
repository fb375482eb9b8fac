//! Line breaking: texts as letters that keep the number of their mention, in lines of a given number of columns.

use unicode_segmentation::UnicodeSegmentation;

use super::emoji_font::EmojiFont;
use super::transliteration::{code_point_name, in_font, transliterated};

/// What a letter is for the text of the post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// One of its letters.
    Letter,
    /// Part of the transliteration of a letter that the font lacks.
    Spelling,
    /// An emoji, as wide as two letters.
    Emoji,
    /// The second half of the emoji before.
    EmojiEnd,
}

/// A letter to draw, with the index of its mention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) glyph: char,
    pub(super) mention: Option<usize>,
    pub(super) sign: Sign,
}

/// The end of a truncated text.
const CUT: &str = "...";

/// The letters of a text; `spans` are its mentions in code points, with exclusive ends.
///
/// Typographic marks become ASCII, and letters that the font lacks are emoji, or are transliterated. Of the code points of
/// one grapheme only the first is drawn.
pub(super) fn letters(text: &str, spans: &[(usize, usize)], emoji: Option<&EmojiFont>) -> Vec<Letter> {
    let mut letters = Vec::new();
    let mut joined = false;
    let signs = text.graphemes(true).flat_map(|sign| sign.chars().enumerate());
    for (place, (number, code)) in signs.enumerate() {
        if code == '\u{200d}' {
            joined = true;
            continue;
        }
        if std::mem::take(&mut joined) || is_modifier(code) {
            continue;
        }
        let mention = spans.iter().position(|&(start, end)| (start..end).contains(&place));
        let written = in_font(code);
        if written.is_none() && emoji.is_some_and(|font| font.has(code)) {
            letters.extend([Sign::Emoji, Sign::EmojiEnd].map(|sign| Letter { glyph: code, mention, sign }));
            continue;
        }
        let (text, sign) = match (written, transliterated(code)) {
            (Some(written), _) => (written, Sign::Letter),
            (None, Some(transliterated)) => (transliterated, Sign::Spelling),
            // It modifies the letter before, such as a mark that removes its vowel.
            (None, None) if number > 0 => continue,
            (None, None) => (code_point_name(code), Sign::Spelling),
        };
        letters.extend(text.chars().map(|glyph| Letter { glyph, mention, sign }));
    }
    letters
}

/// Breaks letters into lines at spaces; a word longer than a line is split. A text of more than `max_lines` lines is
/// truncated with three dots.
pub(super) fn wrap(letters: &[Letter], columns: usize, max_lines: usize) -> Vec<Vec<Letter>> {
    let mut lines: Vec<Vec<Letter>> = Vec::new();
    for paragraph in letters.split(|letter| letter.glyph == '\n') {
        lines.extend(wrap_paragraph(paragraph, columns.max(CUT.len())));
    }
    while lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    if lines.len() > max_lines {
        lines.truncate(max_lines);
        if let Some(last) = lines.last_mut() {
            last.truncate(columns.saturating_sub(CUT.len()));
            last.extend(CUT.chars().map(|glyph| Letter { glyph, mention: None, sign: Sign::Letter }));
        }
    }
    lines
}

/// Breaks a plain text into lines.
pub(super) fn wrap_text(text: &str, columns: usize, max_lines: usize) -> Vec<String> {
    let lines = wrap(&letters(text, &[], None), columns, max_lines);
    lines.into_iter().map(|line| line.into_iter().map(|letter| letter.glyph).collect()).collect()
}

/// A text in one line.
pub(super) fn one_line(text: &str, columns: usize) -> String {
    wrap_text(&text.replace('\n', " "), columns, 1).pop().unwrap_or_default()
}

fn wrap_paragraph(letters: &[Letter], columns: usize) -> Vec<Vec<Letter>> {
    let mut lines = Vec::new();
    let mut line: Vec<Letter> = Vec::new();
    for word in letters.split_inclusive(|letter| letter.glyph == ' ') {
        let visible = word.len() - usize::from(word.last().is_some_and(|letter| letter.glyph == ' '));
        if !line.is_empty() && line.len() + visible > columns {
            lines.push(std::mem::take(&mut line));
        }
        line.extend_from_slice(word);
        while line.len() > columns && line[columns..].iter().any(|letter| letter.glyph != ' ') {
            let rest = line.split_off(columns);
            lines.push(std::mem::replace(&mut line, rest));
        }
    }
    lines.push(line);
    for line in &mut lines {
        while line.last().is_some_and(|letter| letter.glyph == ' ') {
            line.pop();
        }
    }
    lines
}

/// Code points that modify the one before them: accents, variants and skin tones.
fn is_modifier(code: char) -> bool {
    matches!(code, '\u{300}'..='\u{36f}' | '\u{fe00}'..='\u{fe0f}' | '\u{20e3}' | '\u{1f3fb}'..='\u{1f3ff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::contact_sheet::font::Font;

    #[test]
    fn lines_break_at_spaces_and_long_words_are_cut() {
        let cases: [(&str, usize, usize, &[&str]); 9] = [
            ("", 5, 9, &[]),
            ("one two", 7, 9, &["one two"]),
            ("one two three", 7, 9, &["one two", "three"]),
            ("one  two", 4, 9, &["one", "two"]),
            ("a incomprehensible b", 8, 9, &["a", "incompre", "hensible", "b"]),
            ("exactly8 here", 8, 9, &["exactly8", "here"]),
            ("two\nlines", 20, 9, &["two", "lines"]),
            ("too much of it", 8, 1, &["too m..."]),
            ("too much of it", 8, 2, &["too much", "of it"]),
        ];
        for (text, columns, max_lines, expected) in cases {
            assert_eq!(wrap_text(text, columns, max_lines), expected, "{text} in {columns}");
        }
    }

    #[test]
    fn letters_keep_the_index_of_their_mention() {
        let letters = letters("👍🏽 Zoë…", &[(3, 6)], None);
        let text: String = letters.iter().map(|letter| letter.glyph).collect();
        assert_eq!(text, ":thumbsup: Zoë...");
        let of_spelling: String =
            letters.iter().filter(|l| l.sign == Sign::Spelling).map(|letter| letter.glyph).collect();
        assert_eq!(of_spelling, ":thumbsup:");
        let of_mention: String =
            letters.iter().filter(|letter| letter.mention == Some(0)).map(|letter| letter.glyph).collect();
        assert_eq!(of_mention, "Zoë");
    }

    #[test]
    fn an_emoji_of_the_font_takes_two_columns_and_others_are_spelt() {
        let font = EmojiFont::read(crate::lab::contact_sheet::emoji_font::tests::font());
        let letters = letters("a🔥👀", &[], font.as_ref());
        let signs: Vec<(char, Sign)> = letters.iter().map(|letter| (letter.glyph, letter.sign)).collect();
        let drawn = [('a', Sign::Letter), ('🔥', Sign::Emoji), ('🔥', Sign::EmojiEnd), (':', Sign::Spelling)];
        assert_eq!(signs[..4], drawn);
    }

    #[test]
    fn a_joined_sign_is_drawn_once() {
        assert_eq!(wrap_text("👨\u{200d}👩\u{200d}👧 ❤\u{fe0f}", 20, 1), [":man: :heart:"]);
    }

    #[test]
    fn every_letter_of_any_script_is_one_that_the_font_has() {
        // All code points, assigned or not, except line breaks, which are not letters. Two planes and the end of the last
        // one contain all kinds; the others are alike.
        let codes = ('\0'..='\u{2ffff}').chain('\u{e0000}'..='\u{e01ff}').chain(['\u{10ffff}']);
        for code in codes.filter(|&code| code != '\n') {
            for letter in letters(code.encode_utf8(&mut [0; 4]), &[], None) {
                assert!(Font::Text.glyph(letter.glyph).is_some(), "{code:?} is {:?}", letter.glyph);
            }
        }
    }
}
