//! Record sizes: no record is too large for the engine, whatever the limits of topics, in both delivery modes. `riveg
//! check` names records that would not fit.

use rdkafka::message::{Header, Message, OwnedHeaders, OwnedMessage};
use riveg::engine::{Settings, Summary};

use super::echo::{EchoPipeline, post};
use super::running::{RunningEngine, TestTopics};
use crate::support::{
    Writer, broker, committed, create_topic, create_topic_with, header, log_end, read_committed, riveg,
    unique, until,
};

/// Kafka's default limit for a record.
const USUAL: &str = "1048588";

/// Topics of one partition with these limits for records.
fn topics(input: &str, output: &str, dead: &str) -> TestTopics {
    let names = TestTopics::new(broker());
    for (topic, limit) in [(&names.input, input), (&names.output, output), (&names.dead, dead)] {
        create_topic_with(&names.bootstrap, topic, 1, &[("max.message.bytes", limit)]);
    }
    names
}

/// Incompressible bytes.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn trace() -> OwnedHeaders {
    OwnedHeaders::new().insert(Header { key: "trace", value: Some("1") })
}

/// Runs an engine in each mode over the records of `feed` until all are committed.
fn in_both_modes(
    limits: [&str; 3],
    feed: impl Fn(&TestTopics, &Writer),
    check: impl Fn(&[OwnedMessage], &[OwnedMessage], &str, Summary),
) {
    let modes: [fn(&TestTopics) -> Settings; 2] =
        [|names| names.settings(16), |names| names.exactly_once(16, "a")];
    for settings in modes {
        let names = topics(limits[0], limits[1], limits[2]);
        let writer = Writer::new(&names.bootstrap);
        feed(&names, &writer);
        writer.flush();
        let engine = RunningEngine::start(settings(&names), &EchoPipeline::open());
        let ends = log_end(broker(), &names.input, 1);
        until("the group stands at the end", || {
            (committed(broker(), &names.group, &names.input, 1) == ends).then_some(())
        });
        let metrics = engine.metrics.render();
        let summary = engine.stop().unwrap();
        let output = read_committed(broker(), &names.output, 1);
        let dead = read_committed(broker(), &names.dead, 1);
        check(&output, &dead, &metrics, summary);
    }
}

