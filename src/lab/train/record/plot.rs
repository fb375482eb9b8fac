//! Plot of a training: loss and dev score over the steps, side by side, as SVG.

use super::lines::Line;

/// Width and height of a panel's drawing area in pixels.
const AREA: (f64, f64) = (400.0, 240.0);
/// Pixels left of and above a drawing area.
const MARGIN: (f64, f64) = (60.0, 50.0);
/// Pixels from the left edge of one panel to that of the next, and of the whole height.
const PANEL: (f64, f64) = (490.0, 340.0);
/// Points of a curve: more than a panel has pixels would not be seen.
const POINTS: usize = 200;

/// A curve: step and value.
type Curve = Vec<(f64, f64)>;

/// Both panels. The title must be free of markup.
pub(super) fn svg(title: &str, lines: &[Line]) -> String {
    let of = |value: fn(&Line) -> Option<f64>| -> Curve {
        lines.iter().filter_map(|line| Some((line.step as f64, value(line)?))).collect()
    };
    let name = lines.iter().find_map(|line| line.name.as_deref()).unwrap_or("score");
    let last = lines.iter().map(|line| line.step).max().unwrap_or(1).max(1) as f64;
    let loss = means(&of(|line| line.loss));
    let most = loss.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let heading = format!("{name} on the dev split");
    let panels = [
        ("loss, mean of a window", loss, "#1f6fb4", round_up(most)),
        (&*heading, of(|line| line.score), "#2f8f4e", 1.0),
    ];
    let (width, height) = (PANEL.0 * panels.len() as f64, PANEL.1);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<title>{title}</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for (number, (heading, curve, colour, top)) in panels.into_iter().enumerate() {
        let left = PANEL.0 * number as f64 + MARGIN.0;
        let body = drawn(&curve, (last, top), colour);
        svg += &format!(
            "<g transform=\"translate({left} {})\">\n<text y=\"-14\" font-size=\"14\">{heading}</text>\n{body}</g>\n",
            MARGIN.1
        );
    }
    svg + "</svg>\n"
}

/// The curve over a grid, up to the last step and the top value.
fn drawn(curve: &[(f64, f64)], (last, top): (f64, f64), colour: &str) -> String {
    let (width, height) = AREA;
    let mut svg = String::new();
    for fifth in 0..=5 {
        let share = f64::from(fifth) / 5.0;
        let (x, y) = (width * share, height * (1.0 - share));
        svg += &format!(
            "<path d=\"M{x} 0V{height}M0 {y}H{width}\" stroke=\"#ddd\"/>\n\
             <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{:.0}</text>\n\
             <text x=\"-6\" y=\"{}\" text-anchor=\"end\">{}</text>\n",
            height + 16.0,
            last * share,
            y + 4.0,
            (top * share * 1e4).round() / 1e4
        );
    }
    let place = |(step, value): &(f64, f64)| (width * step / last, height * (1.0 - value / top));
    let points: Vec<String> = curve.iter().map(place).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    svg += &format!(
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n",
        points.join(" ")
    );
    let best = curve.iter().copied().reduce(|best, point| if point.1 > best.1 { point } else { best });
    // Of a few points each is worth a mark, and the best one its number.
    if let Some(best) = best.filter(|_| curve.len() <= POINTS / 4) {
        for point in curve {
            let (x, y) = place(point);
            svg += &format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>\n");
        }
        let (x, y) = place(&best);
        svg +=
            &format!("<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{:.4}</text>\n", y - 8.0, best.1);
    }
    svg
}

/// Means of equally many neighbours each, so that a curve has few points.
fn means(curve: &[(f64, f64)]) -> Curve {
    let window = curve.len().div_ceil(POINTS).max(1);
    let mean = |points: &[(f64, f64)]| {
        let count = points.len() as f64;
        let sum = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        (sum.0 / count, sum.1 / count)
    };
    curve.chunks(window).map(mean).collect()
}

/// The next of 1, 2, 5, 10, 20 and so on.
fn round_up(value: f64) -> f64 {
    let mut top = 1e-3;
    for factor in [2.0, 2.5, 2.0].into_iter().cycle() {
        if top >= value || top > 1e9 {
            break;
        }
        top *= factor;
    }
    top
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_curves_are_drawn_in_their_place_and_the_file_is_well_formed() {
        let mut lines: Vec<Line> = (1..=1_000)
            .map(|step| Line { step, loss: Some(40.0 / step as f64), ..Line::default() })
            .collect();
        for (step, score) in [(500, 0.5), (1_000, 0.75)] {
            lines.push(Line { step, score: Some(score), name: Some("F1".to_owned()), ..Line::default() });
        }
        let svg = svg("tagger", &lines);
        let mut reader = quick_xml::Reader::from_str(&svg);
        let mut curves = 0;
        loop {
            match reader.read_event().unwrap() {
                quick_xml::events::Event::Eof => break,
                quick_xml::events::Event::Empty(tag) => {
                    curves += usize::from(tag.name().as_ref() == "polyline")
                }
                _ => {}
            }
        }
        assert_eq!(curves, 2);
        assert!(svg.contains("points=\"200.0,120.0 400.0,60.0\""), "scores of 0.5 and 0.75: {svg}");
        assert!(svg.contains("0.7500") && svg.contains("F1 on the dev split"));
        for (value, top) in [(0.0, 1e-3), (0.9, 1.0), (18.3, 20.0), (1_900.0, 2_000.0), (3e-3, 5e-3)] {
            assert!((round_up(value) / top - 1.0).abs() < 1e-9, "{value}");
        }
    }

    #[test]
    fn a_training_without_steps_has_an_empty_plot() {
        assert!(svg("none", &[]).contains("points=\"\""));
    }
}
