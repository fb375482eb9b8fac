//! Training of a tagger from files to a bundle: read, begin, train from the checkpoint, write the best weights.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use tch::nn::VarStore;
use toml::Table;

use super::super::optimiser::Group;
use super::super::parameters::{Parameters, Stores};
use super::super::text_batch::LabelledRow;
use super::super::tokenizers as vocabularies;
use super::super::training_loop::{TrainingTask, Watch};
use super::beginning::{Beginning, Origin, crf_tagger, freeze};
use super::course::{self, Course, Machine, Rates, Trained};
use super::order::Order;
use super::recipe::Recipe;
use super::result::TrainedNetwork;
use super::task::{LabelledTask, MEASURE, Split};
use super::texts::Texts;
use crate::networks::blocks::crf::CrfScope;
use crate::networks::blocks::words::{Decoding, Pooling};
use crate::networks::bundle::{Precision, Recognise, TrainedPart, TrainingRecord, Weights};
use crate::networks::descriptor::Network;
use crate::networks::tagger::Tagger;
use crate::stages::recognise::{LabelSet, TagScheme, WordTokenizer};

/// What is trained.
const NAME: &str = "tagger";
/// The layers that give labels, which learn whatever is frozen.
const NEW_LAYERS: [&str; 2] = ["linear.", "crf."];
/// The vocabulary.
const TOKENIZER: &str = "tokenizer.json";

/// What is trained, of what, and where to.
#[derive(Debug, Clone)]
pub struct TaggerTraining {
    /// The folder of the data set, with the splits `train` and `dev`.
    pub data: PathBuf,
    /// What it begins with.
    pub origin: Origin,
    /// How.
    pub recipe: Recipe,
    /// The folder of checkpoints and records.
    pub work: PathBuf,
    /// The bundle that receives the tagger.
    pub out: PathBuf,
    /// What it runs on.
    pub machine: Machine,
}

/// The data set as the network reads it.
struct Data {
    labels: LabelSet,
    posts: [usize; 2],
    rows: Split,
    hash: String,
}

impl TaggerTraining {
    /// Trains, from the checkpoint in the folder of work if there is one, and puts the tagger into the bundle.
    ///
    /// # Errors
    /// What cannot be read or written, with its file; a checkpoint of another training; a loss that is no number.
    pub fn run(&self, watch: &mut dyn Watch) -> Result<Trained> {
        let Self { recipe, .. } = self;
        course::prepare(&self.work, self.machine)?;
        let knowledge = recipe.text.knowledge;
        let texts = ["train", "dev"].map(|split| Texts::read(&self.data, split, knowledge));
        let [train, dev] = texts;
        let (train, dev) = (train?, dev?);
        let labels = LabelSet::new(train.types());
        let unknown: Vec<_> = dev.types().difference(&train.types()).map(ToString::to_string).collect();
        ensure!(unknown.is_empty(), "types of the split `dev` are not in `train`: {}", unknown.join(", "));
        let beginning = Beginning::open(&self.origin, recipe, &labels, &train)?;
        let data = self.data(&beginning, labels, [&train, &dev])?;
        for note in &beginning.notes {
            tracing::info!("{note}");
        }
        tch::manual_seed(i64::from(recipe.seed));
        let stores = Stores::new(self.machine.device, recipe.precision);
        let tagger = stores.network(|root| Tagger::new(root, beginning.config.clone()));
        let store = &stores.weights;
        beginning.fill(store)?;
        freeze(store, &recipe.frozen);
        let parameters = recipe.adapters.attach(&stores, &NEW_LAYERS, recipe.seed)?;

        let lengths = data.rows.train.iter().map(|row| row.request.pieces.len()).collect();
        let order = Order::new(lengths, recipe.steps.batch, u64::from(recipe.seed));
        let (steps, course) = (order.steps(), self.course(&data, &beginning, parameters)?);
        let Data { labels, rows, .. } = data;
        let named = labels.clone();
        let make = |_| -> Box<dyn TrainingTask> {
            Box::new(LabelledTask::new((tagger, named), rows, order, recipe.rates.dropout))
        };
        let (trained, record) = course.run(store, steps, make, watch)?;
        self.put(store, &beginning, &labels, record)?;
        Ok(trained)
    }

