//! Tables of bundles for people: the stages of one, and what an import did.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use bytesize::ByteSize;
use serde_json::{Value, json};

use super::Failure;
use super::output_format::print_json;
use crate::domain::Stage;
use crate::networks::bundle::{Bundle, Imported, Part, Weights};

/// Prints a bundle's stages, networks, parameters and bytes.
pub(super) fn list(folder: &Path, is_json: bool) -> Result<(), Failure> {
    let bundle = Bundle::open(folder)?;
    let manifest = bundle.manifest();
    if is_json {
        let stages: Vec<Value> =
            manifest.parts().iter().map(|part| stage(&bundle, part)).collect::<Result<_, _>>()?;
        return print_json(&json!({
            "name": manifest.name,
            "version": manifest.version,
            "made": manifest.made,
            "hash": bundle.hash(),
            "types": manifest.entity_types,
            "stages": stages,
        }));
    }
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

/// One stage for programs.
fn stage(bundle: &Bundle, part: &Part<'_>) -> Result<Value, Failure> {
    let (bytes, file, seed) = match part.weights {
        Weights::File { entry, .. } => {
            (Some(bundle.path(entry).metadata()?.len()), Some(entry.file.as_str()), None)
        }
        Weights::Random { seed } => (None, None, Some(seed)),
    };
    Ok(json!({
        "stage": part.stage.as_str(),
        "network": part.network.architecture,
        "preset": part.network.preset,
        "precision": format!("{:?}", part.precision).to_lowercase(),
        "parameters": part.network.parameters,
        "bytes": bytes,
        "weights": file,
        "seed": seed,
    }))
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
        "{stage:<11}{network:<19}{preset:<35}{precision:<11}{parameters:>12}{bytes:>12}  {weights}"
    );
}

/// What was imported, for people.
pub(super) fn imported_text(stage: Stage, Imported { report, notes }: &Imported) -> String {
    let mut text = format!("{stage}: {} tensors, {}\n", report.kept.len(), ByteSize(report.bytes));
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for dropped in &report.dropped {
        *reasons.entry(dropped.reason.as_str()).or_default() += 1;
    }
    for (reason, count) in reasons {
        let _ = writeln!(text, "left out {count}: {reason}"); // writing to a string cannot fail
    }
    for note in notes {
        let _ = writeln!(text, "{note}");
    }
    text
}
