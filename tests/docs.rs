//! Documents: what README, CONTRIBUTING and `docs/` name exists: files, settings, commands and their flags, metrics, targets.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use riveg::cli::Arguments;
use riveg::config::DEFAULTS;

/// Where a name in a document says that a file of this repository is meant.
const FOLDERS: &[&str] = &["src", "tests", "benches", "docs", "config", "k8s", "scripts", "bundles"];

/// Folders of the settings and of the caches of a build, which a clean clone does not have.
const NOT_COMMITTED: &[&str] = &["bundles/seqtr"];

/// A check of one document: what it names and is not there.
type Check = fn(&Document, &Facts) -> Vec<String>;

struct Document {
    path: PathBuf,
    text: String,
}

/// What there is to be named.
struct Facts {
    /// Every key of the settings as a path with dots.
    keys: BTreeSet<String>,
    /// Sections of the settings.
    sections: BTreeSet<String>,
    /// The sources as one text, for names of metrics.
    sources: String,
    /// The targets of the Makefile.
    targets: BTreeSet<String>,
}

const CHECKS: &[Check] = &[links, files, keys, commands, metrics, targets];

#[test]
fn documents_name_only_what_exists() {
    let facts = Facts::read();
    let documents = documents();
    assert!(
        documents.len() > 10,
        "only {} documents found: the test looks in the wrong place",
        documents.len()
    );
    let faults: Vec<String> = documents
        .iter()
        .flat_map(|document| {
            let found = CHECKS.iter().flat_map(|check| check(document, &facts));
            found.map(|fault| format!("{}: {fault}", document.path.display())).collect::<Vec<_>>()
        })
        .collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn every_kind_of_wrong_name_is_found() {
    let facts = Facts::read();
    let cases = [
        ("[input](docs/inputs.md)", "links to `docs/inputs.md`"),
        ("`src/models/ofa`", "names the file `src/models/ofa`"),
        ("`ingest.topics`", "names the setting `ingest.topics`"),
        ("`llm.NAME.urls`", "names the setting `llm.NAME.urls`"),
        ("```sh\nriveg runs\n```", "names the command `riveg runs`"),
        ("```sh\nriveg bundle make\n```", "names the command `riveg bundle make`"),
        ("`riveg cache stats|empty`", "names the command `riveg cache empty`"),
        ("```sh\nriveg dlq list --for 2h\n```", "names the flag `--for` of `riveg dlq list`"),
        ("`riveg_posts_total`", "names the metric `riveg_posts_total`"),
        ("`make tests`", "names the target `make tests`"),
    ];
    for (text, fault) in cases {
        let document = Document { path: PathBuf::from("README.md"), text: text.to_owned() };
        let found: Vec<String> = CHECKS.iter().flat_map(|check| check(&document, &facts)).collect();
        assert!(found.len() == 1 && found[0].contains(fault), "{text}\nfound {found:?}");
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn documents() -> Vec<Document> {
    let mut paths: Vec<PathBuf> =
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].iter().map(PathBuf::from).collect();
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().file_name());
    paths.extend(
        docs.map(|name| Path::new("docs").join(name))
            .filter(|path| path.extension().is_some_and(|e| e == "md")),
    );
    paths
        .into_iter()
        .map(|path| Document { text: fs::read_to_string(root().join(&path)).unwrap(), path })
        .collect()
}

impl Facts {
    fn read() -> Self {
        let settings: toml::Table = DEFAULTS.parse().unwrap();
        let mut keys = BTreeSet::new();
        collect(&settings, "", &mut keys);
        let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
        // Comments and recipes may have a colon too.
        let lines = makefile.lines().filter(|line| !line.starts_with(['#', '\t']));
        let rules = lines.filter_map(|line| line.split_once(':'));
        // One rule may have several targets.
        let targets = rules.flat_map(|(names, _)| names.split_whitespace()).map(str::to_owned);
        Self {
            sections: settings.keys().cloned().collect(),
            keys,
            sources: sources(&root().join("src")),
            targets: targets.collect(),
        }
    }

    fn has_key(&self, key: &str) -> bool {
        // A language model of any name has the keys of the default one; properties of librdkafka are its own.
        let parts: Vec<&str> = key.split('.').collect();
        let key = match parts[..] {
            ["llm", _, ..] => format!(
                "llm.default{}",
                key.splitn(3, '.').nth(2).map_or(String::new(), |rest| format!(".{rest}"))
            ),
            ["publish", "outputs", _, leaf] => format!("publish.outputs.default.{leaf}"),
            ["publish", "outputs", _] => "publish.outputs.default".to_owned(),
            ["kafka", "properties", ..] => return true,
            _ => key.to_owned(),
        };
        self.keys.contains(&key)
    }
}

fn collect(table: &toml::Table, path: &str, keys: &mut BTreeSet<String>) {
    for (name, value) in table {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if let toml::Value::Table(inner) = value {
            collect(inner, &path, keys);
        }
        keys.insert(path);
    }
}

fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text.push_str(&sources(&path));
        } else {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
    text
}

impl Document {
    /// What stands between backticks within a line.
    fn quoted(&self) -> Vec<&str> {
        let mut in_block = false;
        let mut quoted = Vec::new();
        for line in self.text.lines() {
            if line.starts_with("```") {
                in_block = !in_block;
            } else if !in_block {
                quoted.extend(line.split('`').skip(1).step_by(2));
            }
        }
        quoted
    }

