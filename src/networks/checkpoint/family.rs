//! Families of checkpoints: how a published file names the tensors of a network. Names that no rule knows are kept, so that
//! strict loading reports them.

use std::fmt;

use super::pattern::rewrite;

/// A way of naming the tensors of a network. Each network's folder has those of its own.
pub struct Family {
    /// What its files are called in messages.
    pub name: &'static str,
    /// Names of tensors that no other family has: one of them identifies a file.
    pub signs: &'static [&'static str],
    /// The name here of a published tensor.
    pub rename: fn(&str) -> Renamed,
    /// Tensors that the network has twice, by the names here: where the second is not published, it is a copy of the
    /// first.
    pub copies: &'static [(&'static str, &'static str)],
    /// The tensor, by its name here, that only training for the stage gives a network, and what it does.
    pub head: Option<(&'static str, &'static str)>,
}

/// What becomes of a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renamed {
    /// It is kept under this name.
    Keep(String),
    /// Its rows are cut into as many equal parts as there are names, under which they are kept.
    Split(Vec<String>),
    /// It is left out, for this reason.
    Drop(&'static str),
}

impl Renamed {
    /// Keeps a tensor under the name that the rules give it, or under its own.
    pub(in crate::networks) fn by(rules: &[(&str, &str)], name: &str) -> Self {
        Self::Keep(rewrite(rules, name).unwrap_or_else(|| name.to_owned()))
    }

    /// Keeps a tensor under its own name.
    pub(in crate::networks) fn kept(name: &str) -> Self {
        Self::Keep(name.to_owned())
    }
}

impl Family {
    /// The name here of a published tensor.
    #[must_use]
    pub fn rename(&self, name: &str) -> Renamed {
        (self.rename)(name)
    }

    /// Whether a tensor of this name identifies the family.
    #[must_use]
    pub fn has_sign(&self, name: &str) -> bool {
        self.signs.contains(&name)
    }
}

impl PartialEq for Family {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Family {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

/// Asserts what becomes of published tensors; the names of the parts of one have spaces between them.
#[cfg(test)]
pub(in crate::networks) fn becomes(family: &Family, cases: &[(&str, Option<&str>)]) {
    for (name, expected) in cases {
        match (family.rename(name), expected) {
            (Renamed::Keep(ours), Some(expected)) => assert_eq!(&ours, expected, "{name}"),
            (Renamed::Split(parts), Some(expected)) => assert_eq!(&parts.join(" "), expected, "{name}"),
            (Renamed::Drop(_), None) => {}
            (renamed, _) => panic!("{name} of {family}: {renamed:?}"),
        }
    }
}
