//! Published encoders of taggers, by name.

use super::config::{Positions, SoftmaxConfig, TaggerConfig};
use crate::networks::blocks::preset::Preset;

/// Width, blocks, heads and inner width of the published sizes.
const XSMALL: [i64; 4] = [384, 12, 6, 1536];
const BASE: [i64; 4] = [768, 12, 12, 3072];
const LARGE: [i64; 4] = [1024, 24, 16, 4096];
const XLARGE: [i64; 4] = [1536, 24, 24, 6144];

/// Labels of RiVEG's taggers: four entity types in BIOES.
const LABELS: i64 = 17;

/// Pieces of the published vocabularies.
const CASED: i64 = 28_996;
const UNCASED: i64 = 30_522;
const MULTILINGUAL: i64 = 119_547;
const DEBERTA: i64 = 128_100;

/// Encoders as their authors published them, for taggers with a CRF.
const WITH_FIELD: &[&str] = &[
    "xlm-roberta-base",
    "xlm-roberta-large",
    "bert-base-cased",
    "bert-large-cased",
    "bert-base-uncased",
    "bert-large-uncased",
];

/// The same, for taggers with a softmax.
const WITH_SOFTMAX: &[&str] = &[
    "xlm-roberta-base",
    "xlm-roberta-large",
    "bert-base-cased",
    "bert-large-cased",
    "bert-base-uncased",
    "bert-large-uncased",
    "bert-base-multilingual-cased",
    "roberta-base",
    "roberta-large",
    "bertweet-base",
    "bertweet-large",
    "distilbert-base-cased",
    "distilbert-base-uncased",
    "distilbert-base-multilingual-cased",
    "deberta-v3-xsmall",
    "deberta-v3-small",
    "deberta-v3-base",
    "deberta-v3-large",
    "mdeberta-v3-base",
    "deberta-v2-xlarge",
];

impl Preset for TaggerConfig {
    const NAMES: &'static [&'static str] = WITH_FIELD;

    fn preset(name: &str) -> Option<Self> {
        WITH_FIELD.contains(&name).then(|| published(name))?
    }

    fn parameters(&self) -> u64 {
        let field = (self.labels + 2) * self.labels;
        self.parameters_without_field() + field.unsigned_abs()
    }

    fn fault(&self) -> Option<String> {
        self.check().err().map(|error| error.to_string())
    }
}

impl Preset for SoftmaxConfig {
    const NAMES: &'static [&'static str] = WITH_SOFTMAX;

    fn preset(name: &str) -> Option<Self> {
        published(name).map(Self)
    }

    fn parameters(&self) -> u64 {
        self.0.parameters_without_field()
    }

    fn fault(&self) -> Option<String> {
        self.0.fault()
    }
}

/// The dimensions of an encoder by its name, with 17 labels.
fn published(name: &str) -> Option<TaggerConfig> {
    Some(match name {
        "xlm-roberta-base" => roberta(BASE, 250_002),
        "xlm-roberta-large" => roberta(LARGE, 250_002),
        "bert-base-cased" => bert(BASE, CASED),
        "bert-large-cased" => bert(LARGE, CASED),
        "bert-base-uncased" => bert(BASE, UNCASED),
        "bert-large-uncased" => bert(LARGE, UNCASED),
        "bert-base-multilingual-cased" => bert(BASE, MULTILINGUAL),
        "roberta-base" => roberta(BASE, 50_265),
        "roberta-large" | "bertweet-large" => roberta(LARGE, 50_265),
        "bertweet-base" => TaggerConfig { max_positions: 130, ..roberta(BASE, 64_001) },
        "distilbert-base-cased" => distilbert(CASED),
        "distilbert-base-uncased" => distilbert(UNCASED),
        "distilbert-base-multilingual-cased" => distilbert(MULTILINGUAL),
        "deberta-v3-xsmall" => deberta(XSMALL, DEBERTA),
        "deberta-v3-small" => TaggerConfig { layers: 6, ..deberta(BASE, DEBERTA) },
        "deberta-v3-base" => deberta(BASE, DEBERTA),
        "deberta-v3-large" => deberta(LARGE, DEBERTA),
        "mdeberta-v3-base" => deberta(BASE, 251_000),
        "deberta-v2-xlarge" => TaggerConfig { convolution: 3, ..deberta(XLARGE, DEBERTA) },
        _ => return None,
    })
}

