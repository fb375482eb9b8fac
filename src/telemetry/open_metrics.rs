//! OpenMetrics 1.0 encoder: the format that Prometheus asks for first. The `prometheus` crate writes only the older
//! text format.

use std::fmt::{self, Display, Write};

use prometheus::proto::{Metric, MetricFamily, MetricType};

use super::exemplars::Exemplars;

/// All families as one exposition, which ends where OpenMetrics says that it ends: what was cut off is found out. The named
/// histogram has exemplars.
pub(super) fn encode(families: &[MetricFamily], (histogram, exemplars): (&str, &Exemplars)) -> String {
    let of = |family: &MetricFamily| (family.name() == histogram).then_some(exemplars);
    let shown: String = families.iter().map(|family| Family(family, of(family)).to_string()).collect();
    shown + "# EOF\n"
}

struct Family<'a>(&'a MetricFamily, Option<&'a Exemplars>);

impl Display for Family<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (full, kind) = (self.0.name(), self.0.get_field_type());
        let (name, kind, suffix) = match kind {
            // A counter's family is called without the ending that its sample has.
            MetricType::COUNTER => (full.strip_suffix("_total").unwrap_or(full), "counter", "_total"),
            MetricType::GAUGE => (full, "gauge", ""),
            MetricType::HISTOGRAM => (full, "histogram", ""),
            // None is registered in this folder.
            MetricType::SUMMARY | MetricType::UNTYPED => return Ok(()),
        };
        writeln!(out, "# TYPE {name} {kind}\n# HELP {name} {}", Escaped(self.0.help()))?;
        for metric in self.0.get_metric() {
            let labels = Labels { metric, bound: None };
            match self.0.get_field_type() {
                MetricType::HISTOGRAM => histogram(out, name, metric, self.1)?,
                MetricType::COUNTER => {
                    writeln!(out, "{name}{suffix}{labels} {}", Number(metric.get_counter().get_value()))?;
                }
                _ => writeln!(out, "{name}{labels} {}", Number(metric.get_gauge().get_value()))?,
            }
        }
        Ok(())
    }
}

fn histogram(
    out: &mut fmt::Formatter<'_>,
    name: &str,
    metric: &Metric,
    exemplars: Option<&Exemplars>,
) -> fmt::Result {
    let (histogram, labels) = (metric.get_histogram(), Labels { metric, bound: None });
    let finite = histogram.get_bucket().iter().filter(|bucket| bucket.upper_bound().is_finite());
    let bounds = finite.map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()));
    for (bound, count) in bounds.chain([(f64::INFINITY, histogram.get_sample_count())]) {
        write!(out, "{name}_bucket{} {count}", Labels { metric, bound: Some(bound) })?;
        if let Some(exemplar) = exemplars.and_then(|exemplars| exemplars.of_bucket(bound)) {
            write!(out, "{exemplar}")?;
        }
        writeln!(out)?;
    }
    writeln!(out, "{name}_count{labels} {}", histogram.get_sample_count())?;
    writeln!(out, "{name}_sum{labels} {}", Number(histogram.get_sample_sum()))
}

/// The labels of a sample, and the upper bound of its bucket where it has one.
struct Labels<'a> {
    metric: &'a Metric,
    bound: Option<f64>,
}

impl Display for Labels<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = self.metric.get_label().iter();
        let own = own.map(|label| format!("{}=\"{}\"", label.name(), Escaped(label.value())));
        let bound = self.bound.map(|bound| format!("le=\"{}\"", Number(bound)));
        let all: Vec<String> = own.chain(bound).collect();
        if all.is_empty() { Ok(()) } else { write!(out, "{{{}}}", all.join(",")) }
    }
}

/// A number as OpenMetrics writes it: always with a point or an exponent, and infinity by its sign.
struct Number(f64);

impl Display for Number {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_infinite() {
            return out.write_str(if self.0 > 0.0 { "+Inf" } else { "-Inf" });
        }
        write!(out, "{:?}", self.0)
    }
}

/// Text between quotes, or after a family's name.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| match letter {
            '\\' => out.write_str("\\\\"),
            '"' => out.write_str("\\\""),
            '\n' => out.write_str("\\n"),
            letter => out.write_char(letter),
        })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use prometheus::{Gauge, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

    use super::*;

    #[test]
    fn an_exposition_looks_like_this() {
        let registry = Registry::new();
        let counter = IntCounterVec::new(Opts::new("a_total", "What \"a\" is."), &["kind"]).unwrap();
        counter.with_label_values(&["odd \"\\\n"]).inc_by(3);
        let gauge = Gauge::new("b", "A gauge.").unwrap();
        gauge.set(f64::NEG_INFINITY);
        let options = HistogramOpts::new("c_seconds", "Times.").buckets(vec![0.00025, 1.0, 3600.0]);
        let histogram = HistogramVec::new(options, &["stage"]).unwrap();
        histogram.with_label_values(&["x"]).observe(1.5);
        registry.register(Box::new(counter)).unwrap();
        registry.register(Box::new(gauge)).unwrap();
        registry.register(Box::new(histogram)).unwrap();
        let exemplars = Exemplars::new(&[0.00025, 1.0, 3600.0]);
        exemplars.observed(
            1.5,
            "0af7".to_owned(),
            std::time::UNIX_EPOCH + std::time::Duration::from_millis(1500),
        );
        expect![[r#"
            # TYPE a counter
            # HELP a What \"a\" is.
            a_total{kind="odd \"\\\n"} 3.0
            # TYPE b gauge
            # HELP b A gauge.
            b -Inf
            # TYPE c_seconds histogram
            # HELP c_seconds Times.
            c_seconds_bucket{stage="x",le="0.00025"} 0
            c_seconds_bucket{stage="x",le="1.0"} 0
            c_seconds_bucket{stage="x",le="3600.0"} 1 # {trace_id="0af7"} 1.5 1.500
            c_seconds_bucket{stage="x",le="+Inf"} 1
            c_seconds_count{stage="x"} 1
            c_seconds_sum{stage="x"} 1.5
            # EOF
        "#]]
        .assert_eq(&encode(&registry.gather(), ("c_seconds", &exemplars)));
    }
}