#[test]
fn a_key_as_large_as_the_topics_limit_is_replaced_by_its_hash_and_later_posts_are_answered() {
    let key = noise(1_048_300);
    let feed = |names: &TestTopics, writer: &Writer| {
        writer.send(&names.input, 0, Some("a"), Some(&post("a")));
        // One that is not a post, and one whose answer does not fit together with that key.
        writer.send_at(&names.input, (Some(&key), b"x"), OwnedHeaders::new(), 1_700_000_000_000);
        writer.send_at(&names.input, (Some(&key), br#"{"id":"k"}"#), OwnedHeaders::new(), 1_700_000_000_000);
        writer.send(&names.input, 0, Some("b"), Some(&post("b")));
    };
    in_both_modes([USUAL; 3], feed, |output, dead, metrics, summary| {
        assert_eq!(summary, Summary { posts_in: 4, annotations: 2, dead_letters: 2, uncommitted: 0 });
        let keys: Vec<_> = output.iter().map(|answer| answer.key().unwrap()).collect();
        assert_eq!(keys, [b"a", b"b"]);
        let hash = format!("blake3:{}", blake3::hash(&key).to_hex());
        for (letter, (class, bytes)) in dead.iter().zip([("malformed", "1"), ("too-large", "10")]) {
            assert_eq!((letter.key(), letter.payload()), (Some(hash.as_bytes()), None));
            assert_eq!(header(letter, "riveg.error.class"), Some(class));
            assert_eq!(header(letter, "riveg.error.key-omitted"), Some("1048300"));
            assert_eq!(header(letter, "riveg.error.value-omitted"), Some(bytes));
            assert_eq!(header(letter, "riveg.error.headers-omitted"), None, "it had none");
        }
        assert!(metrics.contains("riveg_dead_letters_cut_total{what=\"key\"} 2"), "{metrics}");
    });
}

#[test]
fn a_letter_drops_its_value_first_and_keeps_the_records_headers() {
    let value = noise(1_048_400);
    let feed = |names: &TestTopics, writer: &Writer| {
        writer.send_with(&names.input, 0, (Some("a"), Some(&value)), trace());
        writer.send(&names.input, 0, Some("b"), Some(&post("b")));
    };
    in_both_modes([USUAL; 3], feed, |_, dead, metrics, summary| {
        assert_eq!(summary, Summary { posts_in: 2, annotations: 1, dead_letters: 1, uncommitted: 0 });
        assert_eq!((dead[0].key(), dead[0].payload()), (Some(&b"a"[..]), None));
        assert_eq!(header(&dead[0], "riveg.error.value-omitted"), Some("1048400"));
        assert_eq!(header(&dead[0], "trace"), Some("1"));
        assert!(metrics.contains("riveg_dead_letters_cut_total{what=\"value\"} 1"), "{metrics}");
        assert!(metrics.contains("riveg_dead_letters_cut_total{what=\"headers\"} 0"), "{metrics}");
    });
}

#[test]
fn answers_and_dead_letters_drop_a_large_header() {
    // Zeros, which compress well in the input topic, but exceed the limit of the other topics.
    let zeros = vec![0; 6_000_000];
    let large = || trace().insert(Header { key: "large", value: Some(&zeros) });
    let feed = |names: &TestTopics, writer: &Writer| {
        writer.send_with(&names.input, 0, (Some("a"), Some(&post("a"))), large());
        writer.send_with(&names.input, 0, (Some("bad"), Some(b"x")), large());
        writer.send_with(&names.input, 0, (Some("b"), Some(&post("b"))), trace());
    };
    in_both_modes(["8388608", "16384", "16384"], feed, |output, dead, _, summary| {
        assert_eq!(summary, Summary { posts_in: 3, annotations: 2, dead_letters: 1, uncommitted: 0 });
        assert_eq!(header(&output[0], "riveg.source.headers-omitted"), Some("2"));
        assert_eq!((header(&output[0], "trace"), header(&output[1], "trace")), (None, Some("1")));
        assert_eq!(header(&output[1], "riveg.source.headers-omitted"), None);
        assert_eq!(dead[0].key(), Some(&b"bad"[..]), "a key of usual length stays");
        assert_eq!(header(&dead[0], "riveg.error.headers-omitted"), Some("2"));
    });
}

#[test]
fn a_truncated_letter_keeps_its_place_in_the_order() {
    let large = noise(1_048_400);
    let feed = |names: &TestTopics, writer: &Writer| {
        for _ in 0..5 {
            writer.send(&names.input, 0, Some("a"), Some(&large));
            (0..3).for_each(|_| writer.send(&names.input, 0, Some("a"), Some(b"x")));
        }
    };
    in_both_modes([USUAL; 3], feed, |_, dead, _, summary| {
        assert_eq!(summary, Summary { posts_in: 20, annotations: 0, dead_letters: 20, uncommitted: 0 });
        let offsets: Vec<usize> = dead
            .iter()
            .map(|letter| header(letter, "riveg.error.offset").unwrap().parse().unwrap())
            .collect();
        assert_eq!(offsets, (0..20).collect::<Vec<usize>>());
    });
}

#[test]
fn letters_that_are_too_large_only_as_a_batch_keep_their_records() {
    let feed = |names: &TestTopics, writer: &Writer| {
        for number in 0..8_usize {
            writer.send(&names.input, 0, Some("a"), Some(&noise(9_000 + number)));
        }
        writer.send(&names.input, 0, Some("b"), Some(&noise(30_000)));
    };
    in_both_modes([USUAL, USUAL, "20000"], feed, |_, dead, metrics, summary| {
        assert_eq!(summary, Summary { posts_in: 9, annotations: 0, dead_letters: 9, uncommitted: 0 });
        let mut sizes: Vec<usize> =
            dead.iter().map(|letter| letter.payload().map_or(0, <[u8]>::len)).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [0, 9_000, 9_001, 9_002, 9_003, 9_004, 9_005, 9_006, 9_007]);
        assert!(metrics.contains("riveg_dead_letters_cut_total{what=\"value\"} 1"), "{metrics}");
    });
}

#[test]
fn a_check_names_records_that_would_not_fit() {
    let names = TestTopics::new(broker());
    create_topic_with(&names.bootstrap, &names.input, 1, &[("max.message.bytes", "4000000")]);
    create_topic_with(&names.bootstrap, &names.output, 1, &[("max.message.bytes", "4000000")]);
    create_topic(&names.bootstrap, &names.dead, 1);
    let check = |dead: &str, more: &[&str]| {
        let sets = [
            format!("kafka.bootstrap={}", names.bootstrap),
            format!("ingest.topic={}", names.input),
            format!("publish.topic={}", names.output),
            format!("publish.dead_letter_topic={dead}"),
        ];
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        let skip = ["check", "--skip", "bundle", "--skip", "llm"];
        let arguments: Vec<&str> = skip.into_iter().chain(sets).chain(more.iter().copied()).collect();
        let finished = riveg(&arguments, b"");
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        finished.stdout.lines().last().unwrap().to_owned()
    };
    let fits = check(&names.dead, &[]);
    assert!(fits.starts_with("sizes of records") && fits.contains("  ok  "), "{fits}");
    assert!(fits.contains("input 4000000, output 4000000, dead letters 8388608"), "{fits}");
    let small = unique("small");
    create_topic_with(&names.bootstrap, &small, 1, &[("max.message.bytes", "1048588")]);
    let row = check(&small, &["--set", "decode.max_record=1MiB"]);
    for part in
        ["  WARN  ", "dead letters takes 1048588 bytes", "up to 4004096", "decode.max_record is 1048576"]
    {
        assert!(row.contains(part), "{part} is not in {row}");
    }
}
