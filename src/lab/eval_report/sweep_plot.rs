//! Plot of the sweep over overlaps: one line a score, as SVG.

use std::fmt::Write as _;

use crate::lab::eval::Sweep;

/// Width and height of the drawing area.
const AREA: (f64, f64) = (420.0, 220.0);

/// The plot; empty if no score has boxes.
pub(super) fn svg(sweep: &Sweep) -> String {
    let rows = sweep.rows();
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return String::new() };
    let (width, height) = AREA;
    let x = |iou: f64| width * (iou - first.iou) / (last.iou - first.iou).max(f64::MIN_POSITIVE);
    let mut svg = String::from(
        "<svg class=\"plot\" viewBox=\"-45 -15 540 270\" role=\"img\" aria-label=\"F1 by IoU; the table has the figures\">",
    );
    for tenth in (0..=10).step_by(2) {
        let y = height * (1.0 - f64::from(tenth) / 10.0);
        let _ = write!(
            svg,
            "<path class=\"grid\" d=\"M0 {y}H{width}\"/><text x=\"-8\" y=\"{}\" text-anchor=\"end\">{}</text>",
            y + 4.0,
            f64::from(tenth) / 10.0
        );
    }
    for row in rows.iter().step_by(2) {
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            x(row.iou),
            height + 18.0,
            row.iou
        );
    }
    type Value = fn(&crate::lab::eval::SweepRow) -> Option<f64>;
    let lines: [(&str, Value); 4] = [
        ("GMNER", |row| row.gmner),
        ("EEG", |row| row.eeg),
        ("SMNER", |row| row.smner),
        ("EES", |row| row.ees),
    ];
    let mut drawn = 0;
    for (name, value) in lines {
        let points: Vec<String> = rows
            .iter()
            .filter_map(|row| Some(format!("{:.1},{:.1}", x(row.iou), height * (1.0 - value(row)?))))
            .collect();
        if points.is_empty() {
            continue;
        }
        let class = name.to_lowercase();
        let _ = write!(
            svg,
            "<polyline class=\"{class}\" points=\"{}\"/><text class=\"{class}\" x=\"{}\" y=\"{}\">{name}</text>",
            points.join(" "),
            width + 10.0,
            20.0 + 18.0 * f64::from(drawn)
        );
        drawn += 1;
    }
    if drawn == 0 { String::new() } else { svg + "</svg>" }
}
