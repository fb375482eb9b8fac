//! Who may import whom, and what no source file may do. Read as text: the compiler allows what the design does not.

use std::fs;
use std::path::Path;

use crate::support::without_comments_and_literals;

mod may_import;

use may_import::MAY_IMPORT;

/// What is wrong with one file, if anything.
type Check = fn(&Source) -> Vec<String>;

/// One file: its path from the root of the repository, its text, and its text without comments and literals.
struct Source {
    path: String,
    text: String,
    code: String,
}

/// Modules at the top, which nothing below them may name.
const TOP: &[&str] = &["engine", "cli", "lib"];

/// Where the name of a dependency may stand: tensors in few folders, Kafka at both ends.
const CONFINED: &[(&str, &[&str])] = &[
    ("tch", &["src/networks", "src/lab/train", "tests", "benches"]),
    ("rdkafka", &["src/kafka", "src/engine", "src/cli", "tests", "benches"]),
    ("redb", &["src/llm/answers", "tests", "benches"]),
    ("redis", &["src/llm/answers", "tests", "benches"]),
    ("reqwest", &["src/input/fetch", "src/llm/client", "src/common/http_util"]),
    ("object_store", &["src/input/fetch"]),
    ("anyhow", &["src/cli", "src/lab/train"]),
];

/// The most lines a file may have: beyond this it answers more than one question.
const MOST_LINES: usize = 400;

const CHECKS: &[Check] =
    &[imports, narrow_imports, confined, first_line, length, banned, sleeping_tests, logged_as_debug];

#[test]
fn the_code_keeps_to_its_architecture() {
    let sources: Vec<Source> = ["src", "tests", "benches"].iter().flat_map(|folder| read(folder)).collect();
    assert!(sources.len() > 50, "only {} files found: the test looks in the wrong place", sources.len());
    let faults: Vec<String> = sources.iter().flat_map(faults).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn every_kind_of_fault_is_found() {
    let long = "//! A file.\n".repeat(MOST_LINES + 1);
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
        ("src/common/mod.rs", "//! x\nuse crate::engine::Engine;", "`common` imports `engine`"),
        ("src/common/mod.rs", "//! x\nuse riveg::cli::run;", "`common` imports `cli`"),
        ("src/novelty/mod.rs", "//! x\nuse crate::domain::Post;", "`novelty` has no line in this"),
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
        let found = faults(&Source::new(path, text));
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
        assert_eq!(faults(&Source::new(path, text)), Vec::<String>::new(), "{text}");
    }
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), code: without_comments_and_literals(text) }
    }

    /// The module at the root of the crate that a file belongs to; none for tests and benches.
    fn module(&self) -> Option<&str> {
        let first = self.path.strip_prefix("src/")?.split('/').next()?;
        Some(first.trim_end_matches(".rs"))
    }

    /// The code that ships: tests at the end of a file, and files of tests, may name what they like.
    fn shipped(&self) -> &str {
        if self.is_all_tests() {
            return "";
        }
        let tests = self.code.match_indices("#[cfg(test)]").map(|(at, _)| at);
        let mut inline = tests.filter(|&at| {
            let item = self.code[at..].trim_start_matches("#[cfg(test)]").trim_start();
            item.starts_with("mod ") && item.find('{').is_some_and(|brace| !item[..brace].contains(';'))
        });
        &self.code[..inline.next().unwrap_or(self.code.len())]
    }

    fn is_all_tests(&self) -> bool {
        self.path.starts_with("tests/") || self.path.ends_with("tests.rs")
    }

    /// How many `super::` lead from the file's own module to the root of the crate.
    fn depth(&self) -> usize {
        let inner = self.path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
        inner.split('/').count()
    }
}

fn faults(source: &Source) -> Vec<String> {
    CHECKS.iter().flat_map(|check| check(source)).map(|fault| format!("{}: {fault}", source.path)).collect()
}

fn imports(source: &Source) -> Vec<String> {
    let Some(module) = source.module().filter(|module| !TOP.contains(module)) else {
        return Vec::new();
    };
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == module) else {
        return vec![format!("`{module}` has no line in this test's table")];
    };
    let forbidden = |name: &String| name != module && !allowed.contains(&name.as_str());
    let named = modules_named(source).into_iter().filter(forbidden);
    named.map(|name| format!("`{module}` imports `{name}`")).collect()
}

/// Of some modules only a few names may be taken.
fn narrow_imports(source: &Source) -> Vec<String> {
    let narrow: [(&str, &str, &[&str]); 2] = [
        ("src/scheduler/", "domain", &["Stage"]),
        ("src/kafka/publish/", "kafka::ingest", &["Ticket", "SourceRecord", "Fence", "Membership"]),
    ];
    let ours = narrow.into_iter().filter(|(folder, _, _)| source.path.starts_with(folder));
    ours.flat_map(|(folder, from, only)| {
        let taken = after(source.shipped(), &format!("crate::{from}::")).flat_map(names);
        taken
            .filter(move |name| !only.contains(&name.as_str()))
            .map(move |name| format!("`{folder}` takes `{name}` from `{from}`"))
    })
    .collect()
}

