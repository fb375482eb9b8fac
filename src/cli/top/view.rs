//! View: figures as lines of text for a terminal of some width. Pure functions.

use bytesize::ByteSize;
use console::{Style, measure_text_width, truncate_str};

use super::super::dlq::safe_char;
use super::figures::{Cache, Figures, LanguageModel, Stage};
use super::history::History;

/// The width where there is no terminal.
pub(super) const PLAIN_WIDTH: usize = 100;

/// What is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) figures: &'a Figures,
    pub(super) history: &'a History,
    /// Where the figures are from.
    pub(super) source: &'a str,
    /// Why there are no newer ones.
    pub(super) trouble: Option<&'a str>,
}

/// The styles of one view; all are plain without colours.
struct Styles {
    title: Style,
    heading: Style,
    good: Style,
    bad: Style,
}

impl Styles {
    fn new(colours: bool) -> Self {
        let plain = Style::new().force_styling(colours);
        Self {
            title: plain.clone().bold(),
            heading: plain.clone().dim(),
            good: plain.clone().green(),
            bad: plain.red().bold(),
        }
    }
}

impl View<'_> {
    /// The lines, none of them wider than `width`.
    pub(super) fn lines(&self, width: usize, colours: bool) -> Vec<String> {
        if width == 0 {
            return Vec::new();
        }
        let styles = Styles::new(colours);
        let mut lines = self.head(&styles);
        lines.extend(self.traffic(width));
        let Figures { stages, caches, language_models, .. } = self.figures;
        lines.extend(table(&styles, STAGE_HEADING, stages.iter().map(stage)));
        lines.extend(table(&styles, CACHE_HEADING, caches.iter().map(cache)));
        lines.extend(table(&styles, MODEL_HEADING, language_models.iter().map(|one| model(one, &styles))));
        lines.iter().map(|line| truncate_str(line, width, "…").into_owned()).collect()
    }

    fn head(&self, styles: &Styles) -> Vec<String> {
        let Figures { version, device, ready, alive, .. } = self.figures;
        let text = |value: &Option<String>| plain(value.as_deref().unwrap_or("-"));
        let state = |name: &str, value: Option<bool>| match value {
            Some(true) => styles.good.apply_to(name).to_string(),
            Some(false) => styles.bad.apply_to(format!("not {name}")).to_string(),
            None => format!("{name}: -"),
        };
        let title = format!("riveg {} on {}", text(version), text(device));
        let title = styles.title.apply_to(title);
        let mut lines = vec![format!(
            "{title}  {}  {}  {}",
            plain(self.source),
            state("ready", *ready),
            state("alive", *alive)
        )];
        lines.extend(self.trouble.map(|trouble| styles.bad.apply_to(plain(trouble)).to_string()));
        lines
    }

    fn traffic(&self, width: usize) -> Vec<String> {
        let Figures { posts, lag, memory, .. } = self.figures;
        let of_posts = format!(
            "posts/s {}  written/s {}  in flight {}  answer p50 {} p99 {}  dead letters {}  degraded {}",
            rate(posts.per_second),
            rate(posts.written_per_second),
            posts.in_flight,
            seconds(posts.end_to_end_p50),
            seconds(posts.end_to_end_p99),
            posts.dead_letters,
            posts.degraded,
        );
        let of_lag = format!(
            "lag {}  growth/s {}  oldest {}  partitions {}  paused {}",
            lag.records.map_or("-".to_owned(), |records| records.to_string()),
            lag.growth_per_second.map_or("-".to_owned(), |growth| format!("{growth:+.1}")),
            seconds(lag.seconds),
            lag.partitions,
            lag.paused,
        );
        let of_memory = format!(
            "memory {} of {} planned  pictures on the device {}  device idle {}",
            bytes(memory.resident),
            bytes(memory.planned_most),
            bytes(memory.device_caches),
            percent(memory.device_idle.map(|idle| idle.clamp(0.0, 1.0))),
        );
        let mut lines = vec![String::new(), of_posts, of_lag, of_memory];
        let room = width.saturating_sub(CHART_LABEL);
        let charts = [
            ("posts/s", self.history.chart(room, |figures| figures.posts.per_second)),
            ("lag", self.history.chart(room, |figures| figures.lag.records)),
        ];
        let drawn = charts.into_iter().filter(|(_, chart)| !chart.trim().is_empty());
        lines.extend(drawn.map(|(name, chart)| format!("{name:<CHART_LABEL$}{chart}")));
        lines
    }
}

/// The columns before a chart.
const CHART_LABEL: usize = 9;

const STAGE_HEADING: [&str; 9] =
    ["stage", "requests/s", "batch", "waiting", "p50", "p95", "computing", "failed", "out of memory"];
