//! Elements of HTML: which are hidden, which begin a line, which have no contents.

/// What becomes of an element's contents. The larger value counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Visibility {
    #[default]
    Shown,
    /// A picture that stands for an emoji.
    Emoji,
    /// Shown, and followed by `…`.
    Cut,
    Hidden,
}

/// The line break that an element makes before and after itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Break {
    None,
    Space,
    /// One more line break, as each `<br>` adds one.
    Line,
    /// At least one line break.
    Block,
    /// A blank line.
    Paragraph,
}

/// Elements whose contents are no text of the page.
const HIDDEN: &[&[u8]] = &[
    b"script",
    b"style",
    b"template",
    b"title",
    b"iframe",
    b"noembed",
    b"noframes",
    b"svg",
    b"math",
    b"audio",
    b"video",
    b"object",
    b"select",
    b"textarea",
];

/// Elements that have no contents and no end tag (HTML standard, void elements).
const EMPTY: &[&[u8]] = &[
    b"area", b"base", b"br", b"col", b"embed", b"hr", b"img", b"input", b"link", b"meta", b"source",
    b"track", b"wbr",
];

const PARAGRAPHS: &[&[u8]] = &[
    b"p",
    b"blockquote",
    b"pre",
    b"ul",
    b"ol",
    b"dl",
    b"table",
    b"figure",
    b"h1",
    b"h2",
    b"h3",
    b"h4",
    b"h5",
    b"h6",
    b"hr",
];

const BLOCKS: &[&[u8]] = &[
    b"div",
    b"li",
    b"dt",
    b"dd",
    b"tr",
    b"figcaption",
    b"summary",
    b"details",
    b"header",
    b"footer",
    b"section",
    b"article",
    b"address",
    b"main",
    b"aside",
    b"nav",
    b"caption",
];

pub(super) fn visibility(name: &[u8]) -> Visibility {
    if HIDDEN.contains(&name) { Visibility::Hidden } else { Visibility::Shown }
}

/// What a class says. Mastodon hides the beginning and the end of an address (`invisible`), marks what it cut
/// (`ellipsis`), and repeats a quoted post's address in an element that its pages do not show (`quote-inline`). Servers
/// that send emoji as pictures give them the class `emoji`.
pub(super) fn visibility_of_class(class: &[u8]) -> Visibility {
    match class {
        b"invisible" | b"quote-inline" => Visibility::Hidden,
        b"ellipsis" => Visibility::Cut,
        b"emoji" | b"custom-emoji" => Visibility::Emoji,
        _ => Visibility::Shown,
    }
}

pub(super) fn is_empty(name: &[u8]) -> bool {
    EMPTY.contains(&name)
}

pub(super) fn line_break(name: &[u8]) -> Break {
    match name {
        b"br" => Break::Line,
        b"td" | b"th" => Break::Space,
        name if PARAGRAPHS.contains(&name) => Break::Paragraph,
        name if BLOCKS.contains(&name) => Break::Block,
        _ => Break::None,
    }
}
