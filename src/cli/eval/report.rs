//! Report of an evaluation as a folder: `index.html`, and the pictures of the posts that it shows.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use tracing::warn;

use crate::cli::{Failure, progress, run_async, with_causes};
use crate::common::imaging::resample::{Filter, resize_rgb};
use crate::config::Config;
use crate::domain::Media;
use crate::engine::decoder;
use crate::input::decode::Decoder;
use crate::lab::eval::{Rules, judge};
use crate::lab::eval_report::{Card, Content, IMAGES, Picture, page};
use crate::telemetry::Metrics;

use super::answers::Answers;
use super::figures::Figures;
use super::posts::Posts;

/// The longest side of a picture in the report: cards are narrower.
const LONGEST_SIDE: u32 = 800;

/// The quality of its JPEG files.
const QUALITY: u8 = 85;

/// Where a report goes, and what it says of the run.
pub(super) struct Destination<'a> {
    pub(super) folder: &'a Path,
    /// The most posts that are shown.
    pub(super) most: usize,
    pub(super) subtitle: String,
}

/// Writes the report; returns the page's path.
pub(super) fn write(
    to: &Destination<'_>,
    (posts, answers): (&Posts, &Answers),
    (figures, rules): (&Figures, Rules),
    mut config: Config,
) -> Result<PathBuf, Failure> {
    let failed = |file: &Path, error: std::io::Error| -> Failure {
        format!("failed to write `{}`: {error}", file.display()).into()
    };
    let images = to.folder.join(IMAGES);
    fs::create_dir_all(&images).map_err(|error| failed(&images, error))?;
    if let Some(folder) = posts.folder() {
        config.fetch.file_root = fs::canonicalize(folder)?;
    }
    let score = figures.scores.strictest();
    let judged = answers.posts.iter().map(|(gold, predicted)| judge(gold, predicted, rules, score));
    let mut judged: Vec<_> = judged.enumerate().collect();
    // Posts with errors are what a report is read for.
    judged.sort_by_key(|(_, pairs)| pairs.iter().all(|pair| pair.fault.is_none()));
    judged.truncate(to.most);
    let decoder = decoder(&config, &Metrics::new())?;
    let cards = run_async(async {
        let bar = progress::bar(judged.len() as u64, "{wide_bar} {pos}/{len} posts of the report");
        let mut cards = Vec::with_capacity(judged.len());
        for (index, pairs) in judged {
            let (gold, predicted) = answers.posts[index].clone();
            let pictures = pictures(posts, index, &decoder, &images).await?;
            cards.push(Card { gold, predicted, pairs, pictures });
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(cards)
    })?;
    let content = Content {
        title: "riveg eval".to_owned(),
        subtitle: to.subtitle.clone(),
        scores: figures.scores,
        intervals: figures.intervals,
        types: figures.types.clone(),
        sweep: figures.sweep.clone(),
        lost: figures.lost.clone(),
        cards,
        posts: answers.posts.len(),
    };
    let file = to.folder.join("index.html");
    fs::write(&file, page(&content)).map_err(|error| failed(&file, error))?;
    Ok(file)
}

/// The pictures of a post as files; none, with a warning, if they cannot be read.
async fn pictures(
    posts: &Posts,
    index: usize,
    decoder: &Decoder,
    images: &Path,
) -> Result<Vec<Picture>, Failure> {
    let Some(example) = posts.example(index).await? else { return Ok(Vec::new()) };
    let post = match decoder.decode(example.record.into()).await {
        Ok(post) => post,
        Err(rejection) => {
            warn!(post = example.gold.id, fault = rejection.to_string(), "shown without its pictures");
            return Ok(Vec::new());
        }
    };
    let mut written = Vec::new();
    let mut keys = BTreeSet::new();
    for media in post.media.iter().filter(|media| keys.insert(media.key.clone())) {
        let jpeg = jpeg(media).map_err(|error| {
            format!("failed to compress a picture of post `{}`: {}", post.id, with_causes(&error))
        })?;
        // Equal pictures are one file, and no name of a feed becomes a name of a file.
        let file = format!("{}.jpg", &blake3::hash(&jpeg).to_hex()[..16]);
        let path = images.join(&file);
        fs::write(&path, jpeg).map_err(|error| format!("failed to write `{}`: {error}", path.display()))?;
        let (width, height) = (media.frame.width, media.frame.height);
        written.push(Picture { key: media.key.clone(), width, height, file });
    }
    Ok(written)
}

fn jpeg(media: &Media) -> Result<Vec<u8>, image::ImageError> {
    let size = (media.frame.width, media.frame.height);
    let longest = size.0.max(size.1);
    let scaled =
        |side: u32| (u64::from(side) * u64::from(LONGEST_SIDE) / u64::from(longest.max(1))).max(1) as u32;
    let to = if longest > LONGEST_SIDE { (scaled(size.0), scaled(size.1)) } else { size };
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    encoder.encode(
        &resize_rgb(&media.frame.rgb, size, to, Filter::Bicubic),
        to.0,
        to.1,
        ExtendedColorType::Rgb8,
    )?;
    Ok(bytes)
}
