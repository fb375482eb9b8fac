//! What is a published tensor called here? One table for each family of checkpoints; what no table knows keeps its name,
//! so that strict loading complains of it.

mod pattern;
mod tagger;
mod ofa;
mod sam;
mod albef;

use std::fmt;

use super::error::first_few;
use super::{Checkpoint, CheckpointError};

/// A way of naming the tensors of one of the networks here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// A tagger with a CRF, as AdaSeq saves it.
    AdaSeq,
    /// An XLM-R or BERT, as Hugging Face saves it: the tagger's encoder alone.
    TextEncoder,
    /// An OFA, as its authors' fairseq saves it.
    OfaFairseq,
    /// An OFA, as ModelScope and Hugging Face save it.
    Ofa,
    /// A SAM, as its authors save it.
    SamOriginal,
    /// A SAM, as Hugging Face saves it.
    Sam,
    /// An ALBEF, as its authors and LAVIS save it.
    Albef,
}

/// What becomes of a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renamed {
    /// It is kept under this name.
    Keep(String),
    /// It is left out, for this reason.
    Drop(&'static str),
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::AdaSeq,
        Self::TextEncoder,
        Self::OfaFairseq,
        Self::Ofa,
        Self::SamOriginal,
        Self::Sam,
        Self::Albef,
    ];

    /// What a tensor of this family is called here.
    #[must_use]
    pub fn rename(self, name: &str) -> Renamed {
        match self {
            Self::AdaSeq => tagger::adaseq(name),
            Self::TextEncoder => tagger::text_encoder(name),
            Self::OfaFairseq => ofa::fairseq(name),
            Self::Ofa => ofa::published(name),
            Self::SamOriginal => sam::original(name),
            Self::Sam => Renamed::Keep(name.to_owned()),
            Self::Albef => albef::albef(name),
        }
    }

    /// Tensors that stand twice in the networks here, by the names they have here: where the second is not published,
    /// it is a copy of the first.
    #[must_use]
    pub fn copies(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::SamOriginal | Self::Sam => &sam::COPIES,
            _ => &[],
        }
    }

    /// The family that these names are of, by a tensor that no other family calls so.
    pub fn detect<'name>(names: impl IntoIterator<Item = &'name str>) -> Option<Self> {
        names.into_iter().find_map(|name| Self::ALL.into_iter().find(|family| family.signs().contains(&name)))
    }

    /// The family of a checkpoint.
    ///
    /// # Errors
    /// What was looked for, and what there is, where it is of none.
    pub fn of(checkpoint: &Checkpoint) -> Result<Self, CheckpointError> {
        Self::detect(checkpoint.names()).ok_or_else(|| {
            let looked_for =
                Self::ALL.map(|family| format!("`{}` of {family}", family.signs().join("` or `")));
            CheckpointError::UnknownFamily {
                file: checkpoint.path().to_owned(),
                looked_for: looked_for.join(", "),
                found: first_few(checkpoint.names()),
            }
        })
    }

    /// Names of tensors of which each tells the family.
    fn signs(self) -> &'static [&'static str] {
        match self {
            Self::AdaSeq => &tagger::ADASEQ_SIGNS,
            Self::TextEncoder => &tagger::TEXT_ENCODER_SIGNS,
            Self::OfaFairseq => &["encoder.layers.0.attn_ln.weight"],
            Self::Ofa => &["encoder.layers.0.self_attn_mid_layer_norm.weight"],
            Self::SamOriginal => &["image_encoder.patch_embed.proj.weight"],
            Self::Sam => &["vision_encoder.patch_embed.projection.weight"],
            Self::Albef => &["visual_encoder.patch_embed.proj.weight"],
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::AdaSeq => "AdaSeq's tagger",
            Self::TextEncoder => "Hugging Face's XLM-R or BERT",
            Self::OfaFairseq => "fairseq's OFA",
            Self::Ofa => "Hugging Face's or ModelScope's OFA",
            Self::SamOriginal => "the original SAM",
            Self::Sam => "Hugging Face's SAM",
            Self::Albef => "ALBEF",
        })
    }
}

/// Keeps a tensor under the name that the rules give it, or under its own.
fn keep(rules: &[(&str, &str)], name: &str) -> Renamed {
    Renamed::Keep(pattern::rewrite(rules, name).unwrap_or_else(|| name.to_owned()))
}

#[cfg(test)]
mod tests;