    /// Lines of blocks of commands, without comments.
    fn command_lines(&self) -> Vec<&str> {
        let mut in_block = false;
        let mut lines = Vec::new();
        for line in self.text.lines() {
            if line.starts_with("```") {
                in_block = line == "```sh";
            } else if in_block {
                lines.push(line.split(" #").next().unwrap_or(line).trim());
            }
        }
        lines
    }
}

fn links(document: &Document, _: &Facts) -> Vec<String> {
    let folder = root().join(document.path.parent().unwrap());
    let targets = document.text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let local = targets.filter(|target| !target.contains("://") && !target.starts_with('#'));
    let missing = local.filter(|target| !folder.join(target.split('#').next().unwrap_or(target)).exists());
    missing.map(|target| format!("links to `{target}`, which is not there")).collect()
}

fn files(document: &Document, _: &Facts) -> Vec<String> {
    let is_path = |text: &&str| {
        let plain = |letter: char| letter.is_alphanumeric() || "/._-".contains(letter);
        text.contains('/')
            && text.chars().all(plain)
            && FOLDERS.contains(&text.split('/').next().unwrap_or(""))
    };
    // `NAME` in a path stands for any name.
    let is_meant = |path: &&str| !NOT_COMMITTED.contains(path) && !path.contains("NAME");
    let named = document.quoted().into_iter().filter(is_path).filter(is_meant);
    named
        .filter(|path| !root().join(path).exists())
        .map(|path| format!("names the file `{path}`, which is not there"))
        .collect()
}

fn keys(document: &Document, facts: &Facts) -> Vec<String> {
    let is_key = |text: &str| {
        let parts: Vec<&str> = text.split('.').collect();
        let word =
            |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let is_file = [".toml", ".rs", ".md", ".json", ".jsonl", ".sh"].iter().any(|end| text.ends_with(end));
        parts.len() > 1 && !is_file && parts.iter().all(word) && facts.sections.contains(parts[0])
    };
    let named = document.quoted().into_iter().map(|text| text.split([' ', '=']).next().unwrap_or(text));
    named
        .filter(|text| is_key(text) && !facts.has_key(text))
        .map(|key| format!("names the setting `{key}`, which config/default.toml does not have"))
        .collect()
}

/// Commands of blocks and of quotations, each with its flags; `a|b` stands for both.
fn commands(document: &Document, _: &Facts) -> Vec<String> {
    let lines = document.command_lines().into_iter().chain(document.quoted());
    lines.filter_map(|line| line.strip_prefix("riveg ")).flat_map(command).collect()
}

fn command(line: &str) -> Vec<String> {
    let mut found = Arguments::command();
    let mut path = "riveg".to_owned();
    let line = line.split(['>', '<', ';']).next().unwrap_or(line);
    let mut words = line.split_whitespace().peekable();
    while found.has_subcommands() {
        let Some(word) =
            words.next_if(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c == '|'))
        else {
            break;
        };
        if word.starts_with("--") || word == "help" {
            break;
        }
        let missing: Vec<&str> =
            word.split('|').filter(|name| found.find_subcommand(name).is_none()).collect();
        if let Some(name) = missing.first() {
            return vec![format!("names the command `{path} {name}`, which there is not")];
        }
        let name = word.split('|').next().unwrap_or(word);
        path = format!("{path} {name}");
        found = found.find_subcommand(name).cloned().unwrap_or_default();
    }
    let known: BTreeSet<String> = [found.clone(), Arguments::command()]
        .iter()
        .flat_map(|command| {
            command.get_arguments().filter_map(|argument| argument.get_long().map(str::to_owned))
        })
        .chain(["help".to_owned(), "version".to_owned()])
        .collect();
    let flags =
        words.filter_map(|word| word.strip_prefix("--")).map(|flag| flag.split('=').next().unwrap_or(flag));
    flags
        .filter(|flag| !flag.is_empty() && !known.contains(*flag))
        .map(|flag| format!("names the flag `--{flag}` of `{path}`, which it does not have"))
        .collect()
}

fn metrics(document: &Document, facts: &Facts) -> Vec<String> {
    let is_part = |letter: char| letter.is_ascii_lowercase() || letter == '_';
    let places = document.text.match_indices("riveg_").map(|(at, _)| &document.text[at..]);
    let names = places.map(|rest| &rest[..rest.find(|letter| !is_part(letter)).unwrap_or(rest.len())]);
    let family = |name: &'_ str| {
        let ends = ["_bucket", "_sum", "_count"];
        ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name).to_owned()
    };
    let named: BTreeSet<String> = names.map(family).collect();
    named
        .into_iter()
        .filter(|name| !facts.sources.contains(&format!("\"{name}")))
        .map(|name| format!("names the metric `{name}`, which nothing registers"))
        .collect()
}

fn targets(document: &Document, facts: &Facts) -> Vec<String> {
    let lines = document.command_lines().into_iter().chain(document.quoted());
    let named =
        lines.filter_map(|line| line.strip_prefix("make ")).filter_map(|rest| rest.split_whitespace().next());
    named
        .filter(|target| !facts.targets.contains(*target))
        .map(|target| format!("names the target `make {target}`, which the Makefile does not have"))
        .collect()
}
