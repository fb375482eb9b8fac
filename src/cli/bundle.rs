//! `riveg bundle`: what is in a bundle, is it whole, and how is a new one begun?

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use bytesize::ByteSize;
use clap::Subcommand;

use crate::bundle::{BLANKS, Bundle, Part, Precision, Weights, blank, write_unfilled};
use crate::models::device::find;

use super::{AskedWrongly, Failure, with_causes};

/// Look into bundles, check them, begin new ones.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg bundle list bundles/pocket      stages, networks, parameters, bytes
  riveg bundle verify bundles/pocket    hashes, and each network's answer to its self-test
  riveg bundle new --preset riveg-large --random-weights 7 --out bundles/large")]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print stages, networks, parameters and bytes.
    #[command(after_help = "Examples:\n  riveg bundle list bundles/pocket")]
    List {
        /// The bundle's folder.
        folder: PathBuf,
    },
    /// Check every file's hash and ask every network its self-test.
    #[command(after_help = "Examples:\n  riveg bundle verify bundles/pocket --device cuda:0")]
    Verify {
        /// The bundle's folder.
        folder: PathBuf,
        /// Where the networks run: `cpu`, `cuda:0`.
        #[arg(long, default_value = "cpu")]
        device: String,
    },
    /// Write the manifest of a bundle of published sizes, whose weights are drawn at random when it is loaded.
    #[command(
        after_help = "Examples:\n  riveg bundle new --preset riveg-large --random-weights 7 --out large"
    )]
    New {
        /// Which sizes.
        #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(BLANKS))]
        preset: String,
        /// The seed of the weights.
        #[arg(long, value_name = "SEED")]
        random_weights: u64,
        /// In what the networks compute.
        #[arg(long, value_enum, default_value = "f32")]
        precision: Precision,
        /// The folder to write; there must be no bundle in it.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

/// Some networks are not what the manifest says.
#[derive(Debug, thiserror::Error)]
#[error("{failed} of {all} networks failed their self-test")]
struct NotVerified {
    failed: usize,
    all: usize,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.what {
        What::List { folder } => list(folder),
        What::Verify { folder, device } => verify(folder, device),
        What::New { preset, random_weights, precision, out } => new(preset, *random_weights, *precision, out),
    }
}

fn list(folder: &Path) -> Result<(), Failure> {
    let bundle = Bundle::open(folder)?;
    let manifest = bundle.manifest();
    let mut table = format!("{} {}: {}\n", manifest.name, manifest.version, manifest.made);
    let _ = writeln!(table, "hash {}, types {}", bundle.hash(), manifest.entity_types.join(" "));
    let heads = ["stage", "network", "preset", "precision", "parameters", "bytes", "weights"];
    line(&mut table, heads.map(str::to_owned));
    for part in manifest.parts() {
        line(&mut table, row(&bundle, &part)?);
    }
    std::io::stdout().lock().write_all(table.as_bytes())?;
    Ok(())
}

fn row(bundle: &Bundle, part: &Part<'_>) -> Result<[String; 7], Failure> {
    let (bytes, weights) = match part.weights {
        Weights::File { entry, .. } => {
            (ByteSize(bundle.path(entry).metadata()?.len()).to_string(), entry.file.clone())
        }
        Weights::Random { seed } => ("-".to_owned(), format!("drawn from the seed {seed}")),
    };
    Ok([
        part.stage.to_string(),
        part.network.architecture.to_owned(),
        part.network.preset.clone().unwrap_or_else(|| "-".to_owned()),
        format!("{:?}", part.precision).to_lowercase(),
        part.network.parameters.to_string(),
        bytes,
        weights,
    ])
}

fn line(table: &mut String, [stage, network, preset, precision, parameters, bytes, weights]: [String; 7]) {
    // Writing to a string cannot fail.
    let _ = writeln!(
        table,
        "{stage:<11}{network:<17}{preset:<19}{precision:<11}{parameters:>12}{bytes:>12}  {weights}"
    );
}

fn verify(folder: &Path, device: &str) -> Result<(), Failure> {
    let place = find(device)?;
    let bundle = Bundle::open(folder)?;
    let parts = bundle.manifest().parts();
    let mut out = std::io::stdout().lock();
    writeln!(out, "hashes     ok      {}", bundle.hash())?;
    let mut failed = 0;
    for part in &parts {
        let (state, text) = match bundle.verify(part, place) {
            Ok(answer) => ("ok    ", format!("{answer:.4?}")),
            Err(error) => {
                failed += 1;
                ("FAILED", with_causes(&error))
            }
        };
        writeln!(out, "{:<11}{state}  {text}", part.stage.as_str())?;
    }
    match failed {
        0 => Ok(()),
        failed => Err(NotVerified { failed, all: parts.len() }.into()),
    }
}

fn new(preset: &str, seed: u64, precision: Precision, out: &Path) -> Result<(), Failure> {
    if out.join("bundle.toml").exists() {
        return Err(AskedWrongly(format!("there is a bundle in `{}` already", out.display())).into());
    }
    let manifest = blank(preset, precision, seed)
        .ok_or_else(|| AskedWrongly(format!("no bundle is called `{preset}`")))?;
    write_unfilled(out, &manifest)?;
    writeln!(std::io::stdout(), "wrote {}", out.join("bundle.toml").display())?;
    Ok(())
}
