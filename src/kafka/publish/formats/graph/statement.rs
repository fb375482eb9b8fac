//! Statements: subject, predicate and object, as RDF has them.

use std::sync::Arc;

use super::datatype::Datatype;
use super::vocabulary::{Name, Predicate};

/// One statement.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    /// An IRI.
    pub(super) subject: Arc<str>,
    pub(super) predicate: &'static Predicate,
    pub(super) object: Object,
}

/// What a statement says of its subject.
#[derive(Debug, Clone)]
pub(super) enum Object {
    /// The IRI of a thing.
    Node(Arc<str>),
    /// A name of a vocabulary.
    Name(&'static Name),
    /// A value: its text, and what it is.
    Literal(String, Datatype),
}

/// The statements of an answer, in the order in which they are made.
#[derive(Debug, Default)]
pub(super) struct Statements(pub(super) Vec<Statement>);

impl Statements {
    /// Says that the subject is of this class, or has this name of a vocabulary.
    pub(super) fn name(&mut self, subject: &Arc<str>, predicate: &'static Predicate, name: &'static Name) {
        self.add(subject, predicate, Object::Name(name));
    }

    /// Says how the subject stands to a thing.
    pub(super) fn node(&mut self, subject: &Arc<str>, predicate: &'static Predicate, object: &Arc<str>) {
        self.add(subject, predicate, Object::Node(Arc::clone(object)));
    }

    /// Gives the subject a text.
    pub(super) fn text(&mut self, subject: &Arc<str>, predicate: &'static Predicate, text: &str) {
        self.add(subject, predicate, Object::Literal(text.to_owned(), Datatype::Text));
    }

    /// Gives the subject a value of another datatype, in that datatype's spelling.
    pub(super) fn value(
        &mut self,
        subject: &Arc<str>,
        predicate: &'static Predicate,
        (value, datatype): (String, Datatype),
    ) {
        self.add(subject, predicate, Object::Literal(value, datatype));
    }

    /// Gives the subject a count.
    pub(super) fn integer(&mut self, subject: &Arc<str>, predicate: &'static Predicate, value: u64) {
        self.value(subject, predicate, (value.to_string(), Datatype::Integer));
    }

    /// Gives the subject a score, to four decimals as in the format `riveg`.
    pub(super) fn score(&mut self, subject: &Arc<str>, predicate: &'static Predicate, score: f32) {
        self.value(subject, predicate, (decimal(score), Datatype::Decimal));
    }

    fn add(&mut self, subject: &Arc<str>, predicate: &'static Predicate, object: Object) {
        self.0.push(Statement { subject: Arc::clone(subject), predicate, object });
    }
}

/// A number as `xsd:decimal` has it: four decimals, without the zeros at the end but the first.
fn decimal(number: f32) -> String {
    // Adding zero turns a negative zero into a positive one. A decimal has no infinity.
    let rounded = (f64::from(number) * 1e4).round() / 1e4 + 0.0;
    let text = format!("{:.4}", if rounded.is_finite() { rounded } else { 0.0 });
    let cut = text.trim_end_matches('0');
    if cut.ends_with('.') { format!("{cut}0") } else { cut.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_decimals_of_four_places() {
        for (number, text) in
            [(0.5, "0.5"), (1.0, "1.0"), (0.0, "0.0"), (-0.0, "0.0"), (0.123_46, "0.1235"), (0.000_01, "0.0")]
        {
            assert_eq!(decimal(number), text);
        }
    }
}
