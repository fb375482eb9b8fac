//! Supervisor of the engines: restarts each engine that dies.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use clap::ValueEnum;

use super::Mode;
use super::broker::Broker;

/// File name of the executable in the run's folder.
const EXECUTABLE: &str = "engine";
/// Number of engines that run at any time.
const ENGINES: usize = 2;
/// Timeout of an engine's shutdown: its drain and the last commit.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// Runs the engines of a run.
pub(crate) struct Supervisor {
    slots: Vec<Arc<EngineSlot>>,
    watchers: Vec<JoinHandle<()>>,
    stopping: Arc<AtomicBool>,
}

/// The engine with one number, and its successors.
struct EngineSlot {
    engine: Mutex<Child>,
    command: EngineCommand,
    deaths: AtomicUsize,
}

struct EngineCommand {
    mode: Mode,
    bootstrap: String,
    number: usize,
    folder: PathBuf,
}

impl EngineCommand {
    fn start(&self) -> Child {
        let log: File = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.join(format!("engine-{}.log", self.number)))
            .unwrap();
        let mode = self.mode.to_possible_value().unwrap();
        Command::new(std::path::absolute(self.folder.join(EXECUTABLE)).unwrap())
            .args(["worker", "--mode", mode.get_name(), "--bootstrap", &self.bootstrap])
            .args(["--number", &self.number.to_string(), "--state"])
            .arg(self.folder.join("state"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap()
    }
}

impl Supervisor {
    pub(crate) fn start(mode: Mode, broker: &Broker, folder: &Path) -> Self {
        // A copy, because a build during the run replaces the original.
        std::fs::copy(std::env::current_exe().unwrap(), folder.join(EXECUTABLE)).unwrap();
        let stopping = Arc::new(AtomicBool::new(false));
        let slot = |number| {
            let (bootstrap, folder) = (broker.bootstrap.clone(), folder.to_owned());
            let command = EngineCommand { mode, bootstrap, number, folder };
            Arc::new(EngineSlot { engine: Mutex::new(command.start()), command, deaths: AtomicUsize::new(0) })
        };
        let slots: Vec<Arc<EngineSlot>> = (0..ENGINES).map(slot).collect();
        let watchers = slots.iter().map(|slot| {
            let (slot, stopping) = (Arc::clone(slot), Arc::clone(&stopping));
            std::thread::spawn(move || slot.restart_whenever_dead(&stopping))
        });
        let watchers = watchers.collect();
        Self { slots, watchers, stopping }
    }

    /// The engine that a random number selects.
    pub(crate) fn pick(&self, number: usize) -> usize {
        number % self.slots.len()
    }

    pub(crate) fn kill(&self, number: usize) {
        self.slots[number].signal("KILL");
    }

    pub(crate) fn pause(&self, number: usize) {
        self.slots[number].signal("STOP");
    }

    pub(crate) fn resume(&self, number: usize) {
        self.slots[number].signal("CONT");
    }

    /// Stops all engines and waits for them; returns the number of deaths before.
    pub(crate) fn stop(mut self) -> usize {
        self.stopping.store(true, Ordering::Relaxed);
        for watcher in std::mem::take(&mut self.watchers) {
            watcher.join().unwrap();
        }
        for slot in &self.slots {
            slot.signal("TERM");
        }
        let deadline = Instant::now() + STOP_TIMEOUT;
        for slot in &self.slots {
            while slot.engine.lock().unwrap().try_wait().unwrap().is_none() {
                assert!(Instant::now() < deadline, "engine {} does not stop", slot.command.number);
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        self.slots.iter().map(|slot| slot.deaths.load(Ordering::Relaxed)).sum()
    }
}

impl Drop for Supervisor {
    /// Kills all engines after a failed run.
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        for watcher in std::mem::take(&mut self.watchers) {
            // The thread has reported its own panic.
            let _ = watcher.join();
        }
        for slot in &self.slots {
            let engine = &mut *slot.engine.lock().unwrap_or_else(PoisonError::into_inner);
            if matches!(engine.try_wait(), Ok(None)) {
                let _ = engine.kill();
                let _ = engine.wait();
            }
        }
    }
}

impl EngineSlot {
    fn signal(&self, name: &str) {
        let engine = self.engine.lock().unwrap();
        // An engine that has just died ignores the signal.
        let _ = Command::new("kill").args([&format!("-{name}"), &engine.id().to_string()]).status();
    }

    /// Restarts the engine whenever it has died.
    fn restart_whenever_dead(&self, stopping: &AtomicBool) {
        while !stopping.load(Ordering::Relaxed) {
            {
                let mut engine = self.engine.lock().unwrap();
                if engine.try_wait().unwrap().is_some() {
                    self.deaths.fetch_add(1, Ordering::Relaxed);
                    *engine = self.command.start();
                }
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}
