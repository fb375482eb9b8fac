//! Command `riveg bundle`: lists, verifies and creates bundles; [`fetch`] downloads them.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use crate::domain::Stage;
use crate::engine::runtime::check_vocabulary;
use crate::networks::blocks::device::find;
use crate::networks::bundle::{
    Bundle, GivenLabels, Import, Precision, TypeMap, presets, stage_template, template, templates,
    write_unfilled,
};
use crate::networks::checkpoint::Float;

use super::bundle_tables::{imported_text, list};
use super::output_format::FormatArgument;
use super::{Failure, UsageError, fetch, with_causes};

/// Look into bundles, check them, begin new ones.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg bundle list bundles/pocket      stages, networks, parameters, bytes
  riveg bundle verify bundles/pocket    hashes, and each network's answer to its self-test
  riveg bundle fetch tweets-light --out bundles/light
  riveg bundle import --stage segment --from sam_vit_b_01ec64.pth --preset sam-vit-b --out bundles/mine
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
        #[command(flatten)]
        format: FormatArgument,
    },
    /// Check every file's hash and ask every network its self-test.
    #[command(after_help = "Examples:\n  riveg bundle verify bundles/pocket --device cuda:0")]
    Verify {
        /// The bundle's folder.
        folder: PathBuf,
        /// Where the networks run: `cpu`, `cuda:0`.
        #[arg(long, default_value = "cpu")]
        device: String,
        /// What all networks compute in, instead of what the manifest says.
        #[arg(long, value_enum)]
        precision: Option<Precision>,
        #[command(flatten)]
        format: FormatArgument,
    },
    /// Bring a published checkpoint into a bundle, which is begun where there is none. Of pickles nothing is run.
    #[command(after_help = "\
Examples:
  riveg bundle import --stage segment --from sam_vit_h_4b8939.pth --preset sam-vit-h --out bundles/mine
  riveg bundle import --stage segment --from models/sam-vit-base --out bundles/mine
  riveg bundle import --stage ground --from refcoco_large_best.pt --preset ofa-large \\
      --tokenizer OFA/utils/BPE --store f16 --out bundles/mine
  riveg bundle import --stage entail --from snli_ve_large_best.pt --preset ofa-large --recipe ofa-snli-ve \\
      --tokenizer OFA/utils/BPE --out bundles/mine
  riveg bundle import --stage entail --from albef_ve.pth --preset albef-base --tokenizer bert-base-uncased --out mine")]
    Import {
        /// For which stage.
        #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(Stage::ALL.map(Stage::as_str)))]
        stage: String,
        /// The published file: safetensors, a file of torch.save, or the index of several. Or a folder of Hugging Face:
        /// its `config.json` gives the dimensions, and its vocabulary is taken where none is given.
        #[arg(long, value_name = "PATH")]
        from: PathBuf,
        /// The published size.
        #[arg(long)]
        preset: Option<String>,
        /// The recipe of the network's training: its question, and how phrases read. `riveg`: fine-tuned with the code of
        /// RiVEG's authors; `ofa-snli-ve`, `ofa-snli-ve-plain`, `ofa-refcoco`, `albef-snli-ve`, `seqtr-refcoco`,
        /// `grounding-dino`: as published [default: the question of the published network, phrases unchanged].
        #[arg(long, value_name = "NAME")]
        recipe: Option<String>,
        /// A dimension that differs from the preset's; may be given several times.
        #[arg(long, value_name = "KEY=VALUE")]
        network: Vec<String>,
        /// Anything else of the stage, such as `prompt` or `threshold`; may be given several times.
        #[arg(long, value_name = "KEY=VALUE")]
        set: Vec<String>,
        /// The network's vocabulary as it was published, a folder or its files: `tokenizer.json`; for OFA fairseq's
        /// `dict.txt`, `encoder.json` and `vocab.bpe`, or Hugging Face's `vocab.json` and `merges.txt`; for BERT and
        /// ALBEF `vocab.txt`; for XLM-R `sentencepiece.bpe.model`; for SeqTR `token_to_ix.pkl`, or a list of its words, one
        /// a line. May be given several times.
        #[arg(long, value_name = "PATH")]
        tokenizer: Vec<PathBuf>,
        /// A tagger's entity types in the order of its labels, where no `config.json` beside the file names the labels:
        /// `LOC,ORG,OTHER,PER` for taggers of RiVEG and PGIM.
        #[arg(long, value_name = "TYPES", value_delimiter = ',')]
        types: Vec<String>,
        /// All labels of a tagger by row, such as `O,B-PER,I-PER`; instead of those in `config.json`.
        #[arg(long, value_name = "LABELS", value_delimiter = ',', conflicts_with = "types")]
        labels: Vec<String>,
        /// The types of entities by those of labels: `keep`, `gmner` (names of known data sets become LOC, ORG, OTHER and
        /// PER), or `FROM=TO`, with `O` for no entity. May be given several times. [default: keep]
        #[arg(long, value_name = "MAP", value_delimiter = ',')]
        type_map: Vec<String>,
        /// In what the weights are stored [default: as published].
        #[arg(long, value_enum)]
        store: Option<Precision>,
        /// The bundle's folder.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Download published networks by a recipe, verify them, and make a bundle of them.
    #[command(after_help = "\
Examples:
  riveg bundle fetch tweets-light --out bundles/light
  riveg bundle fetch paper --from recognise=best_model.pth --out bundles/paper
  riveg bundle fetch my-recipe.toml --token '${file:/run/secrets/hub}' --out bundles/mine")]
    Fetch(fetch::Arguments),
    /// Print the recipes that ship: networks, sizes, licences.
    #[command(after_help = "Examples:\n  riveg bundle recipes")]
    Recipes,
    /// Write the manifest of a bundle of published sizes, whose weights are drawn at random when it is loaded.
    #[command(after_help = "\
Examples:
  riveg bundle new --preset riveg-large --random-weights 7 --out bundles/large
  riveg bundle new --stage ground --preset seqtr-refcoco --random-weights 7 --out bundles/seqtr")]
    New {
        /// Which sizes: riveg-base or riveg-large, or with --stage a published network.
        #[arg(long)]
        preset: String,
        /// Of this stage alone, to be taken from there by other bundles.
        #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(Stage::WITH_RETRIEVAL.map(Stage::as_str)))]
        stage: Option<String>,
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
        What::List { folder, format } => list(folder, format.is_json()),
        What::Verify { folder, device, precision, format } => {
            verify(folder, (device, *precision), format.is_json())
        }
        What::Import {
            stage,
            from,
            preset,
            recipe,
            network,
            set,
            tokenizer,
            types,
            labels,
            type_map,
            store,
            out,
        } => {
            let stored = store.map(|store| match store {
                Precision::F32 => Float::F32,
                Precision::F16 => Float::F16,
                Precision::Bf16 => Float::Bf16,
            });
            let import = Import {
                stage: stage_named(stage)?,
                from: from.clone(),
                preset: preset.clone(),
                recipe: recipe.clone(),
                network: values(network)?,
                tokenizer: tokenizer.clone(),
                stored,
                labels: GivenLabels {
                    types: types.clone(),
                    labels: labels.clone(),
                    map: TypeMap::parse(type_map).map_err(UsageError)?,
                },
                settings: values(set)?,
            };
            import_into(&import, out)
        }
        What::Fetch(arguments) => fetch::run(arguments),
        What::Recipes => fetch::recipes(),
        What::New { preset, stage, random_weights, precision, out } => {
            let stage = stage.as_ref().map(|stage| stage_named(stage)).transpose()?;
            new((stage, preset), *random_weights, *precision, out)
        }
    }
}

