//! Outcome of a demonstration: scores, report and contact sheet from the records that were read back.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::super::Failure;
use super::cards;
use super::exchange::Exchange;
use super::posts::Posts;
use super::report::{CacheReport, EndpointReport, Quantiles, QuestionReport, Report, StageReport};
use crate::common::cache::CacheCounts;
use crate::config::Config;
use crate::domain::{Annotation, Stage};
use crate::engine::runtime::Runtime;
use crate::engine::{Annotator, decoder};
use crate::kafka::publish::formats::reader;
use crate::lab::contact_sheet;
use crate::lab::dataset::{GoldPost, PredictedMention};
use crate::lab::eval::{Rules, Scores};
use crate::llm::answers::Kind;
use crate::networks::bundle::Bundle;
use crate::telemetry::{AnswerSource, AnswerTier, Metrics};

/// The posts of a demonstration, and the engine that annotates them.
pub(super) struct DemoRun<'a> {
    pub(super) out: &'a Path,
    pub(super) seed: Option<u64>,
    pub(super) bundle: &'a Bundle,
    pub(super) config: &'a Config,
    pub(super) posts: &'a Posts,
    pub(super) annotator: &'a Annotator,
}

/// Pictures that each network has computed.
pub(super) struct PicturesRead {
    entail: u64,
    ground: u64,
    segment: u64,
}

impl PicturesRead {
    pub(super) fn so_far(runtime: &Runtime) -> Self {
        let runs = &runtime.picture_runs;
        Self { entail: runs.entail.get(), ground: runs.ground.get(), segment: runs.segment.get() }
    }
}

