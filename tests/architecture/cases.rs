//! Cases that prove the checks: every kind of fault is found, and nothing else is.

use super::circles::circles;
use super::sources::Source;
use super::{MAX_ENTRIES, MAX_LINES, faults};

/// Names of files in one folder, and their texts.
type Files<'a> = &'a [(&'a str, &'a str)];

#[test]
fn every_kind_of_fault_is_found() {
    let long = "//! A file.\n".repeat(MAX_LINES + 1);
    let cases = [
        ("src/kafka/client/words.rs", "//! x\nuse crate::input::Post;", "`kafka` imports `input`"),
        (
            "src/kafka/client/words.rs",
            "//! x\nuse crate::{domain::Post, input::Post};",
            "`kafka` imports `input`",
        ),
        ("src/scheduler/lane.rs", "//! x\nuse super::super::input::Post;", "`scheduler` imports `input`"),
        ("src/kafka/client/mod.rs", "//! x\nuse super::super::input::Post;", "`kafka` imports `input`"),
        ("src/domain/post.rs", "//! x\nfn f() { crate::common::get() }", "`domain` imports `common`"),
        ("src/common/secret.rs", "//! x\nuse crate::engine::Engine;", "`common` imports `engine`"),
        ("src/common/secret.rs", "//! x\nuse riveg::cli::run;", "`common` imports `cli`"),
        ("src/novelty/post.rs", "//! x\nuse crate::domain::Post;", "`novelty` has no line in the table"),
        (
            "src/scheduler/lane.rs",
            "//! x\nuse crate::domain::{Post, Stage};",
            "`src/scheduler/` takes `Post` from `domain`",
        ),
        (
            "src/kafka/publish/wire.rs",
            "//! x\nuse crate::kafka::ingest::Ledger;",
            "`src/kafka/publish/` takes `Ledger` from `kafka::ingest`",
        ),
        ("src/stages/ground/mod.rs", "//! x\nfn f(tensor: &tch::Tensor) {}", "names `tch`"),
        ("src/stages/pipeline/mod.rs", "//! x\nuse rdkafka::Message;", "names `rdkafka`"),
        ("src/input/decode/mod.rs", "//! x\nuse anyhow::Context;", "names `anyhow`"),
        ("src/stages/ground/mod.rs", "// x\n", "does not begin with `//!`"),
        ("src/stages/ground/mod.rs", "//! Boxes: where is it?\n", "begins with a question"),
        ("tests/run.rs", "//! How boxes are found.\n", "begins with a question"),
        ("src/stages/ground/mod.rs", long.as_str(), "has 401 lines"),
        ("src/stages/ground/mod.rs", "//! x\nfn f() { todo!() }", "`todo!`"),
        ("tests/run.rs", "//! x\n#[ignore = \"slow\"]\n#[test]\nfn f() {}", "`#[ignore`"),
        ("tests/run.rs", "//! x\nfn f() { std::thread::sleep(second()); }", "sleeps"),
        (
            "src/stages/ground/mod.rs",
            "//! x\n#[cfg(test)]\nmod tests { fn f() { thread::sleep(second()); } }",
            "sleeps",
        ),
        (
            "src/stages/ground/tests.rs",
            "//! x\nasync fn f() { tokio::time::sleep(second()).await; }",
            "sleeps",
        ),
        (
            "src/engine/stream/mod.rs",
            "//! x\nfn f() { warn!(a = f(1, ?), ?summary, \"x\"); }",
            "logs `?summary`",
        ),
        (
            "src/engine/stream/mod.rs",
            "//! x\nfn f() { tracing::debug!(\n    wait = ?left(1)\n); }",
            "logs `wait = ?left(1)`",
        ),
        (
            "src/engine/stream/mod.rs",
            "//! x\nfn f() { warn!(%error, \"x\"); }",
            "logs `%error` without its causes",
        ),
    ];
    for (path, text, fault) in cases {
        let found = faults(&[Source::new(path, text)]);
        assert!(found.len() == 1 && found[0].contains(fault), "{path}: {text:.80}\nfound {found:?}");
    }
}