fn stage_named(name: &str) -> Result<Stage, UsageError> {
    let known = Stage::WITH_RETRIEVAL.into_iter().find(|known| known.as_str() == name);
    known.ok_or_else(|| UsageError(format!("no stage is called `{name}`")))
}

fn verify(
    folder: &Path,
    (device, precision): (&str, Option<Precision>),
    is_json: bool,
) -> Result<(), Failure> {
    let place = find(device)?;
    let bundle = Bundle::open(folder)?;
    // Only there is what is missing told: a bundle that is being put together can be opened.
    bundle.proposals()?;
    let bundle = precision.into_iter().fold(bundle, Bundle::all_in_precision);
    let parts = bundle.manifest().parts();
    let mut out = std::io::stdout().lock();
    if !is_json {
        writeln!(out, "hashes     ok      {}", bundle.hash())?;
    }
    let (mut failed, mut stages) = (0, Vec::new());
    for part in &parts {
        let text = check_vocabulary(&bundle, part)
            .map_err(|error| with_causes(&error))
            .and_then(|()| bundle.verify(part, place).map_err(|error| with_causes(&error)));
        let (state, text) = match text {
            Ok(answer) => ("ok    ", format!("{answer:.4?}")),
            Err(fault) => {
                failed += 1;
                ("FAILED", fault)
            }
        };
        let stage = part.stage.as_str();
        if is_json {
            let state = state.trim_end().to_ascii_lowercase();
            stages.push(json!({ "stage": stage, "state": state, "found": text }));
        } else {
            writeln!(out, "{stage:<11}{state}  {text}")?;
        }
    }
    if is_json {
        writeln!(out, "{:#}", json!({ "hash": bundle.hash(), "stages": stages }))?;
    }
    match failed {
        0 => Ok(()),
        failed => Err(NotVerified { failed, all: parts.len() }.into()),
    }
}

fn import_into(import: &Import, out: &Path) -> Result<(), Failure> {
    let text = imported_text(import.stage, &import.run(out)?);
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}

/// `key=value` as TOML; what is no TOML is a string.
fn values(given: &[String]) -> Result<toml::Table, UsageError> {
    let one = |text: &String| {
        let (key, value) = text
            .split_once('=')
            .ok_or_else(|| UsageError(format!("`{text}` is not of the form key=value")))?;
        let read = format!("value = {value}")
            .parse::<toml::Table>()
            .ok()
            .and_then(|mut table| table.remove("value"));
        Ok((key.to_owned(), read.unwrap_or_else(|| value.into())))
    };
    given.iter().map(one).collect()
}

fn new(
    (stage, preset): (Option<Stage>, &str),
    seed: u64,
    precision: Precision,
    out: &Path,
) -> Result<(), Failure> {
    if out.join("bundle.toml").exists() {
        return Err(UsageError(format!("there is a bundle in `{}` already", out.display())).into());
    }
    let (manifest, known) = match stage {
        Some(stage) => (stage_template(stage, preset, precision, seed), presets(stage)),
        None => (template(preset, precision, seed), templates()),
    };
    let unknown = || format!("no preset is called `{preset}`; there are `{}`", known.join("`, `"));
    let manifest = manifest.ok_or_else(|| UsageError(unknown()))?;
    write_unfilled(out, &manifest)?;
    writeln!(std::io::stdout(), "wrote {}", out.join("bundle.toml").display())?;
    Ok(())
}
