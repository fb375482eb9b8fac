//! Arguments of `riveg eval`.

use std::path::PathBuf;

use crate::cli::{Settings, lexicon};

use super::rule_set::RuleSet;

/// Score the engine: five scores of whole posts, and one of each network on gold input.
///
/// Without --data the posts are those of a split of the pocket world, generated on the fly, with the lexicon of that world.
/// --data names a folder with `feed.jsonl` and `gold.jsonl`, or one in the layout of Twitter-GMNER, Twitter-SMNER or
/// Twitter-2015, or, with --predictions, a file of gold lines as RiVEG's authors publish it, or the output of H-Index. The
/// `lexicon.jsonl` of a folder is used if present. A lexicon in the settings or of --lexicon takes precedence over both.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg eval                                     1,000 posts with names that training never saw
  riveg eval --stages                            the same, and which stage loses most
  riveg eval --report report                     the same, and a page with every error: report/index.html
  riveg eval --no-expansion                      the same without the lexicon
  riveg eval --no-gate                           the same without the entailer
  riveg eval --data twitter-gmner --split test --json scores.json
  riveg eval --data pocket-test --predictions annotations.jsonl --against yesterday.jsonl
  riveg eval --data GMNER_finall_label.txt --predictions OFAVE_to_OFAREC_augment.txt --boxes refcoco_val_predict.json
  riveg eval --data pred_best_model.txt --predictions pred_best_model.txt --rules span     output of H-Index")]
pub struct Arguments {
    /// The folder with posts and gold, or a file of gold lines.
    #[arg(long, value_name = "PATH")]
    pub(super) data: Option<PathBuf>,
    /// The split of the data or of the pocket world.
    #[arg(long, default_value = "test")]
    pub(super) split: String,
    /// The number of posts from the first on [default: all of a folder, 1000 of the world].
    #[arg(long, value_name = "N")]
    pub(super) posts: Option<usize>,
    /// The seed of the pocket world, without --data.
    #[arg(long, default_value_t = 0)]
    pub(super) seed: u64,
    /// Use names and types as phrases, without expansions.
    #[arg(long)]
    pub(super) no_expansion: bool,
    /// Ground every entity in every picture, without the entailer.
    #[arg(long)]
    pub(super) no_gate: bool,
    /// Which answers count as right.
    #[arg(long, value_enum, default_value = "riveg", value_name = "RULES")]
    pub(super) rules: RuleSet,
    /// Take back regions whose `mask_score` is less than this, or whose mask is empty: not depicted.
    #[arg(long, value_name = "SCORE")]
    pub(super) mask_score: Option<f32>,
    /// Score the annotations of this file instead of running the engine: its output, lines of RiVEG's authors, or the output
    /// of H-Index.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["no_expansion", "no_gate", "lexicon"])]
    pub(super) predictions: Option<PathBuf>,
    /// The boxes of lines of RiVEG's authors: the `refcoco_val_predict.json` of their grounder.
    #[arg(long, value_name = "FILE", requires = "predictions")]
    pub(super) boxes: Option<PathBuf>,
    /// Give answers without boxes the gold box of the entity: what tagger and gate reach with a grounder that is always
    /// right.
    #[arg(long, requires = "predictions", conflicts_with = "boxes")]
    pub(super) gold_boxes: bool,
    /// The number of candidate boxes of a picture in the output of H-Index: its `--box_num`.
    #[arg(long, default_value_t = 16, value_name = "N")]
    pub(super) candidates: usize,
    /// Compare with the annotations of this file, and say whether chance explains the difference.
    #[arg(long, value_name = "FILE")]
    pub(super) against: Option<PathBuf>,
    /// The boxes of the lines of --against, as --boxes.
    #[arg(long, value_name = "FILE", requires = "against")]
    pub(super) against_boxes: Option<PathBuf>,
    /// Draws of posts for intervals and comparisons; 0: none.
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    pub(super) draws: u32,
    /// The seed of these draws.
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    pub(super) draw_seed: u64,
    /// Print the scores of each entity type too.
    #[arg(long)]
    pub(super) types: bool,
    /// Print F1 at IoUs from 0.5 to 0.9 too.
    #[arg(long)]
    pub(super) sweep: bool,
    /// Print which stage loses how much of F1 too, and which loses most.
    #[arg(long)]
    pub(super) stages: bool,
    /// Write a page with the figures, and the posts with gold and answers drawn into their pictures, to this new folder.
    #[arg(long, value_name = "DIR")]
    pub(super) report: Option<PathBuf>,
    /// The most posts on that page; those with errors go first.
    #[arg(long, default_value_t = 300, value_name = "N")]
    pub(super) report_posts: usize,
    /// Write all figures to this file as JSON too.
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    #[command(flatten)]
    pub(super) lexicon: lexicon::LexiconArgument,
    #[command(flatten)]
    pub(super) settings: Settings,
}
