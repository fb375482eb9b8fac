//! Settings of a command: the arguments that name files and single keys.

use std::path::PathBuf;

use clap::Args;

use crate::config::{Config, Effective, Faults, Sources};

/// The arguments of every subcommand that has settings.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// A TOML file with settings; may be given several times, later files win.
    #[arg(long, value_name = "FILE")]
    pub config: Vec<PathBuf>,
    /// One setting, such as `engine.posts_in_flight=32`; may be given several times, wins over files and environment.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

impl Settings {
    /// The same with one more setting, which wins over the others.
    #[must_use]
    pub(super) fn with(mut self, key: &str, value: &str) -> Self {
        self.set.push(format!("{key}={value}"));
        self
    }

    /// Defaults, files, environment and single settings, checked.
    ///
    /// # Errors
    /// All faults of the settings at once.
    pub fn load(&self) -> Result<Effective, Faults> {
        Config::load(&self.sources())
    }

    /// The files, this process's environment, and the single settings.
    pub(super) fn sources(&self) -> Sources {
        // No setting has a name or value outside Unicode.
        let unicode = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let environment = std::env::vars_os().filter_map(unicode).collect();
        Sources { files: self.config.clone(), environment, sets: self.set.clone() }
    }
}
