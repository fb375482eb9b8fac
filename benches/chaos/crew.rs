//! Who keeps the engines running? Each that dies is started again, whoever killed it.

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

/// The executable, in the run's folder.
const ENGINE: &str = "engine";
/// How many engines there are all the time.
const SIZE: usize = 2;
/// How long an engine that is told to stop may take: its own drain and the last commit.
const STOPS_WITHIN: Duration = Duration::from_secs(60);

/// The engines of a run.
pub(crate) struct Crew {
    seats: Vec<Arc<Seat>>,
    keepers: Vec<JoinHandle<()>>,
    over: Arc<AtomicBool>,
}

/// One engine after another, under one number.
struct Seat {
    engine: Mutex<Child>,
    command: Hire,
    deaths: AtomicUsize,
}

struct Hire {
    mode: Mode,
    bootstrap: String,
    number: usize,
    folder: PathBuf,
}

impl Hire {
    fn start(&self) -> Child {
        let log: File = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.join(format!("engine-{}.log", self.number)))
            .unwrap();
        let mode = self.mode.to_possible_value().unwrap();
        Command::new(std::path::absolute(self.folder.join(ENGINE)).unwrap())
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

impl Crew {
    pub(crate) fn hire(mode: Mode, broker: &Broker, folder: &Path) -> Self {
        // A copy: a build meanwhile replaces the original.
        std::fs::copy(std::env::current_exe().unwrap(), folder.join(ENGINE)).unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let seat = |number| {
            let (bootstrap, folder) = (broker.bootstrap.clone(), folder.to_owned());
            let command = Hire { mode, bootstrap, number, folder };
            Arc::new(Seat { engine: Mutex::new(command.start()), command, deaths: AtomicUsize::new(0) })
        };
        let seats: Vec<Arc<Seat>> = (0..SIZE).map(seat).collect();
        let keepers = seats.iter().map(|seat| {
            let (seat, over) = (Arc::clone(seat), Arc::clone(&over));
            std::thread::spawn(move || seat.keep(&over))
        });
        let keepers = keepers.collect();
        Self { seats, keepers, over }
    }

    /// Which of the crew that number means.
    pub(crate) fn pick(&self, number: usize) -> usize {
        number % self.seats.len()
    }

    pub(crate) fn kill(&self, number: usize) {
        self.seats[number].signal("KILL");
    }

    pub(crate) fn pause(&self, number: usize) {
        self.seats[number].signal("STOP");
    }

    pub(crate) fn wake(&self, number: usize) {
        self.seats[number].signal("CONT");
    }

    /// Tells all to stop, and waits until they have. How many had died before.
    pub(crate) fn dismiss(mut self) -> usize {
        self.over.store(true, Ordering::Relaxed);
        for keeper in std::mem::take(&mut self.keepers) {
            keeper.join().unwrap();
        }
        for seat in &self.seats {
            seat.signal("TERM");
        }
        let deadline = Instant::now() + STOPS_WITHIN;
        for seat in &self.seats {
            while seat.engine.lock().unwrap().try_wait().unwrap().is_none() {
                assert!(Instant::now() < deadline, "engine {} does not stop", seat.command.number);
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        self.seats.iter().map(|seat| seat.deaths.load(Ordering::Relaxed)).sum()
    }
}

impl Drop for Crew {
    /// Nobody outlives a run that has failed.
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for keeper in std::mem::take(&mut self.keepers) {
            // It has said why it ended.
            let _ = keeper.join();
        }
        for seat in &self.seats {
            let engine = &mut *seat.engine.lock().unwrap_or_else(PoisonError::into_inner);
            if matches!(engine.try_wait(), Ok(None)) {
                let _ = engine.kill();
                let _ = engine.wait();
            }
        }
    }
}

impl Seat {
    fn signal(&self, name: &str) {
        let engine = self.engine.lock().unwrap();
        // One that has died a moment ago hears nothing.
        let _ = Command::new("kill").args([&format!("-{name}"), &engine.id().to_string()]).status();
    }

    /// Starts the next one whenever one has died.
    fn keep(&self, over: &AtomicBool) {
        while !over.load(Ordering::Relaxed) {
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
