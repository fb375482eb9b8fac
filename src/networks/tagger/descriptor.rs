//! Descriptors of the taggers: XLM-R and BERT with a CRF, and what a bundle says of them.

use super::names::{ADASEQ, TEXT_ENCODER};
use super::{ServedTagger, Tagger, TaggerConfig};
use crate::networks::blocks::crf::CrfScope;
use crate::networks::checkpoint::{Checkpoint, Family};
use crate::networks::descriptor::{Architecture, Dimensions, Importing, Reads, RecogniseDescriptor};
use crate::networks::served;
use crate::networks::weights::{BundleError, WeightSource};
use crate::scheduler::erase;

/// XLM-R with a linear-chain CRF.
pub static XLM_ROBERTA_CRF: RecogniseDescriptor = RecogniseDescriptor {
    architecture: Architecture::of::<TaggerConfig>("xlm-roberta-crf")
        .publishing(&["xlm-roberta-base", "xlm-roberta-large"]),
    importing: IMPORTING,
    reads,
    labels,
    serve,
};

/// BERT with a linear-chain CRF.
pub static BERT_CRF: RecogniseDescriptor = RecogniseDescriptor {
    architecture: Architecture::of::<TaggerConfig>("bert-crf").publishing(&[
        "bert-base-cased",
        "bert-large-cased",
        "bert-base-uncased",
        "bert-large-uncased",
    ]),
    importing: IMPORTING,
    reads,
    labels,
    serve,
};

const FAMILIES: &[&Family] = &[&ADASEQ];
/// Names of the head's matrix in published files.
const HEADS: [&str; 1] = ["linear.weight"];
const LABELS: &str = "labels";
const IMPORTING: Importing = Importing {
    untrained: &[(
        &TEXT_ENCODER,
        "this is the encoder alone, without `linear` and `crf`, which say what entities are: it must be fine-tuned on \
         tagged posts first",
    )],
    dimensions: Some(label_rows),
    ..Importing::of("a tagger with its CRF, as AdaSeq saves it", FAMILIES)
};

/// The labels are the rows of the checkpoint's head, whatever the preset has.
fn label_rows(checkpoint: &Checkpoint, network: &mut toml::Table, _has_preset: bool) -> Option<String> {
    let rows = HEADS.iter().find_map(|name| checkpoint.shape(name)?.first());
    if let Some(rows) = rows.and_then(|&rows| i64::try_from(rows).ok()) {
        network.entry(LABELS).or_insert(rows.into());
    }
    None
}

fn reads(dimensions: &Dimensions) -> Reads {
    let config: TaggerConfig = dimensions.config();
    Reads::pieces(config.vocabulary, config.max_pieces() as i64)
}

fn labels(dimensions: &Dimensions) -> i64 {
    dimensions.config::<TaggerConfig>().labels
}

fn serve(
    source: &WeightSource<'_>,
    dimensions: &Dimensions,
    scope: CrfScope,
) -> Result<served::Tagger, BundleError> {
    let tagger = source.load(|root| Tagger::new(root, dimensions.config()))?;
    Ok(erase(ServedTagger::new(tagger).with_scope(scope)))
}