const CACHE_HEADING: [&str; 5] = ["cache", "requests/s", "answered", "entries", "size"];
const MODEL_HEADING: [&str; 8] =
    ["language model", "questions/s", "asking", "p95", "tokens in/s", "out/s", "failed", "state"];

fn stage(stage: &Stage) -> Vec<String> {
    vec![
        plain(&stage.stage),
        rate(stage.requests_per_second),
        stage.batch.map_or("-".to_owned(), |batch| format!("{batch:.1}")),
        stage.waiting.to_string(),
        seconds(stage.latency_p50),
        seconds(stage.latency_p95),
        percent(stage.computing),
        stage.failed.to_string(),
        stage.out_of_memory.to_string(),
    ]
}

fn cache(cache: &Cache) -> Vec<String> {
    vec![
        plain(&cache.cache),
        rate(cache.requests_per_second),
        percent(cache.hit_share),
        cache.entries.map_or("-".to_owned(), |entries| entries.to_string()),
        bytes(cache.bytes),
    ]
}

fn model(model: &LanguageModel, styles: &Styles) -> Vec<String> {
    let style = if model.state == "asked" { &styles.good } else { &styles.bad };
    vec![
        plain(&model.endpoint),
        rate(model.questions_per_second),
        model.asking.to_string(),
        seconds(model.seconds_p95),
        rate(model.tokens_in_per_second),
        rate(model.tokens_out_per_second),
        model.failed.to_string(),
        style.apply_to(model.state).to_string(),
    ]
}

/// A table with an empty line above it: the first column is left-aligned, the others are right-aligned. Nothing where it
/// has no rows.
fn table<const N: usize>(
    styles: &Styles,
    heading: [&str; N],
    rows: impl Iterator<Item = Vec<String>>,
) -> Vec<String> {
    let rows: Vec<Vec<String>> = rows.collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let heading = heading.map(str::to_owned).to_vec();
    let widths: Vec<usize> = (0..N)
        .map(|column| {
            let cells = rows.iter().chain([&heading]).map(|row| measure_text_width(&row[column]));
            cells.max().unwrap_or_default()
        })
        .collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            let space = " ".repeat(width - measure_text_width(cell));
            if column == 0 { format!("{cell}{space}") } else { format!("{space}{cell}") }
        });
        cells.collect::<Vec<_>>().join("  ")
    };
    let heading = styles.heading.apply_to(line(&heading)).to_string();
    [String::new(), heading].into_iter().chain(rows.iter().map(line)).collect()
}

/// Text from elsewhere, which must not steer the terminal.
fn plain(text: &str) -> String {
    text.chars().map(safe_char).collect()
}

fn rate(value: Option<f64>) -> String {
    value.map_or(
        "-".to_owned(),
        |value| if value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") },
    )
}

fn percent(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| format!("{:.0} %", value * 100.0))
}

fn bytes(value: Option<f64>) -> String {
    // Bytes are never negative.
    value.map_or("-".to_owned(), |value| ByteSize(value.max(0.0) as u64).to_string())
}

fn seconds(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value < 1.0 => format!("{:.0} ms", value * 1000.0),
        Some(value) if value < 100.0 => format!("{value:.1} s"),
        Some(value) => format!("{value:.0} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::exposition::Scrape;
    use super::*;
    use crate::telemetry::Metrics;

    #[test]
    fn a_view_fits_its_width_has_no_escapes_without_colours_and_names_what_it_shows() {
        let metrics = Metrics::new();
        let _model = metrics.llm("local\u{1b}[2J");
        metrics.runs_on("cpu");
        let figures = Figures::of(&Scrape::parse(&metrics.render()).unwrap(), None);
        let mut history = History::default();
        history.add(figures.clone());
        let view = View { figures: &figures, history: &history, source: "here", trouble: Some("no answer") };
        let plain_lines = view.lines(200, false);
        let text = plain_lines.join("\n");
        for words in
            ["riveg 0.1.0 on cpu", "no answer", "posts/s -", "lag -", "recognise", "language model", "asked"]
        {
            assert!(text.contains(words), "{words} is not in {text}");
        }
        assert!(!text.contains('\u{1b}'), "{text:?}");
        for width in [0, 20, 80] {
            for line in view.lines(width, true) {
                assert!(measure_text_width(&line) <= width, "{line:?}");
            }
        }
        assert!(view.lines(80, true).join("").contains("\u{1b}["));
    }

    #[test]
    fn numbers_have_units_that_people_read() {
        assert_eq!(
            [seconds(Some(0.0304)), seconds(Some(4.26)), seconds(Some(240.3))],
            ["30 ms", "4.3 s", "240 s"]
        );
        assert_eq!([rate(Some(0.26)), rate(Some(123.4)), rate(None)], ["0.3", "123", "-"]);
        assert_eq!((percent(Some(0.256)), bytes(Some(1024.0))), ("26 %".to_owned(), "1.0 KiB".to_owned()));
    }
}
