//! Browser: opens the page for a person at a terminal who has a desktop.

use std::io::{IsTerminal as _, stdout};
use std::process::{Command, Stdio};

use crate::telemetry::Causes;

/// The program that opens an address in the browser that the desktop is set to; none where there is no desktop, as over SSH.
fn opener() -> Option<&'static str> {
    if cfg!(target_os = "macos") {
        return Some("open");
    }
    let has_desktop = ["WAYLAND_DISPLAY", "DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
    has_desktop.then_some("xdg-open")
}

/// Opens an address. It is printed too, so that nothing is lost where this fails. Must be called within a runtime.
pub(in crate::cli) fn open(url: &str) {
    let Some(program) = opener().filter(|_| stdout().is_terminal()) else { return };
    let mut command = Command::new(program);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    tokio::task::spawn_blocking(move || {
        if let Err(error) = command.status() {
            tracing::debug!(program, error = %Causes(&error), "no browser was opened");
        }
    });
}
