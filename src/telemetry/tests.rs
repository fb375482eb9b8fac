//! Every metric under its name, as Prometheus would read it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::domain::Stage;

fn families(text: &str) -> BTreeSet<&str> {
    text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect()
}

#[test]
fn labels_that_are_known_start_at_nothing() {
    let metrics = Metrics::new();
    metrics.runs_on("cpu");
    let text = metrics.render();
    for stage in Stage::WITH_RETRIEVAL {
        for outcome in ["answered", "failed", "device-lost", "abandoned"] {
            let line = format!("riveg_stage_requests_total{{outcome=\"{outcome}\",stage=\"{stage}\"}} 0\n");
            assert!(text.contains(&line), "{line}{text}");
        }
        for histogram in
            ["batch_size", "padding_ratio", "queue_seconds", "compute_seconds", "latency_seconds"]
        {
            assert!(
                text.contains(&format!("riveg_stage_{histogram}_count{{stage=\"{stage}\"}} 0\n")),
                "{text}"
            );
        }
    }
    for outcome in ["fetched", "refused", "too-large", "failed"] {
        assert!(
            text.contains(&format!("riveg_picture_fetches_total{{outcome=\"{outcome}\"}} 0\n")),
            "{text}"
        );
    }
    assert!(text.contains("riveg_rebalances_total{kind=\"revoked\"} 0\n"), "{text}");
    for reason in ["rebalance", "refused", "not-sent", "not-confirmed"] {
        assert!(text.contains(&format!("riveg_commit_failures_total{{reason=\"{reason}\"}} 0\n")), "{text}");
    }
    let build = text.lines().find(|line| line.starts_with("riveg_build_info{")).unwrap();
    let labels = [
        ("version", env!("CARGO_PKG_VERSION")),
        ("revision", env!("RIVEG_REVISION")),
        ("libtorch", env!("RIVEG_LIBTORCH")),
        ("device", "cpu"),
    ];
    for (name, value) in labels {
        assert!(build.contains(&format!("{name}=\"{value}\"")) && !value.is_empty(), "{build}");
    }
    // What every Prometheus knows of a process.
    for family in ["cpu_seconds_total", "resident_memory_bytes", "start_time_seconds", "open_fds"] {
        assert!(text.contains(&format!("\nprocess_{family} ")), "{family} in\n{text}");
    }
}

