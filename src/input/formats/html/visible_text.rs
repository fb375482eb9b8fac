//! Visible text: pieces of HTML that are shown, and what stands between them.

use std::borrow::Cow;

use memchr::memchr;

use crate::domain::UnescapedText;
use crate::input::html_escapes::escape_at;

use super::elements::Break;

/// The text made so far. Between two visible pieces of the HTML is a gap (tags, comments, hidden text, white space),
/// which is replaced as a whole by what people see of it.
pub(super) struct VisibleText<'html> {
    html: &'html str,
    /// Ranges of the HTML that differ from the text, and what stands for them.
    replaced: Vec<((usize, usize), Cow<'static, str>)>,
    /// Where the last visible piece ends.
    kept: usize,
    has_text: bool,
    gap: Gap,
}

/// What people see of the gap after the last visible piece.
#[derive(Default, Clone, Copy)]
struct Gap {
    ellipsis: bool,
    space: bool,
    line_breaks: usize,
}

impl<'html> VisibleText<'html> {
    pub(super) fn new(html: &'html str) -> Self {
        Self { html, replaced: Vec::new(), kept: 0, has_text: false, gap: Gap::default() }
    }

    /// Text between two tags, with its escapes. White space counts as one space unless it is preformatted.
    pub(super) fn add(&mut self, begin: usize, end: usize, is_preformatted: bool) {
        let Some(text) = self.html.get(begin..end).filter(|_| begin >= self.kept) else { return };
        let bytes = text.as_bytes();
        let collapses = |byte: u8| !is_preformatted && byte.is_ascii_whitespace();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if collapses(byte) {
                self.gap.space = true;
                at += 1;
                continue;
            }
            if byte == b'&'
                && let Some((length, meaning)) = escape_at(&text[at..])
            {
                self.add_as(begin + at, begin + at + length, Cow::Owned(meaning.into_owned()));
                at += length;
                continue;
            }
            let rest = bytes.get(at + 1..).unwrap_or_default();
            let run = rest.iter().position(|&byte| byte == b'&' || collapses(byte));
            let stop = run.map_or(bytes.len(), |length| at + 1 + length);
            self.close_gap(begin + at);
            self.kept = begin + stop;
            at = stop;
        }
    }

    /// Where the text ends that a token ends at this place or a byte before: html5gum 0.8.4 gives the end one byte
    /// early where a named escape ends the input. A text ends at a tag, a comment or the end of the input.
    pub(super) fn end_of_text(&self, end: usize) -> usize {
        let rest = self.html.as_bytes().get(end..).unwrap_or_default();
        end + memchr(b'<', rest).unwrap_or(rest.len())
    }

    /// A piece that is shown as another text.
    pub(super) fn add_as(&mut self, begin: usize, end: usize, meaning: Cow<'static, str>) {
        if begin < self.kept || end < begin {
            return;
        }
        self.close_gap(begin);
        self.replaced.push(((begin, end), meaning));
        self.kept = end;
    }

    /// The break that an element makes. More than one blank line is none.
    pub(super) fn break_line(&mut self, line_break: Break) {
        let breaks = self.gap.line_breaks;
        match line_break {
            Break::None => {}
            Break::Space => self.gap.space = true,
            Break::Line => self.gap.line_breaks = (breaks + 1).min(2),
            Break::Block => self.gap.line_breaks = breaks.max(1),
            Break::Paragraph => self.gap.line_breaks = 2,
        }
    }

    /// What was shown last is the beginning of a longer text.
    pub(super) fn ellipsis(&mut self) {
        self.gap.ellipsis = true;
    }

    /// The text and its places.
    pub(super) fn finish(mut self) -> UnescapedText {
        // White space after the last piece is not seen.
        self.gap = Gap { ellipsis: self.gap.ellipsis, ..Gap::default() };
        self.close_gap(self.html.len());
        UnescapedText::new(self.html, self.replaced.iter().map(|(range, text)| (*range, text.as_ref())))
    }

    fn close_gap(&mut self, end: usize) {
        // White space before the first piece is not seen either.
        let shown = if self.has_text { std::mem::take(&mut self.gap).shown() } else { "" };
        self.gap = Gap::default();
        if self.html.get(self.kept..end) != Some(shown) {
            self.replaced.push(((self.kept, end), Cow::Borrowed(shown)));
        }
        self.has_text = true;
    }
}

impl Gap {
    fn shown(self) -> &'static str {
        match (self.ellipsis, self.line_breaks, self.space) {
            (false, 0, false) => "",
            (false, 0, true) => " ",
            (false, 1, _) => "\n",
            (false, ..) => "\n\n",
            (true, 0, false) => "…",
            (true, 0, true) => "… ",
            (true, 1, _) => "…\n",
            (true, ..) => "…\n\n",
        }
    }
}
