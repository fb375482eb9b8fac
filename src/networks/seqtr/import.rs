//! Import of SeqTR: the dimensions that its tensors give, and those that no file of its authors gives.

use toml::{Table, Value};

use crate::networks::checkpoint::Checkpoint;

/// The table of an answer's positions, which tells boxes from contours.
pub(super) const STEPS: &str = "head.transformer.seq_positional_encoding.embedding.weight";
/// The table of words.
const WORDS: &str = "lan_enc.embedding.weight";
/// The table of tokens: the bins and the end.
const TOKENS: &str = "head.transformer.query_embedding.weight";

/// Rows of the table of positions of a network for boxes: four edges, and the end in training.
const ROWS_FOR_BOXES: i64 = 5;

/// Takes the words, the bins and the points of contours from the tables of the checkpoint, and says how many words of a
/// phrase are read, which the checkpoint does not tell.
pub(super) fn dimensions(checkpoint: &Checkpoint, network: &mut Table, has_preset: bool) -> Option<String> {
    let rows = |name: &str| Some(*checkpoint.shape(name)?.first()? as i64);
    let points =
        rows(STEPS).filter(|&rows| rows > ROWS_FOR_BOXES && rows % 2 == 1).map(|rows| (rows - 1) / 2);
    let bins = rows(TOKENS).map(|rows| rows - 1);
    for (key, value) in [("vocabulary", rows(WORDS)), ("bins", bins), ("contour_points", points)] {
        if let Some(value) = value {
            network.entry(key).or_insert(Value::Integer(value));
        }
    }
    let unsaid = has_preset && !network.contains_key("max_words");
    unsaid.then(|| {
        "15 words of a phrase are read (`max_words`), as those trained on RefCOCO and RefCOCO+ do: the file does not say. \
         Those of RefCOCOg read 20, those of RiVEG 30: `--network max_words=30`"
            .to_owned()
    })
}