fn roberta([hidden, layers, heads, ffn]: [i64; 4], vocabulary: i64) -> TaggerConfig {
    TaggerConfig {
        vocabulary,
        hidden,
        layers,
        heads,
        ffn,
        max_positions: 514,
        positions: Positions::AfterPadding,
        type_vocabulary: 1,
        layer_norm_eps: 1e-5,
        pad: 1,
        labels: LABELS,
        span: 0,
        convolution: 0,
    }
}

fn bert(size: [i64; 4], vocabulary: i64) -> TaggerConfig {
    TaggerConfig {
        max_positions: 512,
        positions: Positions::FromZero,
        type_vocabulary: 2,
        layer_norm_eps: 1e-12,
        pad: 0,
        ..roberta(size, vocabulary)
    }
}

fn distilbert(vocabulary: i64) -> TaggerConfig {
    TaggerConfig { layers: 6, type_vocabulary: 0, ..bert(BASE, vocabulary) }
}

fn deberta(size: [i64; 4], vocabulary: i64) -> TaggerConfig {
    TaggerConfig { type_vocabulary: 0, layer_norm_eps: 1e-7, span: 256, ..bert(size, vocabulary) }
}

#[cfg(test)]
mod tests {
    use tch::Device;
    use tch::nn::VarStore;

    use super::super::{Tagger, TokenClassifier};
    use super::*;

    /// `sum(p.numel() for p in model.parameters())` of the encoders of `transformers` without pooling layer, and their
    /// longest inputs.
    const PUBLISHED: [(&str, u64, usize); 20] = [
        ("xlm-roberta-base", 277_453_056, 512),
        ("xlm-roberta-large", 558_840_832, 512),
        ("bert-base-cased", 107_719_680, 512),
        ("bert-large-cased", 332_529_664, 512),
        ("bert-base-uncased", 108_891_648, 512),
        ("bert-large-uncased", 334_092_288, 512),
        ("bert-base-multilingual-cased", 177_262_848, 512),
        ("roberta-base", 124_055_040, 512),
        ("roberta-large", 354_310_144, 512),
        ("bertweet-base", 134_309_376, 128),
        ("bertweet-large", 354_310_144, 512),
        ("distilbert-base-cased", 65_190_912, 512),
        ("distilbert-base-uncased", 66_362_880, 512),
        ("distilbert-base-multilingual-cased", 134_734_080, 512),
        ("deberta-v3-xsmall", 70_682_112, 512),
        ("deberta-v3-small", 141_304_320, 512),
        ("deberta-v3-base", 183_831_552, 512),
        ("deberta-v3-large", 434_012_160, 512),
        ("mdeberta-v3-base", 278_218_752, 512),
        ("deberta-v2-xlarge", 884_593_152, 512),
    ];

    #[test]
    fn published_encoders_have_the_parameters_that_transformers_counts() {
        assert_eq!(PUBLISHED.map(|(name, _, _)| name), WITH_SOFTMAX);
        for (name, encoder, pieces) in PUBLISHED {
            let SoftmaxConfig(config) = SoftmaxConfig::preset(name).unwrap();
            assert_eq!(config.check(), Ok(()), "{name}");
            assert_eq!(config.max_pieces(), pieces, "{name}");
            let head = (config.hidden as u64 + 1) * 17;
            let field = 17 * 17 + 2 * 17;
            assert_eq!(config.parameters(), encoder + head + field, "{name}");
            assert_eq!(SoftmaxConfig(config).parameters(), encoder + head, "{name}");
        }
        assert_eq!(TaggerConfig::preset("xlm-roberta-huge"), None);
    }

    #[test]
    fn a_network_has_the_parameters_that_its_dimensions_say() {
        for preset in ["xlm-roberta-base", "bert-base-cased", "distilbert-base-cased", "deberta-v2-xlarge"] {
            let wide = published(preset).unwrap();
            let span = wide.span / 64;
            let tiny =
                TaggerConfig { vocabulary: 23, hidden: 12, layers: 3, heads: 2, ffn: 20, span, ..wide };
            let counted = |make: &dyn Fn(&tch::nn::Path<'_>)| {
                let store = VarStore::new(Device::Cpu);
                make(&store.root());
                store.variables().values().map(tch::Tensor::numel).sum::<usize>() as u64
            };
            let with_crf = counted(&|root| drop(Tagger::new(root, tiny.clone())));
            assert_eq!(tiny.parameters(), with_crf, "{preset}");
            let alone = counted(&|root| drop(TokenClassifier::new(root, tiny.clone())));
            assert_eq!(SoftmaxConfig(tiny).parameters(), alone, "{preset}");
        }
    }
}
