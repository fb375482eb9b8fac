//! Troubles: how the fault of each alert is provoked, in real engines.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::message::OwnedHeaders;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use riveg::lab::world::{Split, World};
use serde_json::Value;

use super::alerts::hurried;
use super::faults::{Shown, all_is_well};
use super::feed::world_post;
use super::scrape_target::ScrapeTarget;
use super::site::{Site, free_address};
use crate::kafka::{EchoPipeline, EngineProcess, RunningEngine, TestTopics, post};
use crate::support::{Forwarder, Prometheus, Redis, Writer, broker, delete_records, pocket_bundle, until};

/// A Prometheus that has scraped this engine, with the rules of [`hurried`].
pub(super) fn watching(target: &str, seconds: u32) -> Prometheus {
    let prometheus = Prometheus::watching(&[target]);
    until("the engine is scraped", || (!prometheus.query("up == 1").is_empty()).then_some(()));
    prometheus.evaluate(&hurried(seconds));
    prometheus
}

/// Waits until a counter has been scraped at 0: what it counts from then on is an increase.
pub(super) fn until_at_zero(prometheus: &Prometheus, series: &str) {
    until(series, || (!prometheus.query(&format!("{series} == 0")).is_empty()).then_some(()));
}

fn write(names: &TestTopics, numbers: std::ops::Range<i32>) {
    let writer = Writer::new(&names.bootstrap);
    for number in numbers {
        let id = number.to_string();
        writer.send(&names.input, 0, Some(&id), Some(&post(&id)));
    }
    writer.flush();
}

pub(super) fn nothing_is_finished(shown: &mut Shown) {
    let names = TestTopics::with_topics(1);
    let writer = Writer::new(broker());
    // Older than the bound of RivegLagging.
    let written = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() - Duration::from_secs(600);
    for number in 0..12 {
        let id = number.to_string();
        let at = i64::try_from(written.as_millis()).unwrap();
        writer.send_at(&names.input, (Some(id.as_bytes()), &post(&id)), OwnedHeaders::new(), at);
    }
    writer.flush();
    let echo = EchoPipeline::gated();
    let engine = RunningEngine::start(names.settings(3), &echo);
    let target = ScrapeTarget::of(&engine.metrics, &engine.health);
    let prometheus = watching(&target.address, 1);
    shown.fires(&prometheus, &["RivegStandsStill", "RivegPartitionStuck", "RivegLagging"], &[]);
    echo.gate.add_permits(12);
    all_is_well(&prometheus);
    engine.stop().unwrap();
}

pub(super) fn what_it_needs_goes_away(shown: &mut Shown) {
    let mut redis = Redis::start();
    let mut site = Site::start(&[&format!("answers.redis={}", redis.address())]);
    let prometheus = watching(&site.engine.address, 1);
    let feed = site.feed();
    // Longer than every window of the rules.
    until("an engine that works", || {
        (!prometheus.query("count_over_time(up[10m]) > 40").is_empty()).then_some(())
    });
    assert_eq!(prometheus.have_fired(), [].into(), "an engine that works");

    feed.switches.is_malformed.store(true, Ordering::Relaxed);
    shown.fires(&prometheus, &["RivegDeadLetters"], &[]);
    feed.switches.is_malformed.store(false, Ordering::Relaxed);
    all_is_well(&prometheus);

    site.pictures.breaks();
    // One in ten posts lacks its picture.
    let before = ["RivegDeadLetters", "RivegPicturesFail", "RivegAnswersDegraded"];
    shown.fires(&prometheus, &["RivegPicturesFail"], &before);

    redis.kill();
    // Only names that are not known yet are looked for there.
    feed.switches.has_new_names.store(true, Ordering::Relaxed);
    shown.fires(&prometheus, &["RivegAnswerStoreFails"], &before);

    drop(site.model.take());
    shown.fires(
        &prometheus,
        &["RivegLlmAway", "RivegLlmFails", "RivegAnswersDegraded"],
        &[&before[..], &["RivegAnswerStoreFails"]].concat(),
    );
    drop(feed);
    let (code, log) = site.engine.stop();
    assert_eq!(code, Some(0), "{log}");
}

pub(super) fn an_engine_is_stopped(shown: &mut Shown) {
    let names = TestTopics::with_topics(1);
    let mut engine = EngineProcess::start(&names, &[]);
    let prometheus = watching(&engine.address, 1);
    engine.signal("-STOP");
    shown.fires(&prometheus, &["RivegAway"], &[]);
    engine.signal("-CONT");
    all_is_well(&prometheus);
    engine.stop();
}

pub(super) fn an_engine_is_killed_again_and_again(shown: &mut Shown) {
    let (names, address) = (TestTopics::with_topics(1), free_address());
    let set = format!("telemetry.address={address}");
    let mut engine = EngineProcess::start(&names, &[&set]);
    let prometheus = watching(&address, 1);
    let mut starts = 1.0;
    while !prometheus.firing().contains("RivegRestarts") {
        engine.signal("-KILL");
        engine.ends();
        engine = EngineProcess::start(&names, &[&set]);
        let seen = "1 + changes(process_start_time_seconds{job=\"riveg\"}[5m])";
        until("it is scraped", || {
            let now = prometheus.query(seen).first().map_or(0.0, |(_, value)| *value);
            (now > starts).then(|| starts = now)
        });
        assert!(starts < 12.0, "{starts} starts and no alert");
    }
    shown.fires(&prometheus, &["RivegRestarts"], &["RivegAway"]);
}

