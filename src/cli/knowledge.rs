//! `riveg knowledge`: the examples that questions about posts are shown with.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use tracing::info;

use crate::common::imaging::Workers;
use crate::config::Config;
use crate::engine::runtime::{indexed, open, similar};
use crate::networks::blocks::device::use_threads;
use crate::networks::blocks::remembered::Remembered;
use crate::networks::bundle::Bundle;
use crate::scheduler::Device;
use crate::stages::knowledge::{Example, Examples, Index, PublishedFiles};
use crate::telemetry::Metrics;

use super::{AskedWrongly, Ending, Failure, Settings, run_to_end};

/// Make sets of annotated examples, and say what each example is about.
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
    /// Join the annotations that PGIM's authors publish with the posts that they are of.
    #[command(after_help = "\
Examples:
  riveg knowledge import --annotations PGIM/data/ManualAnnotation/2017/2017train.txt \\
      --posts PGIM/data/data_Baseline/2017/train.txt --captions PGIM/data/ImageCaption/BLIP2_17.txt \\
      --pictures twitter2017_images --out examples.jsonl")]
    Import {
        /// A line with an id, then what was written about that post, and so on.
        #[arg(long, value_name = "FILE")]
        annotations: PathBuf,
        /// Tagged posts: `IMGID:` and an id, a word and its tag a line, an empty line.
        #[arg(long, value_name = "FILE")]
        posts: PathBuf,
        /// A picture's file, ` :` and its caption a line.
        #[arg(long, value_name = "FILE")]
        captions: Option<PathBuf>,
        /// The folder of pictures, `ID.jpg` each.
        #[arg(long, value_name = "DIR")]
        pictures: Option<PathBuf>,
        /// The file of examples to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Ask a bundle's encoder what every example is about, and keep it beside the examples, for finding similar ones.
    ///
    /// Nothing is asked where the vectors that lie there are of these examples and of this encoder.
    #[command(after_help = "\
Examples:
  riveg knowledge index --examples examples.jsonl
  riveg knowledge index --examples examples.jsonl --bundle bundles/mine --set device.name=cuda:0")]
    Index {
        /// The examples, one JSON object a line: `id`, `text`, `caption`, `annotation`, `picture`.
        #[arg(long, value_name = "FILE")]
        examples: PathBuf,
        /// The bundle instead of that of the settings.
        #[arg(long, value_name = "DIR")]
        bundle: Option<PathBuf>,
        #[command(flatten)]
        settings: Settings,
    },
}

pub(super) fn run(arguments: &Arguments, ending: &Ending) -> Result<(), Failure> {
    match &arguments.what {
        What::Import { annotations, posts, captions, pictures, out } => {
            let published = PublishedFiles {
                annotations: annotations.clone(),
                posts: posts.clone(),
                captions: captions.clone(),
                // A path in the file of examples begins at that file's folder.
                pictures: pictures.as_deref().map(std::path::absolute).transpose()?,
            };
            import(&published, out)
        }
        What::Index { examples, bundle, settings } => {
            let config = settings.load()?.config;
            let bundle =
                bundle.as_ref().map_or_else(|| open(&config.bundle), |folder| Bundle::open(folder))?;
            run_to_end(index(examples, &bundle, &config, ending))
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

async fn index(file: &Path, bundle: &Bundle, config: &Config, ending: &Ending) -> Result<(), Failure> {
    let examples = Examples::load(file)?;
    if examples.list.is_empty() {
        return Err(AskedWrongly(format!("there is no example in `{}`", file.display())).into());
    }
    let (encoder, path) = (bundle.retrieve()?.hash(), Index::path(file));
    let stored = match Index::load(&path, &encoder, &examples.hash) {
        Ok(_) => "up to date",
        Err(error) if error.can_be_rebuilt() => {
            info!("asking anew: {error}");
            ask_all(&examples, bundle, config, ending).await?.save(&path, &encoder, &examples.hash)?;
            "written"
        }
        Err(error) => return Err(error.into()),
    };
    let count = examples.list.len();
    writeln!(std::io::stdout(), "{}: {stored}, {count} examples, encoder {encoder}", path.display())?;
    Ok(())
}

async fn ask_all(
    examples: &Examples,
    bundle: &Bundle,
    config: &Config,
    ending: &Ending,
) -> Result<Index, Failure> {
    let mut device = Device::new("riveg-device", Arc::new(Metrics::new()));
    let threads = config.device.threads;
    device.begin_with(move || use_threads(threads));
    // Each example's picture is asked about once: none need be remembered.
    let remembered = Remembered::within(0);
    // What the encoder reads weighs as what the entailer does: a picture and a line of text.
    let asked = similar(bundle, &config.device, config.scheduler.know, &remembered, &mut device)?;
    let device = device.start()?;
    ending.stops(device.stop());
    device.ready().await?;
    let progress = if std::io::stderr().is_terminal() {
        ProgressBar::new(examples.list.len() as u64)
    } else {
        ProgressBar::hidden()
    };
    progress.set_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} examples, {eta} left")?);
    let index = indexed(examples, &asked, &config.decode, &Workers::default(), || progress.inc(1)).await?;
    progress.finish_and_clear();
    Ok(index)
}
