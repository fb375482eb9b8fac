//! HTML of posts: the text that people see, with the place of each piece in the HTML.
//!
//! The tokenizer is `html5gum`, which follows the HTML standard and gives the byte offsets of its tokens. It takes any
//! input as HTML in one pass; nothing here goes back, so the time is linear in the length.

mod elements;
mod visible_text;

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};

use crate::domain::UnescapedText;

use self::elements::Visibility;
use self::visible_text::VisibleText;

/// The text of a piece of HTML as people see it: without tags, comments and hidden elements, with a line break for
/// `<br>` and for lines of a list, a blank line between paragraphs, white space as one space, and escapes undone. The
/// element of class `ellipsis` by which Mastodon cuts addresses ends in `…`, as on its pages.
pub(super) fn visible_text(html: &str) -> UnescapedText {
    let mut page = Page {
        text: VisibleText::new(html),
        tag: Tag::default(),
        hidden: None,
        cut: None,
        preformatted: Depth::default(),
    };
    let mut emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, span: Span<usize>| -> Option<()> {
        page.read(&event, span);
        None
    });
    // The contents of `<script>` and `<style>` are no HTML.
    emitter.naively_switch_states(true);
    for Ok(()) in Tokenizer::new_with_emitter(html, emitter) {}
    page.text.finish()
}

/// What is known of the HTML up to here.
struct Page<'html> {
    text: VisibleText<'html>,
    /// The start tag that is being read.
    tag: Tag,
    /// The hidden element that is open.
    hidden: Option<OpenElement>,
    /// The element of class `ellipsis` that is open.
    cut: Option<OpenElement>,
    preformatted: Depth,
}

/// A start tag.
#[derive(Default)]
struct Tag {
    begin: usize,
    name: Vec<u8>,
    attribute: Vec<u8>,
    visibility: Visibility,
    /// The text of a picture that stands for an emoji.
    alt: Option<String>,
}

/// An element whose end is looked for: its end tag after as many end tags of the same name as it contains.
struct OpenElement {
    name: Vec<u8>,
    depth: Depth,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
struct Depth(usize);

impl Page<'_> {
    fn read(&mut self, event: &CallbackEvent<'_>, span: Span<usize>) {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.tag = Tag { begin: span.start, name: name.to_vec(), ..Tag::default() };
                self.tag.visibility = elements::visibility(name);
            }
            CallbackEvent::AttributeName { name } => {
                self.tag.attribute.clear();
                self.tag.attribute.extend_from_slice(name);
            }
            CallbackEvent::AttributeValue { value } => self.attribute(value),
            CallbackEvent::CloseStartTag { .. } => self.start_tag(span.end),
            CallbackEvent::EndTag { name } => self.end_tag(name),
            CallbackEvent::String { .. } if self.hidden.is_none() => {
                self.text.add(span.start, self.text.end_of_text(span.end), self.preformatted.0 > 0);
            }
            _ => {}
        }
    }

    fn attribute(&mut self, value: &[u8]) {
        match self.tag.attribute.as_slice() {
            b"class" => {
                for class in value.split(u8::is_ascii_whitespace) {
                    self.tag.visibility = self.tag.visibility.max(elements::visibility_of_class(class));
                }
            }
            b"alt" if self.tag.name == b"img" => self.tag.alt = String::from_utf8(value.to_vec()).ok(),
            _ => {}
        }
    }

    fn start_tag(&mut self, end: usize) {
        let Tag { begin, name, visibility, alt, .. } = std::mem::take(&mut self.tag);
        for open in [&mut self.hidden, &mut self.cut].into_iter().flatten() {
            open.depth.0 += usize::from(open.name == name);
        }
        if self.hidden.is_some() {
            return;
        }
        let is_empty = elements::is_empty(&name);
        match visibility {
            Visibility::Hidden if !is_empty => {
                self.hidden = Some(OpenElement { name, depth: Depth(1) });
                return;
            }
            Visibility::Cut if !is_empty && self.cut.is_none() => {
                self.cut = Some(OpenElement { name: name.clone(), depth: Depth(1) });
            }
            Visibility::Emoji => {
                if let Some(alt) = alt.filter(|alt| !alt.is_empty()) {
                    self.text.add_as(begin, end, alt.into());
                }
            }
            _ => {}
        }
        self.preformatted.0 += usize::from(name == b"pre");
        self.text.break_line(elements::line_break(&name));
    }

    fn end_tag(&mut self, name: &[u8]) {
        if ends(&mut self.cut, name) && self.hidden.is_none() {
            self.text.ellipsis();
        }
        if self.hidden.is_some() {
            ends(&mut self.hidden, name);
            return;
        }
        if name == b"pre" {
            self.preformatted.0 = self.preformatted.0.saturating_sub(1);
        }
        // An end tag of `<br>` is read as the element itself.
        let line_break = elements::line_break(name);
        self.text.break_line(line_break);
    }
}

/// Whether an end tag of this name ends the element, which is then no longer open.
fn ends(open: &mut Option<OpenElement>, name: &[u8]) -> bool {
    let Some(element) = open else { return false };
    element.depth.0 -= usize::from(element.name == name);
    if element.depth.0 > 0 {
        return false;
    }
    *open = None;
    true
}

#[cfg(test)]
mod tests;