pub(super) fn more_posts_than_networks_can_answer(shown: &mut Shown) {
    let names = TestTopics::with_topics(1);
    let bundle = format!("bundle.path={}", pocket_bundle().display());
    let sets = [bundle.as_str(), "engine.posts_in_flight=2000", "expand.sources=[\"lexicon\"]"];
    let mut engine = EngineProcess::start(&names, &sets);
    let prometheus = watching(&engine.address, 1);
    let (world, writer) = (World::new(1, Split::Test), Writer::new(broker()));
    // To draw all of them would take longer than to answer them.
    let mut posts: Vec<Value> = (0..40).map(|index| world_post(&world, index, "")).collect();
    for number in 0..4000 {
        let (id, post) = (number.to_string(), &mut posts[number % 40]);
        post["id"] = id.clone().into();
        writer.send(&names.input, 0, Some(&id), Some(post.to_string().as_bytes()));
    }
    writer.flush();
    shown.fires(&prometheus, &["RivegStageSlow"], &["RivegPartitionStuck", "RivegStandsStill"]);
    engine.signal("-KILL");
    engine.ends();
}

pub(super) fn no_broker(shown: &mut Shown) {
    let mut settings = TestTopics::with_topics(1).settings(4);
    settings.kafka.bootstrap = Forwarder::closed().address();
    let engine = RunningEngine::start(settings, &EchoPipeline::open());
    let target = ScrapeTarget::of(&engine.metrics, &engine.health);
    shown.fires(&watching(&target.address, 1), &["RivegNotReady"], &[]);
    // It cannot say goodbye to its brokers, which is no matter here.
    drop(engine.stop());
}

pub(super) fn records_are_deleted(shown: &mut Shown) {
    let names = TestTopics::with_topics(1);
    write(&names, 0..100);
    let echo = EchoPipeline::gated();
    let engine = RunningEngine::start(names.settings(5), &echo);
    let target = ScrapeTarget::of(&engine.metrics, &engine.health);
    let prometheus = watching(&target.address, 1);
    until_at_zero(&prometheus, "riveg_records_lost_total");
    until("reading pauses", || (engine.gauge("riveg_paused_partitions") == 1).then_some(()));
    delete_records(broker(), &names.input, 0, 50);
    echo.gate.add_permits(1000);
    shown.fires(&prometheus, &["RivegRecordsLost"], &[]);
    engine.stop().unwrap();
}

/// A broker that refuses so many requests of a kind, and names of topics on it.
fn refusing(
    request: RDKafkaApiKey,
    refusal: RDKafkaRespErr,
    times: usize,
) -> (MockCluster<'static, DefaultProducerContext>, TestTopics) {
    let cluster = MockCluster::new(1).unwrap();
    let names = TestTopics::new(&cluster.bootstrap_servers());
    for topic in [&names.input, &names.output, &names.dead] {
        cluster.create_topic(topic, 1, 1).unwrap();
    }
    cluster.request_errors(request, &vec![refusal; times]);
    (cluster, names)
}

pub(super) fn commits_are_refused(shown: &mut Shown) {
    let (_cluster, names) = refusing(
        RDKafkaApiKey::OffsetCommit,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_COMMIT_OFFSET_SIZE,
        40,
    );
    let engine = RunningEngine::start(names.settings(8), &EchoPipeline::open());
    let target = ScrapeTarget::of(&engine.metrics, &engine.health);
    let prometheus = watching(&target.address, 1);
    until_at_zero(&prometheus, "riveg_commit_failures_total{reason=\"refused\"}");
    write(&names, 0..8);
    shown.fires(&prometheus, &["RivegCommitsFail"], &[]);
    engine.stop().unwrap();
}

pub(super) fn transactions_are_refused(shown: &mut Shown) {
    let (cluster, names) = refusing(
        RDKafkaApiKey::TxnOffsetCommit,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
        // Some twenty seconds, one in each commit_interval.
        400,
    );
    let engine = RunningEngine::start(names.exactly_once(8, "a"), &EchoPipeline::open());
    let target = ScrapeTarget::of(&engine.metrics, &engine.health);
    let prometheus = watching(&target.address, 1);
    until_at_zero(&prometheus, "riveg_transaction_seconds_count{outcome=\"aborted\"}");
    write(&names, 0..8);
    let beside = ["RivegCommitsFail", "RivegStandsStill", "RivegPartitionStuck"];
    shown.fires(&prometheus, &["RivegTransactionsAbort"], &beside);
    // The engine ends when its last transaction is committed.
    cluster.clear_request_errors(RDKafkaApiKey::TxnOffsetCommit);
    engine.stop().unwrap();
}

pub(super) fn the_group_does_not_settle(shown: &mut Shown) {
    let names = TestTopics::with_topics(4);
    let first = RunningEngine::start(names.settings(8), &EchoPipeline::open());
    let target = ScrapeTarget::of(&first.metrics, &first.health);
    // A rebalance takes seconds.
    let prometheus = watching(&target.address, 4);
    until_at_zero(&prometheus, "riveg_rebalances_total{kind=\"revoked\"}");
    let assigned = "riveg_rebalances_total{kind=\"assigned\"}";
    for _ in 0..12 {
        let before = first.gauge(assigned);
        let second = RunningEngine::start(names.settings(8), &EchoPipeline::open());
        until("the second has partitions", || (second.gauge(assigned) > 0).then_some(()));
        second.stop().unwrap();
        until("the first has all again", || (first.gauge(assigned) > before).then_some(()));
        if prometheus.firing().contains("RivegRebalances") {
            break;
        }
    }
    shown.fires(&prometheus, &["RivegRebalances"], &[]);
    first.stop().unwrap();
}
