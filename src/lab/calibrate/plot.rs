//! Plot of calibration: precision, recall and F1 over the threshold, one panel a stage, as SVG.

use std::fmt::Write;

use crate::lab::eval::Counts;

use super::Curve;

/// A stage and its curve.
#[derive(Debug, Clone, Copy)]
pub struct Panel<'a> {
    /// The heading.
    pub title: &'a str,
    /// What each threshold accepts.
    pub curve: &'a Curve,
    /// The threshold that was in use, and the one that was chosen.
    pub thresholds: [f32; 2],
}

/// A line of a panel: its name, its colour, its value.
type Line = (&'static str, &'static str, fn(&Counts) -> f64);

const LINES: [Line; 3] = [
    ("precision", "#1f6fb4", Counts::precision),
    ("recall", "#d06a1c", Counts::recall),
    ("F1", "#2f8f4e", Counts::f1),
];

/// Thresholds that are drawn: more than a panel has pixels would not be seen.
const STEPS: u16 = 400;

/// Width and height of a panel's drawing area in pixels.
const AREA: (f64, f64) = (400.0, 240.0);

/// Pixels left of and above a drawing area.
const MARGIN: (f64, f64) = (50.0, 40.0);

/// Pixels from the left edge of one panel to that of the next, and of the whole height.
const PANEL: (f64, f64) = (480.0, 350.0);

/// The panels side by side. Titles are printed as they are, without escapes.
#[must_use]
pub fn svg(panels: &[Panel<'_>]) -> String {
    let (width, height) = (PANEL.0 * panels.len() as f64, PANEL.1);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for (number, panel) in panels.iter().enumerate() {
        let left = PANEL.0 * number as f64 + MARGIN.0;
        svg += &format!("<g transform=\"translate({left} {})\">\n{}</g>\n", MARGIN.1, drawn(panel));
    }
    svg + "</svg>\n"
}

fn drawn(panel: &Panel<'_>) -> String {
    let (width, height) = AREA;
    let mut svg = format!("<text x=\"0\" y=\"-14\" font-size=\"14\">{}</text>\n", panel.title);
    for tenth in (0..=10).step_by(2) {
        let share = f64::from(tenth) / 10.0;
        let (x, y) = (width * share, height * (1.0 - share));
        svg += &format!(
            "<path d=\"M{x} 0V{height}M0 {y}H{width}\" stroke=\"#ddd\"/>\n\
             <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{share}</text>\n\
             <text x=\"-6\" y=\"{}\" text-anchor=\"end\">{share}</text>\n",
            height + 16.0,
            y + 4.0
        );
    }
    for (number, (name, colour, value)) in LINES.into_iter().enumerate() {
        let points = (0..=STEPS).fold(String::new(), |mut points, step| {
            let threshold = f32::from(step) / f32::from(STEPS);
            let cut = panel.curve.at(threshold);
            // Nothing is accepted: precision has no value.
            if cut.counts.predicted > 0 {
                let (x, y) = (width * f64::from(threshold), height * (1.0 - value(&cut.counts)));
                let written = write!(points, "{x:.1},{y:.1} ");
                debug_assert!(written.is_ok(), "a text can be written to");
            }
            points
        });
        svg += &format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n\
             <text x=\"{}\" y=\"{}\" fill=\"{colour}\">{name}</text>\n",
            points.trim_end(),
            80 * number,
            height + 36.0
        );
    }
    let [before, after] = panel.thresholds;
    for (name, threshold, dashes) in [("before", before, "4 4"), ("chosen", after, "none")] {
        let x = width * f64::from(threshold);
        svg += &format!("<path d=\"M{x:.1} 0V{height}\" stroke=\"black\" stroke-dasharray=\"{dashes}\"/>\n");
        svg += &format!("<title>{name}: {threshold}</title>\n");
    }
    svg + &format!(
        "<text x=\"{width}\" y=\"{}\" text-anchor=\"end\">threshold: dashed {before} before, {after} chosen</text>\n",
        height + 36.0
    )
}

#[cfg(test)]
mod tests {
    use super::super::Scored;
    use super::*;

    #[test]
    fn a_panel_has_three_lines_and_both_thresholds_and_is_well_formed() {
        let scored = [(0.9, true), (0.6, false), (0.4, true)].map(|(score, right)| Scored { score, right });
        let curve = Curve::new(scored.to_vec(), 2);
        let panel = Panel { title: "gate", curve: &curve, thresholds: [0.5, 0.75] };
        let svg = svg(&[panel, panel]);
        let mut reader = quick_xml::Reader::from_str(&svg);
        let mut names = Vec::new();
        loop {
            match reader.read_event().unwrap() {
                quick_xml::events::Event::Eof => break,
                quick_xml::events::Event::Empty(tag) => {
                    names.push(tag.name().as_ref().to_owned());
                }
                _ => {}
            }
        }
        assert_eq!(names.iter().filter(|name| *name == "polyline").count(), 6);
        // The chosen threshold, three quarters of the width.
        assert!(svg.contains("M300.0 0V240") && svg.contains("M200.0 0V240"), "{svg}");
        // Recall is 1 up to 0.4 and falls to a half.
        assert!(svg.contains("160.0,0.0 161.0,120.0"), "{svg}");
    }
}
