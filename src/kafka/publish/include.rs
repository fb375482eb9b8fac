//! Included fields: fields of the post that its annotation repeats in the format `riveg`.

use serde::{Deserialize, Serialize};

/// A field of the post that its annotation repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Include {
    /// When it was written.
    CreatedAt,
    /// Its language.
    Lang,
    /// Who wrote it.
    Author,
    /// Its text.
    Text,
    /// The URLs of its pictures.
    Media,
}
