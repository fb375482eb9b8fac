//! `riveg completions`: scripts that complete commands, flags and values in shells.

use clap::Command;
use clap_complete::Shell;

use super::output_format::print;
use super::{Failure, UsageError};

/// Print a script that completes commands, flags and values in a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg completions bash > ~/.local/share/bash-completion/completions/riveg
  riveg completions zsh > ~/.zfunc/_riveg                    where ~/.zfunc is in $fpath, before compinit
  riveg completions fish > ~/.config/fish/completions/riveg.fish")]
pub struct Arguments {
    /// The shell.
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

/// `riveg` is the command with all its subcommands.
pub(super) fn run(arguments: &Arguments, mut riveg: Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut riveg, "riveg", &mut script);
    let script = String::from_utf8(script).map_err(|error| UsageError(error.to_string()))?;
    print(&script)
}
