//! `riveg eval`: scores annotations against gold.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use serde_json::json;

use crate::lab::dataset::predictions::{self, AnswerFiles};
use crate::lab::dataset::{GoldPost, PredictedMention};
use crate::lab::eval::{Comparison, Resampling, Rules, with_gold_boxes, without_doubtful_masks};

use super::new_folder::must_be_empty;
use super::{Exit, Failure, UsageError};

mod arguments;
mod answers;
mod figures;
mod judge;
mod posts;
mod report;
mod rule_set;
#[cfg(test)]
mod tests;

use answers::Answers;
use figures::{Figures, Tables};
use posts::{Posts, Wanted};
use report::Destination;
use rule_set::RuleSet;

pub(super) use arguments::Arguments;
pub(super) use judge::as_mention;
pub(super) use posts::folder_lexicon;

pub(super) fn run(arguments: &Arguments, exit: &Exit) -> Result<(), Failure> {
    let rules = arguments.rules.rules();
    if let Some(folder) = &arguments.report {
        must_be_empty(folder)?;
    }
    let mut posts = Posts::of(&Wanted {
        data: arguments.data.as_deref(),
        split: &arguments.split,
        posts: arguments.posts,
        seed: arguments.seed,
        candidates: arguments.candidates,
        pictures: arguments.predictions.is_none(),
    })?;
    let began = Instant::now();
    let Arguments { candidates, .. } = *arguments;
    let read = |answers: Option<&Path>, boxes: Option<&Path>| {
        let files = answers.map(|answers| AnswerFiles { answers, boxes, candidates });
        files.map(|files| predictions::read_about(files, || posts.all_gold())).transpose()
    };
    let said = read(arguments.predictions.as_deref(), arguments.boxes.as_deref())?;
    let against = read(arguments.against.as_deref(), arguments.against_boxes.as_deref())?;
    said.iter().chain(&against).for_each(|answers| posts.add_posts_of(answers));
    let mut answers = match said {
        Some(said) => answers::of_predictions(&posts, said),
        None => answers::of_engine(&posts, arguments, rules, exit)?,
    };
    let seconds = began.elapsed().as_secs_f64();
    complete(&mut answers, arguments);
    let answered = pairs(&answers);
    places_known(arguments, &answered)?;
    let resampling = Resampling { draws: arguments.draws, seed: arguments.draw_seed };
    let mut figures = Figures::of(&answered, rules, resampling);
    figures.stages = answers.stages;
    if let Some(other) = against {
        let other = answers::of_predictions(&posts, other);
        figures.against = Some(compared(&answered, other, (arguments, rules, resampling))?);
    }
    let mut out = std::io::stdout().lock();
    let (count, missing) = (answers.posts.len(), answers.missing);
    writeln!(out, "{count} posts, {missing} of them without an annotation, in {seconds:.1} s\n")?;
    let Arguments { types, sweep, stages, .. } = *arguments;
    figures.print(Tables { types, sweep, stages }, &mut out)?;
    if let Some(folder) = &arguments.report {
        let to =
            Destination { folder, most: arguments.report_posts, subtitle: subtitle(arguments, &answers) };
        let config = arguments.settings.load()?.config;
        let page = report::write(&to, (&posts, &answers), (&figures, rules), config)?;
        writeln!(out, "\nreport: {}", page.display())?;
    }
    if let Some(file) = &arguments.json {
        write_json(file, arguments, &answers, (seconds, &figures))?;
    }
    Ok(())
}

/// What was scored, in one line of the report.
fn subtitle(arguments: &Arguments, answers: &Answers) -> String {
    let data = match &arguments.data {
        Some(data) => format!("{} of `{}`", arguments.split, data.display()),
        None => format!("{} of the pocket world, seed {}", arguments.split, arguments.seed),
    };
    let of = match (&arguments.predictions, &answers.bundle) {
        (Some(file), _) => format!("predictions `{}`", file.display()),
        (None, bundle) => format!("bundle {}", bundle.as_deref().unwrap_or_default()),
    };
    format!("{} posts, {data}; {of}; rules {}", answers.posts.len(), arguments.rules.as_str())
}

/// Changes answers as the arguments say before they are scored.
fn complete(answers: &mut Answers, arguments: &Arguments) {
    if arguments.gold_boxes {
        answers.posts.iter_mut().for_each(|(gold, predicted)| with_gold_boxes(gold, predicted));
    }
    if let Some(least) = arguments.mask_score {
        answers.posts.iter_mut().for_each(|(_, predicted)| without_doubtful_masks(predicted, least));
    }
}

fn pairs(answers: &Answers) -> Vec<(&GoldPost, &[PredictedMention])> {
    answers.posts.iter().map(|(gold, predicted)| (gold, predicted.as_slice())).collect()
}

/// Names without places cannot be matched by place: every score would be 0.
fn places_known(arguments: &Arguments, posts: &[(&GoldPost, &[PredictedMention])]) -> Result<(), UsageError> {
    let by_name_alone = posts.iter().any(|(gold, predicted)| {
        gold.mentions.iter().any(|mention| mention.span.is_none())
            || predicted.iter().any(|mention| mention.span.is_none())
    });
    if arguments.rules == RuleSet::Span && by_name_alone {
        let message = "`--rules span` matches by place in the text, and these files have names alone; use `riveg` or `paper`";
        return Err(UsageError(message.to_owned()));
    }
    Ok(())
}

/// The scores beside those of other answers to the same posts.
fn compared(
    answered: &[(&GoldPost, &[PredictedMention])],
    mut other: Answers,
    (arguments, rules, resampling): (&Arguments, Rules, Resampling),
) -> Result<Comparison, UsageError> {
    complete(&mut other, arguments);
    let other = pairs(&other);
    places_known(arguments, &other)?;
    Ok(Comparison::of(&figures::of_posts(answered, rules), &figures::of_posts(&other, rules), resampling))
}

fn write_json(
    file: &Path,
    arguments: &Arguments,
    answers: &Answers,
    (seconds, figures): (f64, &Figures),
) -> Result<(), Failure> {
    let run = json!({
        "posts": answers.posts.len(),
        "missing": answers.missing,
        "seconds": seconds,
        "bundle": answers.bundle,
        "expansion": !arguments.no_expansion,
        "gate": !arguments.no_gate,
        "gold_boxes": arguments.gold_boxes,
        "rules": arguments.rules.as_str(),
        "draws": arguments.draws,
    });
    let mut all = run;
    if let (Some(all), serde_json::Value::Object(figures)) =
        (all.as_object_mut(), serde_json::to_value(figures)?)
    {
        all.extend(figures);
    }
    fs::write(file, format!("{all:#}\n"))
        .map_err(|error| format!("failed to write `{}`: {error}", file.display()).into())
}