#[test]
fn what_is_allowed_is_not_a_fault() {
    let cases = [
        (
            "src/stages/entail/gate.rs",
            "//! x\n// crate::lab says\nconst A: &str = \"crate::lab::tch::todo!()\";",
        ),
        (
            "src/stages/entail/gate.rs",
            "//! x\nuse super::{Request, Reply};\nuse crate::{domain::Post, scheduler::Handle};",
        ),
        ("src/scheduler/lane.rs", "//! x\nuse crate::domain::Stage;\nuse crate::telemetry::Metrics;"),
        ("src/kafka/publish/wire.rs", "//! x\nuse crate::kafka::ingest::Ticket;"),
        ("src/networks/sam.rs", "//! x\nuse tch::Tensor;\nuse crate::stages::segment::Request;"),
        ("src/kafka/ingest/poll.rs", "//! x\nuse rdkafka::Message;\nfn f() { thread::sleep(moment()); }"),
        ("src/stages/ground/mod.rs", "//! x\n#[cfg(test)]\nmod tests { use crate::telemetry::Metrics; }"),
        (
            "src/engine/stream/mod.rs",
            "//! x\nuse crate::stages::Grounder;\nuse crate::kafka::ingest::Ledger;",
        ),
        (
            "src/engine/stream/mod.rs",
            "//! x\nfn f() { warn!(error = %Causes(&error), at = g()?, \"why?, ?x\"); }",
        ),
        ("src/cli/run.rs", "//! x\nuse crate::engine::run;"),
        (
            "src/lab/eval/mod.rs",
            "//! x\nfn f(c: char) -> bool { c == '\"' || c == '\\'' }\nfn g<'a>(a: &'a str) {}",
        ),
    ];
    for (path, text) in cases {
        assert_eq!(faults(&[Source::new(path, text)]), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn a_room_without_a_short_header_is_a_fault() {
    let long = "//! x\n".repeat(11);
    for (text, lines) in [("//! x\n", "this one 1"), (long.as_str(), "this one 11")] {
        let found = faults(&[Source::new("src/domain/mod.rs", text)]);
        assert!(found.len() == 1 && found[0].ends_with(lines), "{found:?}");
    }
    assert_eq!(faults(&[Source::new("src/domain/mod.rs", "//! x\n//! y\n")]), Vec::<String>::new());
}

#[test]
fn too_many_entries_of_src_are_a_fault() {
    let file = |number: usize| Source::new(&format!("src/domain{number}.rs"), "//! x\n");
    let most: Vec<Source> = (0..MAX_ENTRIES).map(file).collect();
    assert_eq!(faults(&most), Vec::<String>::new());
    let more: Vec<Source> = (0..=MAX_ENTRIES).map(file).collect();
    assert_eq!(faults(&more), ["src: has 15 entries, more than 14"]);
}

#[test]
fn an_import_against_the_rows_of_folders_is_a_fault() {
    let item = "//! x\npub fn f() {}\npub mod inner;";
    let cases = [
        ("src/stages/ground/a.rs", "crate::stages::entail::f", "src/stages/entail/mod.rs", true),
        ("src/stages/ground/a.rs", "super::super::entail::f", "src/stages/entail/mod.rs", true),
        ("src/stages/ground/a.rs", "crate::stages::pipeline::f", "src/stages/pipeline/mod.rs", true),
        ("src/stages/pipeline/a.rs", "crate::stages::entail::f", "src/stages/entail/mod.rs", false),
        ("src/networks/seqtr/a.rs", "crate::networks::sam::f", "src/networks/sam/mod.rs", true),
        ("src/networks/seqtr/a.rs", "crate::networks::bundle::f", "src/networks/bundle/mod.rs", true),
        ("src/networks/seqtr/a.rs", "crate::networks::blocks::f", "src/networks/blocks/mod.rs", false),
        ("src/networks/bundle/a.rs", "crate::networks::seqtr::f", "src/networks/seqtr/mod.rs", false),
        ("src/llm/client/a.rs", "crate::llm::answers::f", "src/llm/answers/mod.rs", true),
        ("src/llm/cached/a.rs", "crate::llm::answers::f", "src/llm/answers/mod.rs", false),
    ];
    for (file, path, imported, is_fault) in cases {
        let room = file.split('/').nth(1).unwrap();
        let sources = [
            Source::new("src/lib.rs", "//! x\n"),
            Source::new(&format!("src/{room}/mod.rs"), "//! x\n//! y\n"),
            Source::new(file, &format!("//! x\nuse {path};")),
            Source::new(imported, item),
        ];
        let found = faults(&sources);
        assert_eq!(found.len(), usize::from(is_fault), "{file} imports {path}: {found:?}");
        assert!(found.iter().all(|fault| fault.starts_with(file) && fault.contains(path)), "{found:?}");
    }
}

#[test]
fn circles_between_files_are_found() {
    let cases: &[(&str, Files<'_>, &[&str])] = &[
        (
            "two files",
            &[("a", "use super::b::B; struct A;"), ("b", "use super::a::A; struct B;")],
            &["a", "b"],
        ),
        (
            "three files",
            &[
                ("a", "struct A(crate::m::b::B);"),
                ("b", "use crate::m::c; struct B; fn f() { c::f(); }"),
                ("c", "use super::a::{self as first}; pub fn f(a: &first::A) {}"),
            ],
            &["a", "b", "c"],
        ),
        (
            "a parent that uses what uses it",
            &[("mod", "mod a; use a::A; struct M(A);"), ("a", "use super::M; struct A; impl M {}")],
            &["a", "mod"],
        ),
        (
            "through a re-export",
            &[
                ("mod", "mod a; mod b; pub use a::A; pub use b::B;"),
                ("a", "use super::B; struct A;"),
                ("b", "use super::A as First; struct B;"),
            ],
            &["a", "b"],
        ),
        (
            "through a glob",
            &[
                ("mod", "mod a; mod b; pub use self::a::*;"),
                ("a", "use super::b::f; pub struct A;"),
                ("b", "fn f(a: super::A) {}"),
            ],
            &["a", "b"],
        ),
    ];
    for (case, files, expected) in cases {
        let found = circles_of(files);
        assert_eq!(found.len(), 1, "{case}: {found:?}");
        let named: Vec<&str> =
            expected.iter().copied().filter(|file| found[0].contains(&format!("/{file}.rs ->"))).collect();
        assert_eq!(named, *expected, "{case}: {found:?}");
    }
}

#[test]
fn what_is_no_circle_is_not_found() {
    let cases: &[(&str, Files<'_>)] = &[
        ("one way", &[("a", "use super::b::B; struct A;"), ("b", "struct B;")]),
        (
            "a parent that only re-exports",
            &[("mod", "mod a; pub use a::A; struct M;"), ("a", "use super::M; struct A;")],
        ),
        (
            "tests",
            &[
                ("a", "use super::b::B; struct A;"),
                ("b", "struct B;\n#[cfg(test)]\nmod tests { use super::super::a::A; }"),
            ],
        ),
        (
            "a file of tests",
            &[("a", "#[cfg(test)] mod a_tests; fn f() {}"), ("a_tests", "use super::a::f; pub fn g() {}")],
        ),
        (
            "helpers under `cfg(test)`",
            &[
                ("a", "#[cfg(test)] use super::b::{B, C}; struct A;"),
                ("b", "use super::a::A; struct B; struct C;"),
            ],
        ),
        (
            "words in comments and literals",
            &[("a", "struct A; // super::b::B"), ("b", "struct B(super::a::A);")],
        ),
        (
            "methods and fields of a name",
            &[("a", "pub fn f() { x.g(); }"), ("b", "use super::a::f; pub fn g() {}")],
        ),
    ];
    for (case, files) in cases {
        assert_eq!(circles_of(files), Vec::<String>::new(), "{case}");
    }
}

fn circles_of(files: Files<'_>) -> Vec<String> {
    let parents = [("../lib", ""), ("mod", "")]
        .into_iter()
        .filter(|(name, _)| files.iter().all(|(file, _)| file != name));
    let source =
        |(name, text): (&str, &str)| Source::new(&format!("src/m/{name}.rs").replace("m/../", ""), text);
    circles(&parents.chain(files.iter().copied()).map(source).collect::<Vec<_>>())
}
