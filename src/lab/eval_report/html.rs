//! HTML as text: escapes, and names of classes.

use std::borrow::Cow;

use quick_xml::escape::escape;

use crate::lab::eval::Fault;

/// Text that is safe between tags and in quoted attributes. Control characters, which HTML forbids, become spaces.
pub(super) fn text(raw: &str) -> String {
    let allowed = |letter: char| !letter.is_control() || letter == '\n' || letter == '\t';
    let clean: Cow<'_, str> = if raw.chars().all(allowed) {
        raw.into()
    } else {
        raw.chars().map(|letter| if allowed(letter) { letter } else { ' ' }).collect::<String>().into()
    };
    escape(clean).into_owned()
}

/// The word for a kind of error in classes and values.
pub(super) fn word(fault: Option<Fault>) -> &'static str {
    match fault {
        None => "right",
        Some(Fault::Missed) => "missed",
        Some(Fault::Spurious) => "spurious",
        Some(Fault::WrongType) => "type",
        Some(Fault::WrongBoundary) => "boundary",
        Some(Fault::SaidAbsent) => "absent",
        Some(Fault::SaidDepicted) => "depicted",
        Some(Fault::WrongBox) => "box",
        Some(Fault::WrongMask) => "mask",
    }
}
