//! `riveg knowledge`: imports and indexes the examples for language models.

use std::io::Write;
use std::path::{Path, PathBuf};

use tracing::info;

use crate::common::imaging::Workers;
use crate::config::Config;
use crate::engine::runtime::{index_examples, open, retriever_device};
use crate::networks::bundle::Bundle;
use crate::stages::knowledge::{Example, Examples, Index, PublishedFiles};

use super::{Exit, Failure, Settings, UsageError, progress, run_async};

/// Import annotated examples for language models, and index them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg knowledge import --annotations 2017train.txt --posts train.txt --out examples.jsonl
  riveg knowledge index --examples examples.jsonl")]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Join the annotations published with PGIM with their posts.
    #[command(after_help = "\
Examples:
  riveg knowledge import --annotations PGIM/data/ManualAnnotation/2017/2017train.txt \\
      --posts PGIM/data/data_Baseline/2017/train.txt --captions PGIM/data/ImageCaption/BLIP2_17.txt \\
      --pictures twitter2017_images --out examples.jsonl")]
    Import {
        /// The annotations: a line with an id, then the annotation of that post, and so on.
        #[arg(long, value_name = "FILE")]
        annotations: PathBuf,
        /// Tagged posts: `IMGID:` and an id, one word and its tag a line, an empty line.
        #[arg(long, value_name = "FILE")]
        posts: PathBuf,
        /// Captions: the file of a picture, ` :` and its caption a line.
        #[arg(long, value_name = "FILE")]
        captions: Option<PathBuf>,
        /// The folder of pictures, `ID.jpg` each.
        #[arg(long, value_name = "DIR")]
        pictures: Option<PathBuf>,
        /// The file of examples to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Encode every example with the retriever of a bundle, and store the vectors beside the examples.
    ///
    /// Vectors that were made of these examples by this retriever are not computed again.
    #[command(after_help = "\
Examples:
  riveg knowledge index --examples examples.jsonl
  riveg knowledge index --examples examples.jsonl --bundle bundles/mine --set device.name=cuda:0")]
    Index {
        /// The examples, one JSON object a line: `id`, `text`, `caption`, `annotation`, `picture`.
        #[arg(long, value_name = "FILE")]
        examples: PathBuf,
        /// The bundle, instead of that of the settings.
        #[arg(long, value_name = "DIR")]
        bundle: Option<PathBuf>,
        #[command(flatten)]
        settings: Settings,
    },
}

pub(super) fn run(arguments: &Arguments, exit: &Exit) -> Result<(), Failure> {
    match &arguments.what {
        What::Import { annotations, posts, captions, pictures, out } => {
            let published = PublishedFiles {
                annotations: annotations.clone(),
                posts: posts.clone(),
                captions: captions.clone(),
                // Relative paths in the file of examples start at its folder.
                pictures: pictures.as_deref().map(std::path::absolute).transpose()?,
            };
            import(&published, out)
        }
        What::Index { examples, bundle, settings } => {
            let config = settings.load()?.config;
            let bundle = bundle.as_ref().map_or_else(|| open(&config), |folder| Bundle::open(folder))?;
            run_async(index(examples, &bundle, &config, exit))
        }
    }
}

fn import(published: &PublishedFiles, out: &Path) -> Result<(), Failure> {
    let examples = published.examples()?;
    Example::write(&examples, out)?;
    let with = |has: fn(&Example) -> bool| examples.iter().filter(|example| has(example)).count();
    let captions = with(|example| !example.caption.is_empty());
    let pictures = with(|example| example.picture.is_some());
    writeln!(
        std::io::stdout(),
        "{} examples, {captions} with captions, {pictures} with pictures, in {}",
        examples.len(),
        out.display()
    )?;
    Ok(())
}

async fn index(file: &Path, bundle: &Bundle, config: &Config, exit: &Exit) -> Result<(), Failure> {
    let examples = Examples::load(file)?;
    if examples.list.is_empty() {
        return Err(UsageError(format!("there is no example in `{}`", file.display())).into());
    }
    let (encoder, path) = (bundle.retrieve()?.hash(), Index::path(file));
    let stored = match Index::load(&path, &encoder, &examples.hash) {
        Ok(_) => "up to date",
        Err(error) if error.can_be_rebuilt() => {
            info!("asking anew: {error}");
            index_all(&examples, bundle, config, exit).await?.save(&path, &encoder, &examples.hash)?;
            "written"
        }
        Err(error) => return Err(error.into()),
    };
    let count = examples.list.len();
    writeln!(std::io::stdout(), "{}: {stored}, {count} examples, encoder {encoder}", path.display())?;
    Ok(())
}

async fn index_all(
    examples: &Examples,
    bundle: &Bundle,
    config: &Config,
    exit: &Exit,
) -> Result<Index, Failure> {
    let (device, encoder) = retriever_device(bundle, config)?;
    let device = device.start()?;
    exit.add_device(device.stop());
    device.ready().await?;
    let bar = progress::bar(examples.list.len() as u64, "{wide_bar} {pos}/{len} examples, {eta} left");
    let index =
        index_examples(examples, &encoder, &config.decode, &Workers::default(), || bar.inc(1)).await?;
    bar.finish_and_clear();
    Ok(index)
}
