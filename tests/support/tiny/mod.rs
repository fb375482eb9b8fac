//! Tiny bundles: networks of published architectures and small sizes, with random weights. They answer, but not rightly.
//!
//! A network's tiny form lies in its own folder; unit tests of the library include this file as well.

pub(crate) mod bundle;
mod form;
mod pocket;
pub(crate) mod stage;
mod words;

#[path = "../../../src/networks/albef/tiny.rs"]
mod albef;
#[path = "../../../src/networks/grounding_dino/tiny.rs"]
mod grounding_dino;
#[path = "../../../src/networks/mqspn/tiny.rs"]
mod mqspn;
#[path = "../../../src/networks/ofa/tiny.rs"]
mod ofa;
#[path = "../../../src/networks/sam/tiny.rs"]
pub(crate) mod sam;
#[path = "../../../src/networks/sam2/tiny.rs"]
pub(crate) mod sam2;
#[path = "../../../src/networks/seqtr/tiny.rs"]
mod seqtr;
#[path = "../../../src/networks/tagger/tiny.rs"]
mod tagger;
#[path = "../../../src/networks/umt/tiny.rs"]
mod umt;

use form::Tiny;

pub(crate) use mqspn::take_joint;
pub(crate) use pocket::{write_bundle, write_stage};

/// The tiny forms of all networks.
const TINY: [&Tiny; 13] = [
    &tagger::XLM_ROBERTA_CRF,
    &tagger::BERT_CRF,
    &tagger::ROBERTA_SOFTMAX,
    &tagger::BERT_SOFTMAX,
    &tagger::DISTILBERT_SOFTMAX,
    &tagger::DEBERTA_SOFTMAX,
    &ofa::TINY,
    &albef::TINY,
    &seqtr::TINY,
    &grounding_dino::TINY,
    &sam::TINY,
    &sam2::TINY,
    &umt::TINY,
];
