//! Exposition: the samples of a page of metrics in Prometheus' text format.

/// One sample.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    pub(super) name: String,
    labels: Vec<(String, String)>,
    pub(super) value: f64,
}

impl Sample {
    /// The value of a label; empty where there is none.
    pub(super) fn label(&self, name: &str) -> &str {
        self.labels.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }
}

/// The samples of a text. Lines that are none, such as comments, are passed over.
pub(super) fn samples(text: &str) -> Vec<Sample> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(sample).collect()
}

fn sample(line: &str) -> Option<Sample> {
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inner) => labels(inner)?,
        None => (Vec::new(), rest),
    };
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Sample { name: name.to_owned(), labels, value })
}

/// Labels up to the closing brace, and what follows it.
fn labels(mut rest: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(behind) = rest.strip_prefix('}') {
            return Some((found, behind));
        }
        let (name, quoted) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut letters = quoted.char_indices();
        let end = loop {
            match letters.next()? {
                (at, '"') => break at,
                (_, '\\') => match letters.next()?.1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                (_, letter) => value.push(letter),
            }
        };
        found.push((name.to_owned(), value));
        rest = &quoted[end + 1..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Metrics;

    #[test]
    fn labels_may_have_any_text_and_what_is_no_sample_is_passed_over() {
        let text =
            "# HELP a b\na 1\nb{} 2.5e3 1700000000\nc{x=\"a\\\"}\\n\\\\\",y=\"ö\",} +Inf\nd{x=\"\nno value\n";
        let found = samples(text);
        let values: Vec<(&str, f64)> = found.iter().map(|found| (found.name.as_str(), found.value)).collect();
        assert_eq!(values, [("a", 1.0), ("b", 2500.0), ("c", f64::INFINITY)]);
        assert_eq!((found[2].label("x"), found[2].label("y"), found[2].label("z")), ("a\"}\n\\", "ö", ""));
    }

    #[test]
    fn every_sample_of_this_engine_is_read() {
        let text = Metrics::new().render();
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).count();
        assert!(lines > 50, "{lines}");
        assert_eq!(samples(&text).len(), lines);
    }
}
