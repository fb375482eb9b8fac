//! Exposition text of Prometheus: samples with names and labels, read within bounds.

use std::collections::BTreeMap;

/// The most samples that are kept: a hundred times what an engine with many partitions has.
const MAX_SAMPLES: usize = 200_000;

/// One sample.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// The samples of one scrape.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Scrape(Vec<Sample>);

/// A line that is no sample.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {0} is not a sample of Prometheus' text format")]
pub(super) struct NoSample(usize);

impl Scrape {
    /// Reads a page of metrics.
    ///
    /// # Errors
    /// A line is neither a comment nor a sample.
    pub(super) fn parse(text: &str) -> Result<Self, NoSample> {
        let lines = text.lines().zip(1..).filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
        let samples = lines.take(MAX_SAMPLES).map(|(line, number)| sample(line).ok_or(NoSample(number)));
        Ok(Self(samples.collect::<Result<_, _>>()?))
    }

    /// Whether any sample has a name that begins so.
    pub(super) fn has(&self, prefix: &str) -> bool {
        self.0.iter().any(|sample| sample.name.starts_with(prefix))
    }

    /// The sum of the samples of that name with these labels; none where there are none.
    pub(super) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.of(name, labels).map(|sample| sample.value).reduce(|one, other| one + other)
    }

    /// The greatest of them; none where there are none.
    pub(super) fn most(&self, name: &str) -> Option<f64> {
        self.of(name, &[]).map(|sample| sample.value).reduce(f64::max)
    }

    /// The number of samples of that name.
    pub(super) fn count(&self, name: &str) -> usize {
        self.of(name, &[]).count()
    }

    /// The values that a label has in the samples of that name, in their order.
    pub(super) fn values(&self, name: &str, label: &str) -> Vec<String> {
        let mut values: Vec<String> =
            self.of(name, &[]).filter_map(|sample| sample.labels.get(label).cloned()).collect();
        values.sort_unstable();
        values.dedup();
        values
    }

    /// The buckets of a histogram: upper bounds with the observations up to them, summed over all other labels.
    pub(super) fn buckets(&self, name: &str, labels: &[(&str, &str)]) -> Vec<(f64, f64)> {
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for sample in self.of(&format!("{name}_bucket"), labels) {
            let Some(bound) = sample.labels.get("le").and_then(|bound| number(bound)) else { continue };
            match buckets.iter_mut().find(|(known, _)| *known == bound) {
                Some((_, count)) => *count += sample.value,
                None => buckets.push((bound, sample.value)),
            }
        }
        buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        buckets
    }

    fn of<'a>(&'a self, name: &'a str, labels: &'a [(&'a str, &'a str)]) -> impl Iterator<Item = &'a Sample> {
        let has = |sample: &Sample| {
            labels.iter().all(|(name, value)| sample.labels.get(*name).is_some_and(|found| found == value))
        };
        self.0.iter().filter(move |sample| sample.name == name && has(sample))
    }
}

fn sample(line: &str) -> Option<Sample> {
    let end = line.find(['{', ' ', '\t'])?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inner) => labels(inner)?,
        None => (BTreeMap::new(), rest),
    };
    // A timestamp may follow.
    let value = number(rest.split_whitespace().next()?)?;
    Some(Sample { name: name.to_owned(), labels, value })
}

/// Labels up to the closing brace, and what follows it.
fn labels(mut rest: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = quoted(after)?;
        labels.insert(name.trim().to_owned(), value);
        rest = after;
    }
}

/// A text up to its closing quotation mark, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match letters.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

fn number(text: &str) -> Option<f64> {
    match text {
        "+Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        other => other.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Metrics;

    #[test]
    fn samples_are_read_with_labels_escapes_and_timestamps() {
        let text = "# HELP a b\n# TYPE a counter\na 1\na{x=\"1\",y=\"q\\\"}\\\\n\"} 2.5 1395066363000\n\
                    b{le=\"+Inf\",}\t7\nb{} 1e3\n\n";
        let scrape = Scrape::parse(text).unwrap();
        assert_eq!((scrape.sum("a", &[]), scrape.sum("a", &[("x", "1")])), (Some(3.5), Some(2.5)));
        assert_eq!(scrape.values("a", "y"), ["q\"}\\n"]);
        assert_eq!((scrape.most("b"), scrape.count("b"), scrape.sum("c", &[])), (Some(1000.0), 2, None));
    }

    #[test]
    fn what_is_no_page_of_metrics_is_refused_with_its_line() {
        for (text, line) in [("<html>", 1), ("a 1\nb", 2), ("a{x=\"1} 2", 1), ("a{x} 2", 1), ("a one", 1)] {
            assert_eq!(Scrape::parse(text), Err(NoSample(line)), "{text}");
        }
    }

    #[test]
    fn the_engines_own_page_is_read_whole() {
        let metrics = Metrics::new();
        metrics.produced("annotations", 7);
        metrics.delivered(std::time::Duration::from_millis(30), None);
        let text = metrics.render();
        let scrape = Scrape::parse(&text).unwrap();
        assert_eq!(scrape.0.len(), text.lines().filter(|line| !line.starts_with('#')).count());
        assert_eq!(scrape.sum("riveg_records_produced_total", &[("topic", "annotations")]), Some(1.0));
        let buckets = scrape.buckets("riveg_end_to_end_seconds", &[]);
        assert!(buckets.is_sorted_by(|one, other| one.0 < other.0), "{buckets:?}");
        assert_eq!(buckets.last(), Some(&(f64::INFINITY, 1.0)));
    }
}
