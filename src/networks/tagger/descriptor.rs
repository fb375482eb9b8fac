//! Descriptors of the taggers: encoders with a CRF or with a softmax, and what a bundle says of them.

use super::import::{BERT_CONFIG, DEBERTA_CONFIG, DISTILBERT_CONFIG, ROBERTA_CONFIG, label_rows};
use super::names::{
    ADASEQ, BARE_ENCODER, BERT, DEBERTA, DISTILBERT, MODELSCOPE, OTHER_TASKS, RANER, ROBERTA,
};
use super::{ServedTagger, SoftmaxConfig, Tagger, TaggerConfig, TokenClassifier, WordDecoding};
use crate::networks::checkpoint::Family;
use crate::networks::descriptor::{
    Architecture, Dimensions, Importing, PublishedConfig, Reads, RecogniseDescriptor, TaggerSettings,
};
use crate::networks::served;
use crate::networks::weights::{BundleError, WeightSource};
use crate::scheduler::erase;

/// XLM-R with a linear-chain CRF.
pub static XLM_ROBERTA_CRF: RecogniseDescriptor =
    with_crf("xlm-roberta-crf", &["xlm-roberta-base", "xlm-roberta-large"], ROBERTA_CONFIG);

/// BERT with a linear-chain CRF.
pub static BERT_CRF: RecogniseDescriptor = with_crf(
    "bert-crf",
    &["bert-base-cased", "bert-large-cased", "bert-base-uncased", "bert-large-uncased"],
    BERT_CONFIG,
);

/// RoBERTa, XLM-R or BERTweet with a softmax.
pub static ROBERTA_SOFTMAX: RecogniseDescriptor = with_softmax(
    "roberta-softmax",
    &["roberta-base", "roberta-large", "bertweet-base", "bertweet-large"],
    (&[&ROBERTA, &MODELSCOPE], ROBERTA_CONFIG),
);

/// BERT with a softmax.
pub static BERT_SOFTMAX: RecogniseDescriptor =
    with_softmax("bert-softmax", &["bert-base-multilingual-cased"], (&[&BERT, &MODELSCOPE], BERT_CONFIG));

/// DistilBERT with a softmax.
pub static DISTILBERT_SOFTMAX: RecogniseDescriptor = with_softmax(
    "distilbert-softmax",
    &["distilbert-base-cased", "distilbert-base-uncased", "distilbert-base-multilingual-cased"],
    (&[&DISTILBERT], DISTILBERT_CONFIG),
);

/// DeBERTa, version 2 or 3, with a softmax.
pub static DEBERTA_SOFTMAX: RecogniseDescriptor = with_softmax(
    "deberta-softmax",
    &[
        "deberta-v3-xsmall",
        "deberta-v3-small",
        "deberta-v3-base",
        "deberta-v3-large",
        "mdeberta-v3-base",
        "deberta-v2-xlarge",
    ],
    (&[&DEBERTA], DEBERTA_CONFIG),
);

const fn with_crf(
    name: &'static str,
    published: &'static [&'static str],
    config: PublishedConfig,
) -> RecogniseDescriptor {
    RecogniseDescriptor {
        architecture: Architecture::of::<TaggerConfig>(name).publishing(published),
        importing: Importing {
            untrained: UNTRAINED,
            other_tasks: OTHER_TASKS,
            config: Some(config),
            dimensions: Some(label_rows),
            ..Importing::of("a tagger with its CRF, as AdaSeq or ModelScope saves it", CRF_FAMILIES)
        },
        reads,
        labels,
        has_crf: true,
        serve: serve_crf,
    }
}

const fn with_softmax(
    name: &'static str,
    published: &'static [&'static str],
    (families, config): (&'static [&'static Family], PublishedConfig),
) -> RecogniseDescriptor {
    RecogniseDescriptor {
        architecture: Architecture::of::<SoftmaxConfig>(name).publishing(published),
        importing: Importing {
            untrained: UNTRAINED,
            other_tasks: OTHER_TASKS,
            config: Some(config),
            dimensions: Some(label_rows),
            ..Importing::of("a tagger with its softmax, as Transformers or ModelScope saves it", families)
        },
        reads,
        labels,
        has_crf: false,
        serve: serve_softmax,
    }
}

const CRF_FAMILIES: &[&Family] = &[&ADASEQ, &RANER];
const UNTRAINED: &[(&Family, &str)] = &[(
    &BARE_ENCODER,
    "this is the encoder alone, without the layer that says what entities are: it must be fine-tuned on tagged posts \
     first",
)];

fn reads(dimensions: &Dimensions) -> Reads {
    let config: TaggerConfig = dimensions.config();
    Reads::pieces(config.vocabulary, config.max_pieces() as i64)
}

fn labels(dimensions: &Dimensions) -> i64 {
    dimensions.config::<TaggerConfig>().labels
}

fn serve_crf(
    source: &WeightSource<'_>,
    dimensions: &Dimensions,
    settings: &TaggerSettings,
) -> Result<served::Tagger, BundleError> {
    let tagger = source.load(|root| Tagger::new(root, dimensions.config()))?;
    Ok(erase(ServedTagger::new(tagger).with_scope(settings.scope)))
}

fn serve_softmax(
    source: &WeightSource<'_>,
    dimensions: &Dimensions,
    settings: &TaggerSettings,
) -> Result<served::Tagger, BundleError> {
    let classifier = source.load(|root| TokenClassifier::new(root, dimensions.config()))?;
    let decoding = WordDecoding { pooling: settings.pooling, rules: settings.rules.clone() };
    Ok(erase(ServedTagger::of_classifier(classifier, decoding)))
}
