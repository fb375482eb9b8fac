//! `riveg man`: manual pages of all commands, from the same source as their help.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::Failure;
use super::failure::EXIT_CODES;
use super::output_format::print;

/// Print the manual page of a command, or write those of all commands into a folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg man | man -l -                         read riveg(1)
  riveg man dlq replay | man -l -              read riveg-dlq-replay(1)
  riveg man --out ~/.local/share/man/man1      install all pages")]
pub struct Arguments {
    /// The command, such as `dlq replay`; without it, the page of `riveg` itself.
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    command: Vec<String>,
    /// A folder for the pages of all commands: `riveg.1`, `riveg-run.1` and so on. It is made if it is missing.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// A folder or page that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write `{}`", .path.display())]
struct WriteError {
    path: PathBuf,
    source: io::Error,
}

/// `riveg` is the command with all its subcommands.
pub(super) fn run(arguments: &Arguments, riveg: Command) -> Result<(), Failure> {
    let pages = pages(riveg)?;
    if let Some(folder) = &arguments.out {
        return Ok(write(&pages, folder)?);
    }
    let name = [&["riveg".to_owned()], &*arguments.command].concat().join("-");
    let page = pages.into_iter().find(|page| page.name == name);
    let unknown = || super::UsageError(format!("there is no command `{}`", arguments.command.join(" ")));
    print(&page.ok_or_else(unknown)?.text)
}

/// The page of one command.
#[derive(Debug)]
struct Page {
    /// The command with hyphens: `riveg-dlq-list`.
    name: String,
    text: String,
}

fn write(pages: &[Page], folder: &Path) -> Result<(), WriteError> {
    let error = |path: &Path| {
        let path = path.to_owned();
        |source| WriteError { path, source }
    };
    fs::create_dir_all(folder).map_err(error(folder))?;
    for page in pages {
        let path = folder.join(format!("{}.1", page.name));
        fs::write(&path, &page.text).map_err(error(&path))?;
    }
    Ok(())
}

/// The pages of all commands.
fn pages(riveg: Command) -> io::Result<Vec<Page>> {
    let mut command = riveg.disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    add(&command, &mut pages)?;
    Ok(pages)
}

fn add(command: &Command, pages: &mut Vec<Page>) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    pages.push(Page { name, text: page(command)? });
    // `help` is not a command of its own.
    let mut inner = command.get_subcommands().filter(|inner| inner.get_name() != "help");
    inner.try_for_each(|inner| add(inner, pages))
}

fn page(command: &Command) -> io::Result<String> {
    let man = Man::new(command.clone()).source(format!("riveg {}", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let mut rest = Roff::new();
    rest.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in EXIT_CODES {
        rest.control("TP", []);
        rest.text([roman(code.to_string())]);
        rest.text([roman(meaning)]);
    }
    if let Some(examples) = command.get_after_help() {
        rest.control("SH", ["EXAMPLES"]);
        rest.control("nf", []);
        for line in examples.to_string().lines().filter(|line| *line != "Examples:") {
            rest.text([roman(line)]);
        }
        rest.control("fi", []);
    }
    rest.to_writer(&mut page)?;
    String::from_utf8(page).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_with_its_flags_its_exit_codes_and_its_examples() {
        let pages = pages(<super::super::Arguments as clap::CommandFactory>::command()).unwrap();
        let page = |name: &str| &pages.iter().find(|page| page.name == name).unwrap().text;
        assert!(pages.len() > 30, "{}", pages.len());
        for page in &pages {
            for section in [".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH \"EXIT STATUS\""] {
                assert!(page.text.contains(section), "{section} is not in {}", page.name);
            }
        }
        let run = page("riveg-run");
        assert!(run.contains("\\-\\-config") && run.contains(".SH EXAMPLES\n.nf\n"), "{run}");
        assert!(page("riveg-dlq-replay").contains("\\-\\-dry\\-run"));
        assert!(page("riveg").contains("130\nended by a second signal"));
    }
}
