//! Tiny form of a network: its architecture and its switches at small sizes, and its kind of vocabulary.

use riveg::networks::descriptor::Dimensions;

/// How a network is made tiny.
pub(crate) struct Tiny {
    /// Its name in manifests.
    pub(crate) architecture: &'static str,
    /// The vocabulary of a published size.
    pub(crate) vocabulary: fn(&str) -> VocabularyFile,
    /// Published dimensions made tiny. Large networks stay deeper than small ones.
    pub(crate) shrink: fn(&Dimensions, Vocabulary) -> Dimensions,
}

/// The vocabulary file of a tiny network.
pub(crate) enum VocabularyFile {
    /// None: the network reads no text.
    None,
    /// A list of words.
    Words,
    /// Byte pairs, with location bins.
    BytePairs,
    /// Unigram pieces.
    Unigram,
    /// Word pieces.
    WordPieces {
        /// Whether texts are read in lower case.
        lower_case: bool,
    },
}

/// What a tiny network must know of its vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Vocabulary {
    /// Tokens or words, location bins among them.
    pub(crate) rows: i64,
    /// The first location bin; of OFA alone.
    pub(crate) first_bin: i64,
    /// The tokens for no, yes and maybe; of OFA alone.
    pub(crate) answers: [i64; 3],
}

impl Vocabulary {
    /// A vocabulary without location bins and answers.
    pub(crate) fn of_rows(rows: usize) -> Self {
        Self { rows: rows as i64, first_bin: 0, answers: [0; 3] }
    }
}

/// A published network has one tiny block for this number of its own: the smaller sizes have 12 and 6 of them.
pub(crate) const BLOCKS: i64 = 6;

/// Location bins of the tiny networks.
pub(crate) const BINS: i64 = 16;
