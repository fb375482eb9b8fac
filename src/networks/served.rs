//! Which network answers a stage's requests? One of those that can.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::albef::AlbefEntailer;
use super::ofa::{OfaEntailer, OfaGrounder};
use super::seqtr::SeqTrGrounder;
use crate::scheduler::{Cost, Model, ModelError};
use crate::stages::entail;
use crate::stages::ground;

/// Answers whether pictures show phrases.
#[derive(Debug)]
pub enum Entailer {
    /// One for all.
    Ofa(Box<OfaEntailer>),
    /// A vision transformer, and a BERT that looks at what it saw.
    Albef(Box<AlbefEntailer>),
}

/// Answers where in pictures phrases are.
#[derive(Debug)]
pub enum Grounder {
    /// One for all.
    Ofa(Box<OfaGrounder>),
    /// Places alone: boxes, or outlines.
    SeqTr(Box<SeqTrGrounder>),
}

impl Entailer {
    /// How many pictures have gone through the part that reads pictures alone. The counter is shared: it can be read
    /// from other threads after the network has moved to the device's.
    #[must_use]
    pub fn pictures_read(&self) -> Arc<AtomicU64> {
        match self {
            Self::Ofa(ofa) => ofa.trunk_runs(),
            Self::Albef(albef) => albef.pictures_seen(),
        }
    }
}

impl Grounder {
    /// As [`Entailer::pictures_read`].
    #[must_use]
    pub fn pictures_read(&self) -> Arc<AtomicU64> {
        match self {
            Self::Ofa(ofa) => ofa.trunk_runs(),
            Self::SeqTr(seqtr) => seqtr.trunk_runs(),
        }
    }
}

impl Model for Entailer {
    type Request = entail::Request;
    type Reply = entail::Reply;

    /// Cells of the picture and tokens of the prompt, of 16 pixels a side in all networks.
    fn cost(request: &entail::Request) -> Cost {
        OfaEntailer::cost(request)
    }

    fn free_memory(&mut self) {
        match self {
            Self::Ofa(ofa) => ofa.free_memory(),
            Self::Albef(albef) => albef.free_memory(),
        }
    }

    fn run(&mut self, batch: &[entail::Request]) -> Result<Vec<entail::Reply>, ModelError> {
        match self {
            Self::Ofa(ofa) => ofa.run(batch),
            Self::Albef(albef) => albef.run(batch),
        }
    }
}

impl Model for Grounder {
    type Request = ground::Request;
    type Reply = ground::Reply;

    /// As for the entailer, of the whole square where the picture does not fill it.
    fn cost(request: &ground::Request) -> Cost {
        OfaGrounder::cost(request)
    }

    fn free_memory(&mut self) {
        match self {
            Self::Ofa(ofa) => ofa.free_memory(),
            Self::SeqTr(seqtr) => seqtr.free_memory(),
        }
    }

    fn run(&mut self, batch: &[ground::Request]) -> Result<Vec<ground::Reply>, ModelError> {
        match self {
            Self::Ofa(ofa) => ofa.run(batch),
            Self::SeqTr(seqtr) => seqtr.run(batch),
        }
    }
}
