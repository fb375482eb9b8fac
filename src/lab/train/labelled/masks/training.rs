//! Training of a segmenter from files to a bundle: read, begin, train from the checkpoint, write the best weights.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use toml::Table;

use super::super::course::{self, Course, Data, Machine, Trained};
use super::super::order::Order;
use super::super::present::Present;
use super::super::result::TrainedNetwork;
use super::batches::Loader;
use super::beginning::Beginning;
use super::encodings::Encoder;
use super::prompts::Mover;
use super::recipe::MaskRecipe;
use super::regions::{Reading, Regions};
use super::task::{MEASURE, MaskLearner};
use crate::input::decode;
use crate::lab::train::parameters::{Parameters, Stores};
use crate::lab::train::training_loop::{TrainingTask, Watch};

/// What is trained.
const NAME: &str = "segmenter";

/// What is trained, of what, and where to.
#[derive(Debug)]
pub struct MaskTraining {
    /// The folder of the data set, with the splits `train` and `dev`.
    pub data: PathBuf,
    /// The bundle that it begins with.
    pub from: PathBuf,
    /// How.
    pub recipe: MaskRecipe,
    /// The limits of pictures.
    pub decode: decode::Config,
    /// The folder of checkpoints and records.
    pub work: PathBuf,
    /// The bundle that receives the network.
    pub out: PathBuf,
    /// What it runs on.
    pub machine: Machine,
}

impl MaskTraining {
    /// Trains, from the checkpoint in the folder of work if there is one, and puts the network into the bundle.
    ///
    /// # Errors
    /// What cannot be read or written, with its file; a checkpoint of another training; a loss that is no number.
    pub fn run(&self, watch: &mut dyn Watch) -> Result<Trained> {
        let MaskRecipe { seed, precision, steps, prompt, loss, frozen, adapters, .. } = &self.recipe;
        course::prepare(&self.work, self.machine)?;
        let beginning = Beginning::open(&self.from)?;
        let reading = Reading { data: &self.data, work: &self.work, decode: &self.decode };
        let [train, dev] = ["train", "dev"].map(|split| Regions::read(split, reading));
        let (train, dev) = (Arc::new(train?), Arc::new(dev?));
        tracing::info!(
            train = train.regions.len(),
            dev = dev.regions.len(),
            pictures = train.pictures.len(),
            "regions are read"
        );

        let stores = Stores::new(self.machine.device, *precision);
        let network = beginning.network(&stores, frozen)?;
        let parameters = adapters.attach(&stores, &[], *seed)?;
        let view = beginning.view;
        let load = |regions: &Arc<Regions>| Loader {
            regions: Arc::clone(regions),
            limits: self.decode.clone(),
            view,
        };
        let (loader, dev_loader) = (load(&train), load(&dev));
        let mut order = Order::new(vec![1; train.regions.len()], steps.batch, u64::from(*seed));
        let epoch = order.steps();
        let mover = Mover { jitter: *prompt, seed: *seed, side: view.side };
        let encoder = if frozen.image_encoder {
            Encoder::Frozen { kept: HashMap::new(), most: frozen.encodings }
        } else {
            Encoder::Learning
        };
        let (at_once, weights, device) = (steps.at_once, *loss, self.machine.device);
        let learnt = Arc::clone(&train);
        let make = |first| -> Box<dyn TrainingTask> {
            let batches = Present::new(first, at_once, move |step| {
                loader.batch(order.texts(step).iter().copied(), Some((step, &mover)))
            });
            Box::new(MaskLearner {
                network,
                device,
                encoder,
                weights,
                batches,
                train: learnt,
                dev: dev_loader,
                at_once,
            })
        };
        let (trained, record) =
            self.course(&beginning, [&train, &dev], parameters)?.run(&stores.weights, epoch, make, watch)?;
        let (work, from) = (&self.work, self.begins_with());
        let put = TrainedNetwork { name: NAME, from: &from, tokenizer: None, work };
        put.put(&stores.weights, beginning.trained(record), &self.out)?;
        Ok(trained)
    }

    fn begins_with(&self) -> String {
        format!("the {NAME} of `{}`", self.from.display())
    }

    fn course(
        &self,
        beginning: &Beginning,
        regions: [&Regions; 2],
        parameters: Parameters,
    ) -> Result<Course<'_>> {
        let MaskRecipe { seed, steps, rates, .. } = &self.recipe;
        let mut hasher = blake3::Hasher::new();
        for regions in regions {
            hasher.update(regions.hash.as_bytes());
        }
        Ok(Course {
            name: NAME,
            measure: MEASURE,
            from: self.begins_with(),
            data: Data {
                folder: &self.data,
                hash: hasher.finalize().to_hex().to_string(),
                posts: regions.map(|regions| regions.posts),
                pairs: None,
                regions: Some(regions.map(|regions| regions.regions.len())),
            },
            steps,
            rates: rates.course(),
            parameters,
            seed: *seed,
            recipe: Table::try_from(&self.recipe)?,
            dimensions: beginning.dimensions()?,
            work: &self.work,
        })
    }
}
