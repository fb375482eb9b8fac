//! Encoder input: each distinct picture goes through the trunk once, and prompts are padded to one length.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tch::{Device, TchError, Tensor};

use super::{Encoded, Ofa, PAD};
use crate::domain::Stage;
use crate::networks::blocks::asked::{AskedBatch, AskedProcessor, Limits, levels};
use crate::networks::blocks::device::hand_back;
use crate::networks::blocks::encodings::Encodings;
use crate::networks::blocks::remembered::Remembered;

/// A stage's share in a network, which may be the network of another stage as well.
#[derive(Debug)]
pub(super) struct Share {
    /// Stages take turns on their device's thread, so nobody ever waits for the lock.
    reader: Arc<Mutex<Reader>>,
    /// Pictures that went through the trunk because this stage asked first.
    trunk_runs: Arc<AtomicU64>,
}

impl Share {
    pub(super) fn new(ofa: Ofa, remembered: impl Into<Remembered>, stage: Stage) -> Self {
        let device = ofa.embedding.device();
        let reader = Reader { ofa: ofa.freeze(), device, known: Encodings::within(remembered, stage) };
        Self { reader: Arc::new(Mutex::new(reader)), trunk_runs: Arc::default() }
    }

    /// The same network with the same memory of pictures, for another stage.
    pub(super) fn another(&self) -> Self {
        Self { reader: Arc::clone(&self.reader), trunk_runs: Arc::default() }
    }

    pub(super) fn trunk_runs(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.trunk_runs)
    }

    /// The network. One that libtorch panicked in can be asked again: what it remembers is only ever whole.
    pub(super) fn reader(&self) -> MutexGuard<'_, Reader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// [`Reader::read`], counting for this stage.
    pub(super) fn read(&self, reader: &mut Reader, batch: AskedBatch) -> Result<(Tensor, Encoded), TchError> {
        let before = reader.known.made().load(Ordering::Relaxed);
        let read = reader.read(batch);
        let after = reader.known.made().load(Ordering::Relaxed);
        self.trunk_runs.fetch_add(after - before, Ordering::Relaxed);
        read
    }
}

/// A frozen network that remembers what its trunk said of pictures.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) ofa: Ofa,
    device: Device,
    known: Encodings,
}

impl Reader {
    /// The host half, which prepares batches for [`Share::read`].
    pub(super) fn processor(&self) -> AskedProcessor {
        let config = self.ofa.config();
        let limits = Limits {
            network: "OFA",
            side: config.patch_image_size,
            longest: config.max_positions,
            vocabulary: config.vocabulary,
            pad: Some(PAD),
        };
        AskedProcessor { limits, filler: PAD, known: self.known.known() }
    }

    /// Gives back what is remembered of pictures.
    pub(super) fn forget(&mut self) {
        self.known.forget();
        hand_back(self.device);
    }

    /// Reads a batch: the prompts, `[B, L]`, and what encoder and pictures make of them.
    fn read(&mut self, batch: AskedBatch) -> Result<(Tensor, Encoded), TchError> {
        let Self { ofa, device, known } = self;
        let tokens = batch.tokens.f_to_device(*device)?;
        let trunk = known.of(batch.pictures, |bytes| Ok(ofa.trunk(&pixels(ofa, &bytes, *device)?, false)))?;
        let encoded = ofa.encode(&trunk.each()?, &tokens, false);
        Ok((tokens, encoded))
    }
}

/// Pixels as the network was taught them, `[pictures, 3, S, S]`, -1 to 1.
fn pixels(ofa: &Ofa, bytes: &Tensor, device: Device) -> Result<Tensor, TchError> {
    levels(bytes, device)?.f_divide_scalar_(127.5)?.f_sub_scalar_(1.0)?.f_to_kind(ofa.kind())
}
