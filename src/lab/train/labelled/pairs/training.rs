//! Training of a gate or a grounder from files to a bundle: read, begin, train from the checkpoint, write the best weights.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use toml::Table;

use super::super::course::{self, Course, Data, Machine, Trained};
use super::super::order::Order;
use super::super::present::Present;
use super::super::result::TrainedNetwork;
use super::batches::Loader;
use super::beginning::{Beginning, freeze};
use super::files::Folders;
use super::recipe::PairRecipe;
use super::rows::{Reading, Rows};
use super::task::{Learning, PairLearner};
use crate::input::decode;
use crate::lab::dataset::{PairSources, PairTask};
use crate::lab::train::parameters::{Parameters, Stores};
use crate::lab::train::training_loop::{TrainingTask, Watch};
use crate::networks::ofa::Ofa;

/// What is trained, of what, and where to.
#[derive(Debug)]
pub struct PairTraining {
    /// Whether it is a gate or a grounder.
    pub task: PairTask,
    /// The folder of the data set, or of files of pairs, with the splits `train` and `dev`.
    pub data: PathBuf,
    /// Captions and expressions of the data set.
    pub sources: PairSources,
    /// The bundle that it begins with.
    pub from: PathBuf,
    /// How.
    pub recipe: PairRecipe,
    /// The limits of pictures.
    pub decode: decode::Config,
    /// The folder of checkpoints and records.
    pub work: PathBuf,
    /// The bundle that receives the network.
    pub out: PathBuf,
    /// What it runs on.
    pub machine: Machine,
}

impl PairTraining {
    /// Trains, from the checkpoint in the folder of work if there is one, and puts the network into the bundle.
    ///
    /// # Errors
    /// What cannot be read or written, with its file; a checkpoint of another training; a loss that is no number.
    pub fn run(mut self, watch: &mut dyn Watch) -> Result<Trained> {
        course::prepare(&self.work, self.machine)?;
        let beginning = Beginning::open(&self.from, self.task)?;
        self.sources.phrase = Some(beginning.phrase.clone());
        let [train, dev] = ["train", "dev"].map(|split| self.rows(split, &beginning));
        let (train, dev) = (Arc::new(train?), Arc::new(dev?));
        if self.task == PairTask::Entailment {
            train.must_differ()?;
        }
        tracing::info!(
            train = train.rows.len(),
            dev = dev.rows.len(),
            pictures = train.pictures,
            "pairs are read"
        );

        let PairRecipe { seed, precision, frozen, adapters, .. } = &self.recipe;
        let stores = Stores::new(self.machine.device, *precision);
        let ofa = stores.network(|root| Ofa::new(root, &beginning.config));
        let store = &stores.weights;
        beginning.network.fill(store)?;
        freeze(store, &beginning.config, frozen)?;
        let parameters = adapters.attach(&stores, &[], *seed)?;
        let side = beginning.config.patch_image_size as u32;
        let load = |rows| Loader::open(rows, &self.decode, side);
        let (mut loader, dev_loader) = (load(&train)?, load(&dev)?);
        let lengths = train.rows.iter().map(|row| row.prompt.len()).collect();
        let mut order = Order::new(lengths, self.recipe.steps.batch, u64::from(self.recipe.seed));
        let steps = order.steps();
        let learning = Learning {
            answering: beginning.answering,
            label_smoothing: self.recipe.loss.label_smoothing,
            frozen_trunk: self.recipe.frozen.trunk,
            at_once: self.recipe.steps.at_once,
        };
        let make = |first| -> Box<dyn TrainingTask> {
            let batches = Present::new(first, learning.at_once, move |step| {
                loader.batch(order.texts(step).iter().copied())
            });
            Box::new(PairLearner::new(ofa, learning, batches, dev_loader))
        };
        let course = self.course(&beginning, [&train, &dev], parameters)?;
        let (trained, record) = course.run(store, steps, make, watch)?;
        let put = TrainedNetwork {
            name: self.task.network(),
            from: &self.begins_with(),
            tokenizer: Some(&beginning.tokenizer),
            work: &self.work,
        };
        put.put(store, beginning.trained(record), &self.out)?;
        Ok(trained)
    }

    /// The pairs of a split.
    fn rows(&self, split: &str, beginning: &Beginning) -> Result<Rows> {
        let folders = Folders { data: &self.data, work: &self.work };
        let file = folders.file(split, self.task, &self.sources)?;
        let reading = Reading {
            task: self.task,
            prompts: &beginning.prompts,
            bins: beginning.config.bins as u32,
            decode: &self.decode,
        };
        Rows::read(&file, &reading)
    }

    fn begins_with(&self) -> String {
        format!("the {} of `{}`", self.task.network(), self.from.display())
    }

    fn course(&self, beginning: &Beginning, rows: [&Rows; 2], parameters: Parameters) -> Result<Course<'_>> {
        let PairRecipe { seed, steps, rates, .. } = &self.recipe;
        let mut hasher = blake3::Hasher::new();
        for rows in rows {
            hasher.update(rows.hash.as_bytes());
        }
        Ok(Course {
            name: self.task.network(),
            measure: beginning.answering.measure(),
            from: self.begins_with(),
            data: Data {
                folder: &self.data,
                hash: hasher.finalize().to_hex().to_string(),
                posts: rows.map(|rows| rows.pictures),
                pairs: Some(rows.map(|rows| rows.rows.len())),
                regions: None,
            },
            steps,
            rates: rates.course(),
            parameters,
            seed: *seed,
            recipe: Table::try_from(&self.recipe)?,
            dimensions: Table::try_from(&beginning.config)?,
            work: &self.work,
        })
    }
}
