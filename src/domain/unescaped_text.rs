//! Unescaped texts: a text without HTML escapes, and the place of each piece in the received text.

use super::Span;

/// A text without its escapes, and where its pieces are in the received text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnescapedText {
    text: String,
    escapes: Vec<Escape>,
}

/// The byte ranges of an escape and of the text that replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Escape {
    received: (usize, usize),
    read: (usize, usize),
}

impl UnescapedText {
    /// The received text without these escapes, each given by its byte range and its replacement, in order.
    #[must_use]
    pub fn new<'a>(received: &str, escapes: impl IntoIterator<Item = ((usize, usize), &'a str)>) -> Self {
        let mut unescaped = Self { text: String::with_capacity(received.len()), escapes: Vec::new() };
        let mut kept = 0;
        for ((start, end), meaning) in escapes {
            unescaped.text += received.get(kept..start).unwrap_or_default();
            let begin = unescaped.text.len();
            unescaped.text += meaning;
            unescaped.escapes.push(Escape { received: (start, end), read: (begin, unescaped.text.len()) });
            kept = end;
        }
        unescaped.text += received.get(kept..).unwrap_or_default();
        // A post keeps both for as long as it is worked on.
        unescaped.text.shrink_to_fit();
        unescaped.escapes.shrink_to_fit();
        unescaped
    }

    /// The text without its escapes.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The span in the received text of a piece of this text. Escapes are indivisible: a piece that begins or ends
    /// within the replacement of one includes the whole escape.
    #[must_use]
    pub fn received_span(&self, received: &str, span: Span) -> Span {
        let byte_start = self.start(span.byte_start);
        let byte_end = self.end(span.byte_end).max(byte_start);
        let start = characters(received, 0, byte_start);
        Span { start, end: start + characters(received, byte_start, byte_end), byte_start, byte_end }
    }

    /// The piece of this text that a byte range of the received text stands for. A range that begins or ends within an
    /// escape includes its whole replacement. None: the range is not within the text.
    #[must_use]
    pub fn text_read(&self, (start, end): (usize, usize)) -> Option<&str> {
        self.text.get(self.read_place(start, false)..self.read_place(end, true))
    }

    /// The place in this text of one in the received text; within an escape, the begin or the end of its replacement.
    fn read_place(&self, received: usize, is_end: bool) -> usize {
        let before = self.escapes.partition_point(|escape| escape.received.0 < received);
        match before.checked_sub(1).and_then(|last| self.escapes.get(last)) {
            Some(escape) if received < escape.received.1 => {
                if is_end {
                    escape.read.1
                } else {
                    escape.read.0
                }
            }
            Some(escape) => escape.read.1 + (received - escape.received.1),
            None => received,
        }
    }

    fn start(&self, read: usize) -> usize {
        let before = self.escapes.partition_point(|escape| escape.read.0 <= read);
        match before.checked_sub(1).and_then(|last| self.escapes.get(last)) {
            Some(escape) if read < escape.read.1 => escape.received.0,
            Some(escape) => escape.received.1 + (read - escape.read.1),
            None => read,
        }
    }

    fn end(&self, read: usize) -> usize {
        let before = self.escapes.partition_point(|escape| escape.read.0 < read);
        match before.checked_sub(1).and_then(|last| self.escapes.get(last)) {
            Some(escape) if read < escape.read.1 => escape.received.1,
            Some(escape) => escape.received.1 + (read - escape.read.1),
            None => read,
        }
    }
}

fn characters(text: &str, from: usize, to: usize) -> usize {
    text.get(from..to).map_or(0, |piece| piece.chars().count())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn span(text: &str, byte_start: usize, byte_end: usize) -> Span {
        let (start, length) = (characters(text, 0, byte_start), characters(text, byte_start, byte_end));
        Span { start, end: start + length, byte_start, byte_end }
    }

    #[test]
    fn a_piece_is_found_with_its_escapes_whole() {
        let received = "é AT&amp;T &ne; x";
        let unescaped = UnescapedText::new(received, [((5, 10), "&"), ((12, 16), "=\u{338}")]);
        assert_eq!(unescaped.text(), "é AT&T =\u{338} x");
        let read = unescaped.text();
        for (begin, end, expected) in [
            (3, 7, "AT&amp;T"),
            (3, 5, "AT"),
            (5, 6, "&amp;"),
            (6, 7, "T"),
            // Half of what stands for one escape.
            (8, 9, "&ne;"),
            (9, 11, "&ne;"),
            (12, 13, "x"),
            (0, 2, "é"),
        ] {
            let found = unescaped.received_span(received, span(read, begin, end));
            assert_eq!(&received[found.byte_start..found.byte_end], expected);
            assert_eq!(found, span(received, found.byte_start, found.byte_end));
        }
    }

    proptest! {
        /// Pieces of plain text and escapes: whatever is cut out of the text read stands where the same pieces are.
        #[test]
        fn any_piece_is_found_again(pieces in prop::collection::vec(("[a-cé😀 ]{0,4}", any::<bool>()), 0..8), ends: (prop::sample::Index, prop::sample::Index)) {
            let (mut received, mut escapes) = (String::new(), Vec::new());
            for (plain, has_escape) in &pieces {
                received += plain;
                if *has_escape {
                    escapes.push(((received.len(), received.len() + 5), "&"));
                    received += "&amp;";
                }
            }
            let unescaped = UnescapedText::new(&received, escapes);
            let read = unescaped.text();
            prop_assert_eq!(read, received.replace("&amp;", "&"));
            let mut places: Vec<usize> = read.char_indices().map(|(place, _)| place).collect();
            places.push(read.len());
            let (first, second) = (places[ends.0.index(places.len())], places[ends.1.index(places.len())]);
            let (begin, end) = (first.min(second), first.max(second));
            let found = unescaped.received_span(&received, span(read, begin, end));
            let cut = &received[found.byte_start..found.byte_end];
            prop_assert_eq!(cut.replace("&amp;", "&"), &read[begin..end]);
            prop_assert_eq!(unescaped.text_read((found.byte_start, found.byte_end)), Some(&read[begin..end]));
            prop_assert_eq!(found, span(&received, found.byte_start, found.byte_end));
        }
    }
}
