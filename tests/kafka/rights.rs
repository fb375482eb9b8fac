//! Rights in `riveg check`: of a user who has all of them, and of users who lack one. The check writes nothing to the
//! topics.

use crate::support::{
    Finished, Operation, OwnBroker, Resource, allow_only, create_topic, log_end, own_broker, riveg, unique,
};

/// A check by the broker's only user, for topics with that prefix.
fn check(broker: &OwnBroker, name: &str, more: &[&str]) -> Finished {
    let properties = [
        ("kafka.bootstrap", broker.sasl.clone()),
        ("kafka.properties.security.protocol", "SASL_SSL".to_owned()),
        ("kafka.properties.ssl.ca.location", broker.file("ca.pem")),
        ("kafka.properties.sasl.mechanism", "SCRAM-SHA-512".to_owned()),
        ("kafka.properties.sasl.username", "riveg".to_owned()),
        ("kafka.properties.sasl.password", format!("${{file:{}}}", broker.file("password"))),
        ("ingest.topic", format!("{name}-in")),
        ("ingest.group", format!("{name}-group")),
        ("publish.topic", format!("{name}-out")),
        ("publish.dead_letter_topic", format!("{name}-dead")),
    ];
    let sets: Vec<String> = properties.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let skip = ["check", "--skip", "bundle", "--skip", "llm", "--skip", "state"];
    let sets = sets.iter().flat_map(|set| ["--set", set]);
    riveg(&skip.into_iter().chain(sets).chain(more.iter().copied()).collect::<Vec<_>>(), b"")
}

fn topics(broker: &OwnBroker) -> String {
    let name = unique("rights");
    for kind in ["in", "out", "dead"] {
        create_topic(&broker.plain, &format!("{name}-{kind}"), 1);
    }
    name
}

fn row<'a>(finished: &'a Finished, what: &str) -> &'a str {
    let row = finished.stdout.lines().find(|line| line.starts_with(what));
    row.unwrap_or_else(|| panic!("{what}: {}{}", finished.stdout, finished.stderr))
}

#[test]
fn a_check_reports_rights_to_read_and_write_and_writes_nothing() {
    let broker = own_broker();
    let all = topics(broker);
    let finished = check(broker, &all, &[]);
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    let read = row(&finished, &format!("right to read {all}-in"));
    assert!(read.contains("  ok  ") && read.contains("READ is granted, and the group"), "{read}");
    for kind in ["out", "dead"] {
        let write = row(&finished, &format!("right to write to {all}-{kind}"));
        assert!(write.contains("  ok  ") && write.contains("WRITE is granted"), "{write}");
    }
    for kind in ["in", "out", "dead"] {
        let ends = log_end(&broker.plain, &format!("{all}-{kind}"), 1);
        assert_eq!(ends[&0], 0, "something was written to {kind}");
    }
    let skipped = check(broker, &all, &["--skip", "rights"]);
    assert!(!skipped.stdout.contains("right to"), "{}", skipped.stdout);

    let group = |name: &str| format!("{name}-group");
    let (no_read, no_write, no_group, unseen) =
        (topics(broker), topics(broker), topics(broker), topics(broker));
    // An access rule for a topic removes all other rights to it.
    allow_only(&broker.plain, "riveg", Operation::Describe, Resource::Topic(&format!("{no_read}-in")));
    for kind in ["out", "dead"] {
        allow_only(&broker.plain, "riveg", Operation::Read, Resource::Topic(&format!("{no_write}-{kind}")));
    }
    allow_only(&broker.plain, "another", Operation::Read, Resource::Group(&group(&no_group)));
    allow_only(&broker.plain, "another", Operation::Write, Resource::Topic(&format!("{unseen}-in")));
    let cases = [
        (
            &no_read,
            vec![("right to read", "READ is not granted"), ("right to read", "grant READ on ingest.topic")],
        ),
        (
            &no_write,
            vec![
                ("right to write to", "WRITE is not granted"),
                ("right to write to", "WRITE on publish.topic"),
            ],
        ),
        (&no_group, vec![("right to read", "may not be used"), ("right to read", "ingest.group")]),
        (&unseen, vec![("topic ", "is not authorised for the topic")]),
    ];
    for (name, rows) in cases {
        let finished = check(broker, name, &[]);
        assert_eq!(finished.code, Some(1), "{name}: {}{}", finished.stdout, finished.stderr);
        for (what, part) in rows {
            let failed = finished
                .stdout
                .lines()
                .find(|line| line.starts_with(what) && line.contains("FAILED") && line.contains(part));
            assert!(failed.is_some(), "{what}: {part}: {}", finished.stdout);
        }
        assert_eq!(log_end(&broker.plain, &format!("{name}-out"), 1)[&0], 0);
    }
}
