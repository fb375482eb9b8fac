//! Tables of an ablation: means over the seeds, each with its standard deviation.

use riveg::lab::world::Split;
use serde_json::Value;

use crate::Arguments;
use crate::runs::Runs;
use crate::variants::Variant;

/// The five scores in the paper's order.
const SCORES: [(&str, &str); 5] =
    [("GMNER", "gmner"), ("MNER", "mner"), ("EEG", "eeg"), ("EES", "ees"), ("SMNER", "smner")];

/// Prints the tables of a split.
pub(crate) fn print(split: Split, arguments: &Arguments, runs: &Runs) {
    println!(
        "\n# Split `{}`: {} posts of each of the seeds {:?}; percent, mean and standard deviation\n",
        split.as_str(),
        arguments.posts,
        arguments.seeds
    );
    println!(
        "Table VII: knowledge for the tagger (MNER). The stand-in model errs less after similar examples: that is built in."
    );
    println!("{:<40} {:>14} {:>14} {:>14}", "", "precision", "recall", "F1");
    for variant in Variant::ALL.into_iter().take_while(|variant| *variant != Variant::NameAndType) {
        row(
            runs,
            variant,
            ["precision", "recall", "f1"].map(|key| move |run: &Value| run["scores"]["mner"][key].as_f64()),
        );
    }
    println!("\nTable IX: text variants (F1)");
    println!("{:<40} {}", "", SCORES.map(|(name, _)| format!("{name:>14}")).join(" "));
    for variant in [Variant::KnowledgeOff, Variant::Similar(5), Variant::NoGate] {
        row(runs, variant, SCORES.map(|(_, key)| move |run: &Value| run["scores"][key]["f1"].as_f64()));
    }
    println!("Not shown: another tagger and augmentation, which need training.");
    println!("\nTable X: text of gate and grounder, on gold mentions");
    println!("{:<40} {:>14} {:>14}", "", "VE accuracy", "VG Prec@0.5");
    for variant in [Variant::NameAndType, Variant::ExpansionAlone, Variant::KnowledgeOff] {
        row(
            runs,
            variant,
            ["entail_accuracy", "ground_precision"]
                .map(|key| move |run: &Value| run["stages"][key]["mean"].as_f64()),
        );
    }
    println!("The last row has entity, type and expansion.");
    println!("\nTable XI: masks (mIoU where the entity is found and shown)");
    println!("{:<40} {:>14}", "", "mIoU");
    row(runs, Variant::KnowledgeOff, [|run: &Value| run["matched"]["masks"]["mean"].as_f64()]);
    println!(
        "That is by boxes. Not shown: by text, since the bundle has no network that draws masks of phrases."
    );
}

/// One row: a figure of each column.
fn row<const N: usize>(runs: &Runs, variant: Variant, columns: [impl Fn(&Value) -> Option<f64>; N]) {
    let Some(runs) = runs.get(&variant.name()) else { return };
    let cells = columns.map(|column| {
        let values: Vec<f64> = runs.iter().filter_map(column).collect();
        if values.len() == runs.len() { spread(&values) } else { "not scored".to_owned() }
    });
    println!("{:<40} {}", variant.name(), cells.map(|cell| format!("{cell:>14}")).join(" "));
}

fn spread(values: &[f64]) -> String {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    format!("{:.2} ±{:.2}", 100.0 * mean, 100.0 * variance.sqrt())
}