fn confined(source: &Source) -> Vec<String> {
    let strays = CONFINED.iter().filter(|(name, homes)| {
        let at_home = homes.iter().any(|home| source.path.starts_with(home));
        !at_home && after(&source.code, &format!("{name}::")).next().is_some()
    });
    strays.map(|(name, _)| format!("names `{name}`")).collect()
}

fn first_line(source: &Source) -> Vec<String> {
    let says = source.text.starts_with("//! ");
    if says { Vec::new() } else { vec!["does not begin with `//!` and the question it answers".to_owned()] }
}

fn length(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    if lines <= MOST_LINES { Vec::new() } else { vec![format!("has {lines} lines, more than {MOST_LINES}")] }
}

fn banned(source: &Source) -> Vec<String> {
    let words = ["todo!", "unimplemented!", "dbg!", "#[ignore"];
    words.iter().filter(|word| source.code.contains(*word)).map(|word| format!("`{word}`")).collect()
}

/// A test that sleeps is slow where it need not be, and fails where it must not.
fn sleeping_tests(source: &Source) -> Vec<String> {
    let tests = &source.code[source.shipped().len()..];
    let sleeps = after(tests, "sleep(").next().is_some();
    if sleeps { vec!["sleeps in a test".to_owned()] } else { Vec::new() }
}

/// Log lines hold values: what Rust's own form for debugging shows is no number to a program, and no word to a person.
fn logged_as_debug(source: &Source) -> Vec<String> {
    let levels = ["trace!(", "debug!(", "info!(", "warn!(", "error!("];
    let lines = levels.iter().flat_map(|level| after(source.shipped(), level));
    let arguments = lines.flat_map(arguments);
    arguments
        .filter_map(|argument| {
            let value = argument.split_once('=').map_or(argument.as_str(), |(_, value)| value.trim());
            if value.starts_with('?') {
                return Some(format!("logs `{argument}`"));
            }
            let is_bare = ["%error", "%fault"].contains(&value);
            is_bare.then(|| format!("logs `{argument}` without its causes"))
        })
        .collect()
}

/// The arguments of a macro, from behind its opening parenthesis on, without blanks around them.
fn arguments(rest: &str) -> Vec<String> {
    let (mut arguments, mut depth) = (vec![String::new()], 1);
    for letter in rest.chars() {
        match letter {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 1 => arguments.push(String::new()),
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if let Some(argument) = arguments.last_mut().filter(|_| letter != ',' || depth > 1) {
            argument.push(letter);
        }
    }
    arguments.iter().map(|argument| argument.trim().to_owned()).collect()
}

/// Modules of the crate that a file names, by whatever way to the root.
fn modules_named(source: &Source) -> Vec<String> {
    let mut named: Vec<String> = ["crate::", "riveg::"]
        .iter()
        .flat_map(|root| after(source.shipped(), root))
        .flat_map(names)
        .collect();
    // A chain of `super::` that is long enough ends at the root; a test module inside needs one more.
    let climb = "super::".repeat(source.depth());
    let is_module =
        |name: &String| TOP.contains(&name.as_str()) || MAY_IMPORT.iter().any(|(module, _)| module == name);
    let climbed =
        after(source.shipped(), &climb).map(|rest| rest.trim_start_matches("super::")).flat_map(names);
    named.extend(climbed.filter(is_module));
    named.sort_unstable();
    named.dedup();
    named
}

/// What follows each place where `word` stands by itself.
fn after<'a>(code: &'a str, word: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    let is_part = |before: char| before.is_alphanumeric() || before == '_';
    let places = code.match_indices(word).filter(move |&(at, _)| !code[..at].ends_with(is_part));
    let places: Vec<usize> = places.map(|(at, word)| at + word.len()).collect();
    places.into_iter().map(|at| &code[at..])
}

/// The names at the start of a path: one, or those directly in a group in braces.
fn names(rest: &str) -> Vec<String> {
    let identifier = |text: &str| -> String {
        text.trim_start().chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
    };
    let Some(group) = rest.strip_prefix('{') else {
        return vec![identifier(rest)];
    };
    let mut names = vec![identifier(group)];
    let mut depth = 1;
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => names.push(identifier(&group[at + 1..])),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn read(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join(folder)];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                sources.push(Source::new(&name, &fs::read_to_string(&path).unwrap()));
            }
        }
    }
    sources
}