impl DemoRun<'_> {
    /// Prints the table and writes `annotations.jsonl`, `report.json` and `contact-sheet.png`. `warm` are the pictures that
    /// the networks had computed before the first post.
    pub(super) async fn finish(
        &self,
        warm: &PicturesRead,
        exchange: &Exchange,
        posts_under_way: usize,
    ) -> Result<(), Failure> {
        let (annotations, posts) = (self.annotations(exchange)?, self.posts.examples.len());
        // The demonstration uses no examples, so the retriever has no requests.
        let stages = self.annotator.metrics().stage_summaries();
        let stages = stages.iter().filter(|summary| summary.stage != Stage::Retrieve);
        let figures = Report {
            posts,
            rejected: exchange.rejected.len(),
            seconds: hundredths(exchange.took.as_secs_f64()),
            posts_per_second: hundredths(posts as f64 / exchange.took.as_secs_f64()),
            posts_under_way,
            end_to_end: Quantiles::of(&exchange.end_to_end),
            stages: stages.map(StageReport::from).collect(),
            caches: caches(self.annotator, warm),
            questions: questions(self.annotator),
            language_models: endpoints(self.annotator, posts),
            scores: self.posts.have_gold.then(|| self.scores(&annotations)),
            bundle: self.bundle_name(),
            device: self.config.device.name.to_string(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            seed: self.seed,
        };
        let (sheet, not_drawn) = self.write_sheet(&annotations).await?;
        let files = [
            ("annotations", self.write("annotations.jsonl", &self.lines(exchange))?),
            (
                "figures",
                self.write("report.json", format!("{:#}\n", serde_json::to_value(&figures)?).as_bytes())?,
            ),
            ("contact sheet", sheet),
        ];
        let mut out = io::stdout().lock();
        writeln!(out, "\n{figures}")?;
        for (id, reason) in exchange.rejected.iter().take(3) {
            writeln!(out, "rejected      {id}: {reason}")?;
        }
        for (what, file) in files {
            writeln!(out, "{what:<14}{}", file.display())?;
        }
        if not_drawn > 0 {
            writeln!(out, "{:<14}{not_drawn} posts whose pictures could not be read again", "not on it")?;
        }
        Ok(())
    }

    /// The annotations by the post's id.
    fn annotations(&self, exchange: &Exchange) -> Result<HashMap<String, Annotation>, Failure> {
        let read = |(id, value): (&String, &Vec<u8>)| {
            reader::read(value)
                .map(|read| (read.annotated.post_id, read.annotated.annotation))
                .map_err(|error| format!("the answer to post `{id}` cannot be read: {error}").into())
        };
        exchange.answers.iter().map(read).collect()
    }

    fn scores(&self, annotations: &HashMap<String, Annotation>) -> Scores {
        let predicted = |gold: &GoldPost| {
            annotations.get(&gold.id).map(PredictedMention::from_annotation).unwrap_or_default()
        };
        let judged: Vec<(&GoldPost, Vec<PredictedMention>)> =
            self.posts.examples.iter().map(|post| (&post.gold, predicted(&post.gold))).collect();
        let judged = judged.iter().map(|(gold, predicted)| (*gold, predicted.as_slice()));
        Scores::count(judged, Rules::default())
    }

    /// The unchanged output records in the order of the posts.
    fn lines(&self, exchange: &Exchange) -> Vec<u8> {
        let answers = self.posts.examples.iter().filter_map(|post| exchange.answers.get(&post.gold.id));
        answers.flat_map(|line| line.iter().copied().chain([b'\n'])).collect()
    }

    /// Returns its file, and the number of posts that it lacks: pictures of a file of posts may be gone meanwhile.
    async fn write_sheet(
        &self,
        annotations: &HashMap<String, Annotation>,
    ) -> Result<(PathBuf, usize), Failure> {
        let decoder = decoder(self.config, &Metrics::new())?;
        let (posts, have_gold) = (&self.posts.examples, self.posts.have_gold);
        let is_telling = |gold: &GoldPost| match annotations.get(&gold.id) {
            _ if have_gold => cards::is_telling(gold),
            answer => answer.is_some_and(cards::is_telling_answer),
        };
        let telling: Vec<bool> = posts.iter().map(|post| is_telling(&post.gold)).collect();
        let (mut cards, mut not_drawn) = (Vec::new(), 0);
        for number in cards::choose(&telling) {
            let gold = &posts[number].gold;
            let answer = annotations.get(&gold.id);
            match decoder.decode(Bytes::copy_from_slice(&posts[number].record)).await {
                Ok(post) if have_gold => cards.push(cards::scored_card(post.clone(), gold, answer)),
                Ok(post) => cards.push(cards::card(post.clone(), answer)),
                Err(rejection) if have_gold => return Err(rejection.into()),
                Err(_) => not_drawn += 1,
            }
        }
        let types = self.bundle.manifest().entity_types.clone();
        let page = cards::sheet(cards, types, (posts.len(), &self.posts.source, &self.bundle_name()));
        let file = self.out.join("contact-sheet.png");
        contact_sheet::draw(&page)
            .write_png(&file)
            .map_err(|error| format!("failed to write `{}`: {error}", file.display()))?;
        Ok((file, not_drawn))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Failure> {
        let file = self.out.join(name);
        fs::write(&file, bytes).map_err(|error| format!("failed to write `{}`: {error}", file.display()))?;
        Ok(file)
    }

    /// Name, version and the beginning of the hash.
    fn bundle_name(&self) -> String {
        let (manifest, hash) = (self.bundle.manifest(), self.bundle.hash());
        format!("{} {} ({})", manifest.name, manifest.version, hash.get(..12).unwrap_or(hash))
    }
}

/// Rounds to two decimals.
fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// Where the answers to questions about names came from; none if nobody was asked.
fn questions(annotator: &Annotator) -> Option<QuestionReport> {
    let answers = annotator.metrics().answers();
    let from = |source| answers.questions(Kind::Expansion.as_str(), source);
    let remembered = AnswerTier::ALL.map(|tier| from(AnswerSource::Tier(tier))).iter().sum();
    let joined = from(AnswerSource::Joined) + from(AnswerSource::Leased);
    let (answered, failed) = (from(AnswerSource::Made), from(AnswerSource::Failed));
    let asked = remembered + joined + answered + failed;
    (asked > 0).then_some(QuestionReport { asked, remembered, joined, answered, failed })
}

/// What the language models were asked.
fn endpoints(annotator: &Annotator, posts: usize) -> Vec<EndpointReport> {
    let usage = annotator.endpoints().usage().into_iter();
    usage.map(|(name, model, usage)| EndpointReport::new(name, model, usage.per_post(posts as u64))).collect()
}

fn caches(annotator: &Annotator, warm: &PicturesRead) -> Vec<CacheReport> {
    let pipeline = &annotator.runtime().pipeline;
    let shared = |name, counts: CacheCounts| {
        CacheReport::with_misses(name, counts.hits + counts.joined + counts.misses, counts.misses)
    };
    let stages = annotator.metrics().stage_summaries();
    let asked = |stage: Stage| {
        stages.iter().find(|summary| summary.stage == stage).map_or(0, |summary| summary.requests)
    };
    let read = PicturesRead::so_far(annotator.runtime());
    let frames = annotator.decoder().frame_counts();
    vec![
        CacheReport::with_misses("pictures decoded", frames.hits + frames.misses, frames.misses),
        shared("pictures scaled", pipeline.pictures.counts()),
        CacheReport::with_misses("entailer's trunk", asked(Stage::Entail), read.entail - warm.entail),
        CacheReport::with_misses("grounder's trunk", asked(Stage::Ground), read.ground - warm.ground),
        CacheReport::with_misses("encoded pictures", asked(Stage::Segment), read.segment - warm.segment),
    ]
}
