//! Command `riveg bundle fetch`: downloads published networks by a recipe and makes a bundle of them; `riveg bundle recipes`
//! lists the recipes that ship.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::path::PathBuf;
use std::sync::Mutex;

use bytesize::ByteSize;
use indicatif::ProgressBar;

use crate::common::hub::{Access, Hub, Origin, Step};
use crate::common::secret::Secret;
use crate::config::secret_reference;
use crate::domain::Stage;
use crate::lab::fetch::{Assembled, Order, Recipe, read, shipped};

use super::bundle_tables::{imported_text, list};
use super::{Failure, UsageError, progress, run_async};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The name of a recipe that ships (`riveg bundle recipes` lists them), or the path of one of your own.
    #[arg(value_name = "RECIPE")]
    recipe: String,
    /// The bundle's folder. It appears when everything is there, in the place of one that was fetched before.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Weights of your own in place of published ones, a file or a folder; may be given several times.
    #[arg(long, value_name = "STAGE=PATH")]
    from: Vec<String>,
    /// The token for gated repositories, as `${env:NAME}` or `${file:PATH}` [default: that of HF_TOKEN].
    #[arg(long, value_name = "REFERENCE")]
    token: Option<String>,
    /// Take files of the cache alone, as HF_HUB_OFFLINE=1 says.
    #[arg(long)]
    offline: bool,
    /// Take other commits and other bytes than the bundle that is there was made of.
    #[arg(long)]
    update: bool,
    /// How often a download goes on after a fault without a byte in between.
    #[arg(long, default_value_t = 5, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(0..=100))]
    retries: u32,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (name, recipe) = read(&arguments.recipe)?;
    let access = access(arguments)?;
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(table(&name, &recipe).as_bytes())?;
    stdout.flush()?;
    let own = own(&arguments.from)?;
    let order = Order { name, recipe, own, out: arguments.out.clone(), update: arguments.update };
    let shown = Shown::new();
    let downloads = run_async(async {
        let hub = Hub::new(access)?;
        Ok(order.download(&hub, &|origin, step| shown.take(origin, step)).await?)
    });
    shown.bar.finish_and_clear();
    let downloads = downloads?;
    match order.assemble(&downloads)? {
        Assembled::Same => {
            writeln!(stdout, "`{}` is of these very files already", arguments.out.display())?;
        }
        Assembled::New { stages, settings } => {
            for (stage, imported) in &stages {
                stdout.write_all(imported_text(*stage, imported).as_bytes())?;
            }
            let with = settings.map(|file| format!(" --config {}", file.display())).unwrap_or_default();
            let out = arguments.out.display();
            writeln!(stdout, "\nnext: riveg annotate{with} --set bundle.path={out} posts.jsonl\n")?;
        }
    }
    drop(stdout);
    list(&arguments.out, false)
}

/// Prints the recipes that ship.
pub(super) fn recipes() -> Result<(), Failure> {
    let mut text = String::new();
    for (name, _) in shipped() {
        let (name, recipe) = read(name)?;
        let _ = writeln!(text, "{}", table(&name, &recipe)); // writing to a string cannot fail
    }
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}

/// A recipe's networks, their sizes and their licences.
fn table(name: &str, recipe: &Recipe) -> String {
    let mut text = format!("{name}: {}\n", recipe.about);
    for (stage, of_stage) in recipe.stages() {
        let from = of_stage.from.as_ref().map_or_else(|| "your own".to_owned(), |from| from.title());
        let (size, licence, read) = (&of_stage.size, &of_stage.licence, &of_stage.licence_read);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  {:<10} {from}\n             {size}; licence: {licence} ({read})",
            stage.as_str()
        );
    }
    text
}

fn access(arguments: &Arguments) -> Result<Access, UsageError> {
    let mut access = Access::of(|name| std::env::var(name).ok()).map_err(UsageError)?;
    access.offline |= arguments.offline;
    access.retry.retries = arguments.retries;
    if let Some(token) = &arguments.token {
        let environment: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let token = secret_reference(token, &environment);
        access.token = Secret::from(token.map_err(|fault| UsageError(format!("`--token` {fault}")))?);
    }
    Ok(access)
}

fn own(given: &[String]) -> Result<BTreeMap<Stage, PathBuf>, UsageError> {
    let one = |text: &String| {
        let (stage, path) = text.split_once('=').unwrap_or((text, ""));
        let known = Stage::ALL.into_iter().find(|known| known.as_str() == stage && !path.is_empty());
        let wrong = || {
            let stages = Stage::ALL.map(Stage::as_str).join("`, `");
            UsageError(format!("`--from {text}`: expected STAGE=PATH with a stage of `{stages}`"))
        };
        Ok((known.ok_or_else(wrong)?, PathBuf::from(path)))
    };
    given.iter().map(one).collect()
}

/// What is shown of downloads: a bar on a terminal, a line for each file anywhere.
struct Shown {
    bar: ProgressBar,
    /// The sizes of the files that have begun, and what is there of each.
    files: Mutex<BTreeMap<String, (u64, u64)>>,
    is_terminal: bool,
}

impl Shown {
    fn new() -> Self {
        let bar = progress::bar(0, "{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
        Self { bar, files: Mutex::new(BTreeMap::new()), is_terminal: std::io::stderr().is_terminal() }
    }

    fn take(&self, origin: &Origin, step: Step) {
        match step {
            Step::Begin { size, there } => {
                self.count(origin, size, there);
                if there > 0 {
                    self.line(&format!("{origin}: goes on from {}", ByteSize(there)));
                }
            }
            Step::Grown(there) => self.count(origin, None, there),
            Step::Again { cause, wait } => {
                self.line(&format!("{origin}: {cause}; again in {:.1} s", wait.as_secs_f64()));
            }
            Step::Downloaded(bytes) => self.line(&format!("{origin}: downloaded, {}", ByteSize(bytes))),
            Step::Cached(bytes) => self.line(&format!("{origin}: in the cache, {}", ByteSize(bytes))),
            Step::Missing => self.line(&format!("{origin}: not published; it may be missing")),
        }
    }

    fn count(&self, origin: &Origin, size: Option<u64>, there: u64) {
        if !self.is_terminal {
            return;
        }
        let mut files = self.files.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let file = files.entry(origin.to_string()).or_default();
        *file = (size.unwrap_or(file.0), there);
        let (all, done) =
            files.values().fold((0, 0), |(all, done), (size, there)| (all + size, done + there));
        self.bar.set_length(all);
        self.bar.set_position(done);
    }

    fn line(&self, text: &str) {
        // What a server says must not steer the terminal.
        let text: String =
            text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect();
        if self.is_terminal {
            self.bar.println(text);
        } else {
            // A closed standard error is no reason to stop.
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_ones_own_are_given_by_stage() {
        let given = own(&["recognise=a=b.pth".to_owned()]).unwrap();
        assert_eq!(given, BTreeMap::from([(Stage::Recognise, PathBuf::from("a=b.pth"))]));
        for wrong in ["recognise", "recognise=", "tagger=x"] {
            let error = own(&[wrong.to_owned()]).unwrap_err().to_string();
            assert!(error.contains("expected STAGE=PATH"), "{error}");
        }
    }

    #[test]
    fn a_recipe_is_shown_with_its_licences() {
        let (name, recipe) = read("paper").unwrap();
        let text = table(&name, &recipe);
        for expected in ["recognise  your own", "sam_vit_h_4b8939.pth", "licence: Apache-2.0 (LICENSE of"] {
            assert!(text.contains(expected), "{text}");
        }
    }
}
