//! Weight source: where one network's weights come from, and on which device and in which precision it computes.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use sha2::{Digest, Sha256};
use tch::nn::VarStore;
use tch::{Device, nn, no_grad};

use super::error::BundleError;
use super::files::Weights;
use super::hash::{hexadecimal, unchanged};
use super::load::load_weights;
use super::precision::Precision;
use super::random_init::randomise;
use super::shared::SharedWeights;
use crate::common::plain_file;

/// The weights of one network of a bundle, and where it computes.
#[derive(Debug, Clone, Copy)]
pub struct WeightSource<'a> {
    /// The bundle's folder.
    pub folder: &'a Path,
    /// The weights.
    pub weights: &'a Weights,
    /// The precision of the computation, whatever the file holds.
    pub precision: Precision,
    /// The device.
    pub device: Device,
    /// Of the executors of the device, which share their weights; none for a network alone.
    pub shared: Option<&'a SharedWeights>,
}

impl WeightSource<'_> {
    /// Makes a network on the device and gives it its weights.
    ///
    /// # Errors
    /// All keys of the checkpoint that do not fit.
    pub fn load<N>(&self, make: impl FnOnce(&nn::Path<'_>) -> N) -> Result<N, BundleError> {
        let mut store = VarStore::new(self.device);
        store.set_kind(self.precision.kind());
        let network = make(&store.root());
        store.freeze();
        let origin = (self.weights, self.precision);
        if let Some(shared) = self.shared {
            let torch = |source| BundleError::Torch { file: self.folder.to_owned(), source };
            if no_grad(|| shared.give(&store, origin)).map_err(torch)? {
                return Ok(network);
            }
        }
        match self.weights {
            Weights::Random { seed } => randomise(&store, *seed),
            Weights::File { entry, ignored } => {
                let path = self.folder.join(&entry.file);
                let file = plain_file::open(&path)
                    .map_err(|source| BundleError::Read { file: path.clone(), source })?;
                let mut hashed = Hashed { file: BufReader::new(file), hash: Sha256::new() };
                let loaded = load_weights(&store, &path, &mut hashed, ignored);
                // A changed file is reported first: its other faults do not matter.
                std::io::copy(&mut hashed, &mut std::io::sink())
                    .map_err(|source| BundleError::Read { file: path.clone(), source })?;
                unchanged(&path, entry, &hexadecimal(hashed.hash.finalize()))?;
                loaded?;
            }
        }
        if let Some(shared) = self.shared {
            shared.add(&store, origin);
        }
        Ok(network)
    }
}

/// A file that is hashed while it is read.
struct Hashed {
    file: BufReader<File>,
    hash: Sha256,
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }
}
