//! Device thread: runs forward passes, one at a time, and takes the one batch that waits prepared.

use std::any::Any;
use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::doorbell::Doorbells;
use super::erased::{Forward, Payload};
use super::{ModelError, Stop};

/// Batches that are on the device or on their way to it: one that runs, and one that waits prepared.
const MAX_SUBMITTED: usize = 2;

/// What the device's thread does next. Models go by the order in which they were added.
pub(super) enum Work {
    /// A forward pass.
    Forward { model: usize, input: Result<Payload, ModelError> },
    /// One model frees its caches.
    FreeMemory { model: usize },
    /// All models free their caches.
    FreeAllMemory,
}

/// What became of the work that was submitted first.
pub(super) struct Finished {
    pub(super) output: Result<Payload, ModelError>,
    /// For how long the device worked on it.
    pub(super) took: Duration,
    /// The batch that waited behind it was not begun and is dropped: this work failed, or the device is told to stop.
    pub(super) is_next_withdrawn: bool,
}

/// The dispatcher's side of the device's thread. Dropping it ends the thread.
pub(super) struct Executor {
    shared: Arc<Shared>,
    /// Work whose end the dispatcher has not seen.
    submitted: usize,
    /// Finished while something else was waited for.
    unseen: VecDeque<Finished>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    slot: Mutex<Slot>,
    changed: Condvar,
    /// Wakes the dispatcher, whose executor has this number.
    doorbells: Arc<Doorbells>,
    number: usize,
}

#[derive(Default)]
struct Slot {
    /// Not begun: two before the first is taken up, else one at most.
    waiting: VecDeque<Work>,
    finished: VecDeque<Finished>,
    /// The last work failed, or the device was told to stop meanwhile: nothing more is begun until the dispatcher has
    /// seen it, since a batch that waits may be too large now or not wanted.
    is_held: bool,
    is_closed: bool,
    has_ended: bool,
}

impl Executor {
    /// Starts the thread, which owns the models and runs `beginning` first.
    pub(super) fn start(
        name: String,
        models: Vec<Box<dyn Forward>>,
        beginning: Arc<dyn Fn() + Send + Sync>,
        (doorbells, number): (Arc<Doorbells>, usize),
        stop: Stop,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared { slot: Mutex::default(), changed: Condvar::new(), doorbells, number });
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            let ends = EndGuard(of_thread);
            // Dropped before the end is told: the memory is free by then.
            let mut models = models;
            beginning();
            ends.0.run_all(&mut models, &stop);
        })?;
        Ok(Self { shared, submitted: 0, unseen: VecDeque::new(), thread: Some(thread) })
    }

    pub(super) fn is_idle(&self) -> bool {
        self.submitted == 0
    }

    /// Whether [`Self::submit`] may be called.
    pub(super) fn has_room(&self) -> bool {
        self.submitted < MAX_SUBMITTED
    }

    /// Gives the device work: it is begun at once, or when the work before it has succeeded.
    pub(super) fn submit(&mut self, work: Work) {
        debug_assert!(self.has_room(), "one batch at most waits prepared");
        self.submitted += 1;
        self.shared.slot().waiting.push_back(work);
        self.shared.changed.notify_one();
    }

    /// The next work that is finished, in the order in which it was submitted.
    pub(super) fn poll(&mut self) -> Option<Finished> {
        self.unseen.pop_front().or_else(|| self.take_finished())
    }

    /// Does this alone: waits for what was submitted before, which [`Self::poll`] gives later, and then for its end.
    pub(super) fn run_alone(&mut self, work: Work) -> Finished {
        while !self.is_idle() {
            let finished = self.wait_for_finished();
            self.unseen.push_back(finished);
        }
        self.submit(work);
        self.wait_for_finished()
    }

    fn wait_for_finished(&mut self) -> Finished {
        loop {
            if let Some(finished) = self.take_finished() {
                return finished;
            }
            Doorbells::wait();
        }
    }

    fn take_finished(&mut self) -> Option<Finished> {
        if self.is_idle() {
            return None;
        }
        let mut slot = self.shared.slot();
        let Some(mut finished) = slot.finished.pop_front() else {
            if !slot.has_ended {
                return None;
            }
            self.submitted = 0;
            let lost = ModelError::DeviceLost("its thread died".to_owned());
            return Some(Finished { output: Err(lost), took: Duration::ZERO, is_next_withdrawn: false });
        };
        self.submitted -= 1;
        if slot.is_held && slot.finished.is_empty() {
            slot.is_held = false;
            finished.is_next_withdrawn = slot.waiting.pop_front().is_some();
            self.submitted -= usize::from(finished.is_next_withdrawn);
        }
        Some(finished)
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.shared.slot().is_closed = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic there was told as a lost device.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run_all(&self, models: &mut [Box<dyn Forward>], stop: &Stop) {
        while let Some(work) = self.next() {
            let started = Instant::now();
            let output = run_caught(models, work);
            let took = started.elapsed();
            let mut slot = self.slot();
            slot.is_held = output.is_err() || stop.is_told();
            slot.finished.push_back(Finished { output, took, is_next_withdrawn: false });
            drop(slot);
            self.doorbells.ring(self.number);
        }
    }

    /// Waits for work; none where there will be no more.
    fn next(&self) -> Option<Work> {
        let idle = |slot: &mut Slot| !slot.is_closed && (slot.is_held || slot.waiting.is_empty());
        let slot = self.changed.wait_while(self.slot(), idle);
        let mut slot = slot.unwrap_or_else(PoisonError::into_inner);
        if slot.is_closed { None } else { slot.waiting.pop_front() }
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        // Nothing between lock and unlock can leave the slot half changed.
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the dispatcher that the thread ended, however it ended.
struct EndGuard(Arc<Shared>);

impl Drop for EndGuard {
    fn drop(&mut self) {
        self.0.slot().has_ended = true;
        self.0.doorbells.ring(self.0.number);
    }
}

/// A model's own state is weights, which a forward pass only reads, and cached encodings, which it stores last:
/// unwinding leaves both whole.
fn run_caught(models: &mut [Box<dyn Forward>], work: Work) -> Result<Payload, ModelError> {
    caught(|| match work {
        Work::Forward { model, input } => models[model].forward(input?),
        Work::FreeMemory { model } => {
            models[model].free_memory();
            Ok(Box::new(()))
        }
        Work::FreeAllMemory => {
            for model in models {
                // One that panics keeps its memory; the others free theirs.
                let _ = catch_unwind(AssertUnwindSafe(|| model.free_memory()));
            }
            Ok(Box::new(()))
        }
    })
}

/// The one place that catches what libtorch throws.
pub(super) fn caught<T>(run: impl FnOnce() -> Result<T, ModelError>) -> Result<T, ModelError> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        Err(ModelError::from_message(format!("panicked: {}", panic_message(&*panic))))
    })
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}
