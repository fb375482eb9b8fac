//! Feed: the window that all pages share, and word of its changes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::window::Window;
use crate::engine::View;

/// The window of a server. Readers of topics and files write to it, pages read from it.
#[derive(Debug)]
pub(super) struct Feed {
    window: Mutex<Window>,
    changes: watch::Sender<()>,
}

impl Feed {
    pub(super) fn new(config: &View) -> Self {
        let window = Window::new(config.posts, config.memory.as_u64());
        Self { window: Mutex::new(window), changes: watch::Sender::new(()) }
    }

    /// Changes the window, and wakes the pages.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Window) -> T) -> T {
        let changed = change(&mut self.lock());
        self.changes.send_replace(());
        changed
    }

    /// Reads from the window.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Window) -> T) -> T {
        read(&self.lock())
    }

    /// Word of changes from now on.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Window> {
        // A panic amid a change leaves a window with fewer posts, which is still one.
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