    /// The rows of both splits.
    fn data(&self, beginning: &Beginning, labels: LabelSet, texts: [&Texts; 2]) -> Result<Data> {
        let tokenizer = WordTokenizer::new(beginning.tokenizer.clone(), self.recipe.text.max_pieces)?;
        let tokenizer = tokenizer.with_style(beginning.text);
        let [train, dev] = texts.map(|texts| texts.rows(&tokenizer, &labels));
        let cut = train.within_words + dev.within_words;
        if cut > 0 {
            tracing::warn!(
                entities = cut,
                "entities begin or end inside a word, which a tagger of words cannot give"
            );
        }
        let posts = texts.map(Texts::len);
        let (train, dev) = (train.rows, dev.rows);
        tracing::info!(
            train = posts[0],
            dev = posts[1],
            rows = train.len(),
            labels = labels.count(),
            "texts are read"
        );
        let hash = hash(&train, &dev);
        Ok(Data { labels, posts, rows: Split { train, dev, at_once: self.recipe.steps.at_once }, hash })
    }

    fn course(&self, data: &Data, beginning: &Beginning, parameters: Parameters) -> Result<Course<'_>> {
        let Recipe { steps, rates, seed, .. } = &self.recipe;
        let group = |prefix: &str, peak: f64, weight_decay: f64| Group {
            prefix: prefix.to_owned(),
            peak,
            weight_decay,
        };
        let groups = vec![
            group("linear.", rates.linear, rates.weight_decay),
            // Scores of steps between labels, for which 0 means nothing.
            group("crf.", rates.crf, 0.0),
        ];
        Ok(Course {
            name: NAME,
            measure: MEASURE,
            from: self.origin.name(),
            data: course::Data {
                folder: &self.data,
                hash: data.hash.clone(),
                posts: data.posts,
                pairs: None,
                regions: None,
            },
            steps,
            rates: Rates {
                peak: rates.encoder,
                warm_up: rates.warm_up,
                weight_decay: rates.weight_decay,
                max_norm: rates.max_norm,
                groups,
            },
            parameters,
            seed: *seed,
            recipe: Table::try_from(&self.recipe)?,
            dimensions: Table::try_from(&beginning.config)?,
            work: &self.work,
        })
    }

    /// Writes weights and vocabulary, and puts the tagger into the bundle.
    fn put(
        &self,
        store: &VarStore,
        beginning: &Beginning,
        labels: &LabelSet,
        record: TrainingRecord,
    ) -> Result<()> {
        let tokenizer = self.work.join(TOKENIZER);
        vocabularies::save(&beginning.tokenizer, &tokenizer)?;
        let config = &beginning.config;
        let part = Recognise {
            precision: Precision::F32,
            // Its file is named when it is put into the bundle.
            weights: Weights::named(NAME),
            tokenizer: None,
            scheme: TagScheme::Bioes,
            labels: Vec::new(),
            types: BTreeMap::new(),
            crf: CrfScope::Tweet,
            text: beginning.text,
            pooling: Pooling::default(),
            decoding: Decoding::default(),
            network: Network::of(crf_tagger(config), config),
            self_test: Vec::new(),
            training: Some(Box::new(record)),
        };
        let entity_types = labels.types().iter().map(|name| name.as_str().to_owned()).collect();
        let (work, from) = (&self.work, self.origin.name());
        let trained = TrainedNetwork { name: NAME, from: &from, tokenizer: Some(&tokenizer), work };
        trained.put(store, TrainedPart::Recognise(part, entity_types), &self.out)
    }
}

/// A hash of rows: pieces, words and labels.
fn hash(train: &[LabelledRow], dev: &[LabelledRow]) -> String {
    let mut hasher = blake3::Hasher::new();
    for rows in [train, dev] {
        hasher.update(&(rows.len() as u64).to_le_bytes());
        for LabelledRow { request, labels } in rows {
            for ids in [&request.pieces, &request.first_pieces] {
                hasher.update(&(ids.len() as u64).to_le_bytes());
                for id in ids {
                    hasher.update(&id.to_le_bytes());
                }
            }
            for &label in labels {
                hasher.update(&(label as u64).to_le_bytes());
            }
        }
    }
    hasher.finalize().to_hex().to_string()
}
