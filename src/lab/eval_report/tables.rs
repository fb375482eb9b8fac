//! Tables of a report: scores with intervals, lost points, scores by type and by overlap.

use std::fmt::Write as _;

use crate::lab::eval::{Counts, Interval, Score};

use super::content::Content;
use super::html::text;

/// All tables.
pub(super) fn tables(content: &Content) -> String {
    [scores(content), lost(content), types(content), sweep(content)].concat()
}

fn table(caption: &str, columns: &[&str], rows: &[Vec<String>]) -> String {
    let mut html = format!("<table><caption>{}</caption><thead><tr>", text(caption));
    for column in columns {
        let _ = write!(html, "<th scope=\"col\">{}</th>", text(column));
    }
    html.push_str("</tr></thead><tbody>");
    for row in rows {
        html.push_str("<tr>");
        for (place, cell) in row.iter().enumerate() {
            let _ = match place {
                0 => write!(html, "<th scope=\"row\">{}</th>", text(cell)),
                _ => write!(html, "<td>{}</td>", text(cell)),
            };
        }
        html.push_str("</tr>");
    }
    html + "</tbody></table>"
}

fn figures(counts: &Counts) -> Vec<String> {
    [counts.precision(), counts.recall(), counts.f1()].iter().map(|share| format!("{share:.4}")).collect()
}

fn scores(content: &Content) -> String {
    let row = |&score: &Score| {
        let counts = content.scores.get(score)?;
        let interval = content.intervals.get(score);
        let interval =
            interval.map_or(String::new(), |Interval { low, high }| format!("{low:.4} to {high:.4}"));
        let numbers = [counts.predicted, counts.gold, counts.right].map(|number| number.to_string());
        Some([vec![score.as_str().to_owned()], figures(&counts), vec![interval], numbers.to_vec()].concat())
    };
    let rows: Vec<Vec<String>> = Score::ALL.iter().filter_map(row).collect();
    let columns = ["score", "precision", "recall", "F1", "95 % of F1", "predicted", "gold", "right"];
    table("Scores", &columns, &rows)
}

fn lost(content: &Content) -> String {
    let lost = &content.lost;
    let rows: Vec<Vec<String>> = lost
        .faults()
        .filter(|(_, count, _)| *count > 0)
        .map(|(fault, count, f1)| {
            vec![
                fault.as_str().to_owned(),
                fault.part().as_str().to_owned(),
                count.to_string(),
                format!("{f1:.4}"),
            ]
        })
        .collect();
    let most = match lost.loses_most() {
        Some(part) => format!("Lost {}: the {} loses most", lost.score(), part.as_str()),
        None => format!("Lost {}: nothing", lost.score()),
    };
    table(&most, &["error", "part", "number", "lost F1"], &rows)
}

fn types(content: &Content) -> String {
    let row = |(name, score, counts): (&str, &'static str, Counts)| {
        let numbers = [counts.predicted, counts.gold, counts.right].map(|number| number.to_string());
        [vec![name.to_owned(), score.to_owned()], figures(&counts), numbers.to_vec()].concat()
    };
    let rows: Vec<Vec<String>> = content.types.rows().map(row).collect();
    table("By type", &["type", "score", "precision", "recall", "F1", "predicted", "gold", "right"], &rows)
}

fn sweep(content: &Content) -> String {
    let cell = |f1: Option<f64>| f1.map_or("-".to_owned(), |f1| format!("{f1:.4}"));
    let row = |row: &crate::lab::eval::SweepRow| {
        vec![format!("{:.2}", row.iou), cell(row.gmner), cell(row.eeg), cell(row.smner), cell(row.ees)]
    };
    let rows: Vec<Vec<String>> = content.sweep.rows().iter().map(row).collect();
    table("F1 by IoU", &["IoU", "GMNER", "EEG", "SMNER", "EES"], &rows)
}
