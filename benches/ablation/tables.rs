//! Tables of an ablation: means over the seeds, each with its standard deviation.

use riveg::lab::world::Split;
use serde_json::Value;

use crate::Arguments;
use crate::augmentation::{Arm, Told};
use crate::runs::Runs;
use crate::variants::Variant;

/// The five scores in the paper's order.
const SCORES: [(&str, &str); 5] =
    [("GMNER", "gmner"), ("MNER", "mner"), ("EEG", "eeg"), ("EES", "ees"), ("SMNER", "smner")];

/// Scores of gate and grounder on gold mentions.
const NETWORKS: [(&str, &str); 2] = [("VE accuracy", "entail_accuracy"), ("VG Prec@0.5", "ground_precision")];

/// Prints the tables of a split.
pub(crate) fn print(split: Split, arguments: &Arguments, runs: &Runs) {
    print_title(split, arguments);
    println!(
        "Table VII: knowledge for the tagger (MNER). The stand-in model errs less after similar examples: that is built in."
    );
    println!("{:<40} {:>14} {:>14} {:>14}", "", "precision", "recall", "F1");
    for variant in Variant::ALL.into_iter().take_while(|variant| *variant != Variant::NameAndType) {
        let keys = ["precision", "recall", "f1"];
        row(runs, &variant.name(), keys.map(|key| move |run: &Value| run["scores"]["mner"][key].as_f64()));
    }
    println!("\nTable IX: text variants (F1)");
    head(SCORES);
    for variant in [Variant::KnowledgeOff, Variant::Similar(5), Variant::NoGate] {
        row(runs, &variant.name(), of_scores());
    }
    println!(
        "Not shown: another tagger, which needs training, and augmentation: ARGS=--augmentation trains that."
    );
    println!("\nTable X: text of gate and grounder, on gold mentions");
    head(NETWORKS);
    for variant in [Variant::NameAndType, Variant::ExpansionAlone, Variant::KnowledgeOff] {
        row(runs, &variant.name(), of_networks());
    }
    println!("The last row has entity, type and expansion.");
    println!("\nTable XI: masks (mIoU where the entity is found and shown)");
    println!("{:<40} {:>14}", "", "mIoU");
    row(runs, &Variant::KnowledgeOff.name(), [|run: &Value| run["matched"]["masks"]["mean"].as_f64()]);
    println!(
        "That is by boxes. Not shown: by text, since the bundle has no network that draws masks of phrases."
    );
}

/// Prints the rows of the tables IX and X about augmentation, of a split.
pub(crate) fn print_augmentation(split: Split, arguments: &Arguments, runs: &Runs) {
    print_title(split, arguments);
    println!(
        "Gate and grounder, not trained further or fine-tuned, by the model whose expressions they are asked."
    );
    println!(
        "What the models' words have in common is built in. Differences (`four less one`) are taken seed by seed."
    );
    println!("\nTable IX: augmentation (F1)");
    head(SCORES);
    augmentation_rows(runs, &of_scores());
    println!("\nTable X: augmentation, on gold mentions");
    head(NETWORKS);
    augmentation_rows(runs, &of_networks());
}

fn augmentation_rows<const N: usize>(runs: &Runs, columns: &[impl Fn(&Value) -> Option<f64>; N]) {
    for told in Told::ALL {
        for arm in Arm::ALL {
            row(runs, &arm.row(told), columns.each_ref());
        }
        let of = |arm: Arm| runs.get(&arm.row(told)).map_or(&[][..], Vec::as_slice);
        for (arm, name) in [(Arm::SamePasses, "same passes"), (Arm::SameSteps, "same steps")] {
            let name = format!("{}: four less one, {name}", told.name());
            cells(&name, columns.each_ref().map(|column| differences(column, of(Arm::Four), of(arm))));
        }
    }
}

/// How much more the first runs reach than the others, seed by seed.
fn differences(column: impl Fn(&Value) -> Option<f64>, runs: &[Value], others: &[Value]) -> Option<Vec<f64>> {
    runs.iter().zip(others).map(|(run, other)| Some(column(run)? - column(other)?)).collect()
}

fn print_title(split: Split, arguments: &Arguments) {
    println!(
        "\n# Split `{}`: {} posts of each of the seeds {:?}; percent, mean and standard deviation\n",
        split.as_str(),
        arguments.posts,
        arguments.seeds
    );
}

/// F1 of the five scores.
fn of_scores() -> [impl Fn(&Value) -> Option<f64>; 5] {
    SCORES.map(|(_, key)| move |run: &Value| run["scores"][key]["f1"].as_f64())
}

/// The scores of gate and grounder.
fn of_networks() -> [impl Fn(&Value) -> Option<f64>; 2] {
    NETWORKS.map(|(_, key)| move |run: &Value| run["stages"][key]["mean"].as_f64())
}

fn head<const N: usize>(columns: [(&str, &str); N]) {
    println!("{:<40} {}", "", columns.map(|(name, _)| format!("{name:>14}")).join(" "));
}

/// One row: a figure of each column.
fn row<const N: usize>(runs: &Runs, name: &str, columns: [impl Fn(&Value) -> Option<f64>; N]) {
    let Some(runs) = runs.get(name) else { return };
    cells(name, columns.map(|column| runs.iter().map(column).collect()));
}

/// One row: mean and standard deviation of the values of each column, if every seed has one.
fn cells<const N: usize>(name: &str, columns: [Option<Vec<f64>>; N]) {
    let cells = columns.map(|values| values.map_or("not scored".to_owned(), |values| spread(&values)));
    println!("{name:<40} {}", cells.map(|cell| format!("{cell:>14}")).join(" "));
}

fn spread(values: &[f64]) -> String {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    format!("{:.2} ±{:.2}", 100.0 * mean, 100.0 * variance.sqrt())
}
