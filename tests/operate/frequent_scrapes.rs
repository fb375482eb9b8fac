//! Frequent scrapes: a Prometheus that asks every 100 ms gets its answers in time, and posts are answered meanwhile.

use super::scrape_target::ScrapeTarget;
use crate::kafka::{EchoPipeline, RunningEngine, TestTopics, post};
use crate::support::{Prometheus, Writer, read, until};

#[test]
fn scrapes_every_100_ms_are_answered_and_hold_up_no_post() {
    let names = TestTopics::with_topics(1);
    let engine = RunningEngine::start(names.settings(6), &EchoPipeline::open());
    let target = ScrapeTarget::of(&engine.metrics, &engine.health);
    let prometheus = Prometheus::watching_every("100ms", &[&target.address]);
    let writer = Writer::new(&names.bootstrap);
    let mut answers = read(&names.bootstrap, &names.output, 1);
    let mut written = 0;
    until("forty scrapes", || {
        for _ in 0..5 {
            let id = written.to_string();
            writer.send(&names.input, 0, Some(&id), Some(&post(&id)));
            written += 1;
        }
        writer.flush();
        answers.at_least(written);
        // A scrape that takes longer than 100 ms is one that failed, and counts as 0.
        (!prometheus.query("sum_over_time(up[1m]) >= 40").is_empty()).then_some(())
    });
    engine.stop().unwrap();
}
