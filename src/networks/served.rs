//! The network that answers a stage, whichever of those that can it is.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::scheduler::{AnyModel, AnyProcessor, Model, ModelError, Payload, Processor, erase};
use crate::stages::recognise::joint;
use crate::stages::{entail, ground, knowledge, recognise, segment};

/// Some network that answers `Q` with `R` and reads pictures.
pub struct Served<Q, R> {
    model: AnyModel<Q, R>,
    pictures_read: Arc<AtomicU64>,
}

/// Labels the words of texts.
pub type Tagger = AnyModel<recognise::Request, recognise::Reply>;

/// Finds the entities of texts, and the region of a picture that shows each.
pub type JointNetwork = Served<joint::Request, joint::Reply>;

/// Answers which pixels of boxes show something.
pub type Segmenter = Served<segment::Request, segment::Reply>;

/// Says what posts are about.
pub type Encoder = Served<knowledge::Request, knowledge::Reply>;

/// Answers whether pictures show phrases.
pub type Entailer = Served<entail::Request, entail::Reply>;

/// Answers where in pictures phrases are.
pub type Grounder = Served<ground::Request, ground::Reply>;

impl<Q, R> fmt::Debug for Served<Q, R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Served").field("pictures_read", &self.pictures_read).finish_non_exhaustive()
    }
}

impl<Q: Send + 'static, R: Send + 'static> Served<Q, R> {
    /// Serves a network, which counts the pictures that have gone through the part of it that reads pictures alone.
    pub fn new(
        model: impl Model<Processor = impl Processor<Request = Q, Reply = R>>,
        pictures_read: Arc<AtomicU64>,
    ) -> Self {
        Self { model: erase(model), pictures_read }
    }

    /// How many pictures have gone through the part that reads pictures alone. The counter is shared: it can be read
    /// from other threads after the network has moved to the device's.
    #[must_use]
    pub fn pictures_read(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.pictures_read)
    }
}

impl<Q: Send + 'static, R: Send + 'static> Model for Served<Q, R> {
    type Processor = AnyProcessor<Q, R>;

    fn processor(&self) -> Arc<AnyProcessor<Q, R>> {
        self.model.processor()
    }

    fn forward(&mut self, input: Payload) -> Result<Payload, ModelError> {
        self.model.forward(input)
    }

    fn free_memory(&mut self) {
        self.model.free_memory();
    }
}