#[test]
fn labels_that_are_found_out_start_at_nothing_when_they_are_known() {
    let metrics = Metrics::new();
    metrics.watch_cache("expansion", CacheTally::default);
    metrics.declare_dead_letters(&["not-json"], &["value"]);
    metrics.declare_output_topics(&["annotations", "dead-letters"]);
    metrics.partition_assigned("posts", 2);
    metrics.entities().declare_types(["PER"]);
    let _endpoint = metrics.llm("small");
    let text = metrics.render();
    for line in [
        r#"riveg_cache_requests_total{kind="expansion",outcome="join"} 0"#,
        r#"riveg_cache_entries{kind="expansion"} 0"#,
        r#"riveg_entities_total{gate="not-asked",type="PER"} 0"#,
        r#"riveg_produced_bytes_total{topic="annotations"} 0"#,
        r#"riveg_consumed_bytes_total{topic="posts"} 0"#,
        r#"riveg_dead_letters_total{class="not-json"} 0"#,
        r#"riveg_dead_letters_cut_total{what="value"} 0"#,
        r#"riveg_records_produced_total{topic="dead-letters"} 0"#,
        r#"riveg_records_consumed_total{partition="2",topic="posts"} 0"#,
        r#"riveg_outstanding_records{partition="2",topic="posts"} 0"#,
        r#"riveg_llm_requests_total{endpoint="small",outcome="answered"} 0"#,
        r#"riveg_llm_attempts_total{endpoint="small",outcome="too-large"} 0"#,
        r#"riveg_llm_tokens_total{direction="in",endpoint="small"} 0"#,
        r#"riveg_llm_breaker_state{endpoint="small"} 0"#,
        r#"riveg_llm_left_out_total{endpoint="small",reason="text"} 0"#,
        r#"riveg_llm_left_out_total{endpoint="small",reason="box"} 0"#,
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
}

#[test]
fn every_event_is_counted_where_its_name_says() {
    let metrics = Metrics::new();
    let ground = metrics.stage(Stage::Ground);
    ground.answered(Outcome::Failed, Duration::from_millis(3));
    ground.abandoned(2);
    ground.batch(5, 1.1);
    ground.queued(Duration::from_millis(2));
    ground.computed(Duration::from_millis(40));
    ground.split();
    ground.out_of_memory();
    metrics.watch_cache("expansion", || CacheTally { hits: 3, joins: 1, misses: 2, entries: 5, bytes: 90 });
    metrics.watch_pictures_read(Stage::Ground, || 4);
    metrics.fetches().fetched(70, Duration::from_millis(250));
    metrics.fetches().not_fetched(FetchOutcome::Refused, Duration::ZERO);
    metrics.fetches().retried();
    let llm = metrics.llm("small");
    llm.answered((30, 7), Duration::from_millis(1500));
    llm.failed(LlmFault::RateLimited, Duration::from_millis(500));
    llm.attempted(None);
    llm.attempted(Some(LlmFault::Open));
    llm.breaker(BreakerState::Open);
    drop(llm.asking());
    let _in_flight = llm.asking();
    metrics.bundle("abc");
    metrics.consumed("posts", 0, 300);
    metrics.dead_letter("not-json");
    metrics.dead_letter_cut("key");
    metrics.decoded(Duration::from_millis(7));
    metrics.delivered(Duration::from_secs(2), None);
    let moment = Instant::now();
    metrics.device().has_executors(1);
    metrics.device().waits(0, moment);
    metrics.device().works(0, moment + Duration::from_millis(500));
    metrics.watch_device_memory(("cpu", 1000), || 40);
    let _queued = ground.queue();
    drop(ground.queue());
    metrics.ingest().commit_failed(CommitFailure::Refused);
    metrics.lag().waits("posts", 0, Waiting { records: 9, oldest: None });
    metrics.posts_in_flight(12);
    metrics.picture_bytes_in_flight(4096);
    metrics.watermark("posts", 0, 41);
    metrics.outstanding("posts", 0, 3);
    metrics.paused_partitions(1);
    metrics.rebalanced(Rebalance::Assigned);
    let health = Arc::new(Health::default());
    metrics.watch_health(&health);
    let text = metrics.render();
    for line in [
        r#"riveg_stage_requests_total{outcome="failed",stage="ground"} 1"#,
        r#"riveg_stage_requests_total{outcome="abandoned",stage="ground"} 2"#,
        r#"riveg_stage_batch_size_sum{stage="ground"} 5"#,
        r#"riveg_stage_padding_ratio_sum{stage="ground"} 1.1"#,
        r#"riveg_stage_queue_seconds_sum{stage="ground"} 0.002"#,
        r#"riveg_stage_compute_seconds_bucket{stage="ground",le="0.05"} 1"#,
        r#"riveg_stage_latency_seconds_sum{stage="ground"} 0.003"#,
        r#"riveg_stage_queue_depth{stage="ground"} 1"#,
        r#"riveg_stage_splits_total{stage="ground"} 1"#,
        r#"riveg_stage_out_of_memory_total{stage="ground"} 1"#,
        r#"riveg_cache_requests_total{kind="expansion",outcome="hit"} 3"#,
        r#"riveg_cache_requests_total{kind="expansion",outcome="join"} 1"#,
        r#"riveg_cache_requests_total{kind="expansion",outcome="miss"} 2"#,
        r#"riveg_cache_entries{kind="expansion"} 5"#,
        r#"riveg_cache_bytes{kind="expansion"} 90"#,
        r#"riveg_pictures_read_total{stage="ground"} 4"#,
        r#"riveg_picture_fetches_total{outcome="fetched"} 1"#,
        r#"riveg_picture_fetches_total{outcome="refused"} 1"#,
        "riveg_picture_fetch_bytes_total 70",
        "riveg_picture_fetch_seconds_sum 0.25",
        "riveg_picture_fetch_retries_total 1",
        r#"riveg_llm_requests_total{endpoint="small",outcome="answered"} 1"#,
        r#"riveg_llm_requests_total{endpoint="small",outcome="rate-limited"} 1"#,
        r#"riveg_llm_attempts_total{endpoint="small",outcome="answered"} 1"#,
        r#"riveg_llm_attempts_total{endpoint="small",outcome="open"} 1"#,
        r#"riveg_llm_tokens_total{direction="in",endpoint="small"} 30"#,
        r#"riveg_llm_tokens_total{direction="out",endpoint="small"} 7"#,
        r#"riveg_llm_seconds_sum{endpoint="small"} 2"#,
        r#"riveg_llm_in_flight{endpoint="small"} 1"#,
        r#"riveg_llm_breaker_state{endpoint="small"} 2"#,
        r#"riveg_bundle_info{hash="abc"} 1"#,
        r#"riveg_records_consumed_total{partition="0",topic="posts"} 1"#,
        r#"riveg_dead_letters_total{class="not-json"} 1"#,
        r#"riveg_dead_letters_cut_total{what="key"} 1"#,
        "riveg_decode_seconds_count 1",
        "riveg_end_to_end_seconds_sum 2",
        r#"riveg_consumed_bytes_total{topic="posts"} 300"#,
        "riveg_device_idle_seconds_total 0.5",
        r#"riveg_device_memory_bytes{device="cpu",state="taken"} 40"#,
        r#"riveg_device_memory_bytes{device="cpu",state="limit"} 1000"#,
        r#"riveg_commit_failures_total{reason="refused"} 1"#,
        r#"riveg_consumer_lag_records{partition="0",topic="posts"} 9"#,
        r#"riveg_consumer_lag_seconds{partition="0",topic="posts"} 0"#,
        "riveg_ready 0",
        "riveg_alive 1",
        "riveg_posts_in_flight 12",
        "riveg_picture_bytes_in_flight 4096",
        r#"riveg_commit_watermark_offset{partition="0",topic="posts"} 41"#,
        r#"riveg_outstanding_records{partition="0",topic="posts"} 3"#,
        "riveg_paused_partitions 1",
        r#"riveg_rebalances_total{kind="assigned"} 1"#,
    ] {
        assert!(text.contains(&format!("\n{line}\n")), "{line} in\n{text}");
    }
    let families = families(&text);
    let ours = |family: &&str| family.starts_with("riveg_") || family.starts_with("process_");
    assert!(families.iter().all(ours), "{families:?}");
    assert_eq!(families.len(), text.matches("# HELP ").count(), "every family says what it counts");
}

#[test]
fn a_revoked_partition_is_no_longer_reported() {
    let metrics = Metrics::new();
    metrics.partition_assigned("posts", 1);
    metrics.watermark("posts", 1, 7);
    metrics.lag().waits("posts", 1, Waiting { records: 9, oldest: None });
    metrics.partition_revoked("posts", 1);
    metrics.partition_revoked("posts", 2);
    let text = metrics.render();
    for family in
        ["commit_watermark_offset", "outstanding_records", "consumer_lag_records", "consumer_lag_seconds"]
    {
        assert!(!text.contains(&format!("riveg_{family}{{")), "{family} in\n{text}");
    }
}

#[test]
fn a_stage_is_summed_up_for_reports() {
    let metrics = Metrics::new();
    let segment = metrics.stage(Stage::Segment);
    segment.batch(2, 1.0);
    segment.batch(4, 1.2);
    segment.queued(Duration::from_millis(7));
    for millis in 1..=100 {
        segment.answered(Outcome::Answered, Duration::from_millis(millis));
    }
    let summary = metrics.stage_summaries().swap_remove(Stage::Segment as usize);
    assert_eq!((summary.stage, summary.requests, summary.batches), (Stage::Segment, 100, 2));
    assert!((summary.mean_batch - 3.0).abs() < 1e-9 && (summary.mean_padding - 1.1).abs() < 1e-9);
    let near =
        |measured: Duration, millis: f64| (measured.as_secs_f64() * 1000.0 / millis - 1.0).abs() < 0.03;
    assert!(near(summary.latency_p50, 50.0) && near(summary.latency_p99, 99.0), "{summary:?}");
    assert_eq!(summary.max_batch, 4);
    assert!(near(summary.queue_p50, 7.0) && near(summary.queue_p99, 7.0), "{summary:?}");
    assert_eq!(summary.compute_p50, Duration::ZERO, "nothing ran");
}
