//! Variants: what each run of an ablation is told, and what it lacks.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// A row of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Variant {
    /// No knowledge: the tagger reads the text alone.
    KnowledgeOff,
    /// Knowledge of a model that sees no example.
    NoExamples,
    /// Knowledge after the first examples of the file, so many.
    Fixed(usize),
    /// Knowledge after the examples most similar to the post, so many.
    Similar(usize),
    /// Phrases are entity and type; no knowledge.
    NameAndType,
    /// Phrases are expansions; no knowledge.
    ExpansionAlone,
    /// Every entity is looked for in every picture; no knowledge.
    NoGate,
}

impl Variant {
    /// All of them, in the order of the tables.
    pub(crate) const ALL: [Self; 10] = [
        Self::KnowledgeOff,
        Self::NoExamples,
        Self::Fixed(1),
        Self::Fixed(5),
        Self::Similar(1),
        Self::Similar(5),
        Self::Similar(10),
        Self::NameAndType,
        Self::ExpansionAlone,
        Self::NoGate,
    ];

    /// Its name in tables and in the report.
    pub(crate) fn name(self) -> String {
        match self {
            Self::KnowledgeOff => "without knowledge".to_owned(),
            Self::NoExamples => "knowledge without examples".to_owned(),
            Self::Fixed(shown) => format!("knowledge, fixed examples, N={shown}"),
            Self::Similar(shown) => format!("knowledge, similar examples, N={shown}"),
            Self::NameAndType => "entity + type".to_owned(),
            Self::ExpansionAlone => "expansion".to_owned(),
            Self::NoGate => "without the gate".to_owned(),
        }
    }

    /// Its arguments of `riveg eval`.
    pub(crate) fn arguments(self, bundle: &Path, expansions_alone: &Path) -> Vec<String> {
        let set = |setting: String| ["--set".to_owned(), setting];
        let path = if self == Self::ExpansionAlone { expansions_alone } else { bundle };
        let mut arguments = set(format!("bundle.path={}", path.display())).to_vec();
        let mut know = |mode: &str, shown: usize| {
            arguments.extend(set(format!("knowledge.mode={mode}")));
            arguments.extend(set(format!("knowledge.shown={shown}")));
            arguments.extend(set("knowledge.endpoint=pocket".to_owned()));
        };
        match self {
            Self::KnowledgeOff | Self::ExpansionAlone => {}
            Self::NoExamples => know("fixed", 0),
            Self::Fixed(shown) => know("fixed", shown),
            Self::Similar(shown) => know("similar", shown),
            Self::NameAndType => arguments.push("--no-expansion".to_owned()),
            Self::NoGate => arguments.push("--no-gate".to_owned()),
        }
        arguments
    }
}

/// The phrase of the pocket bundle with an expansion.
const PHRASE: &str = "expanded = \"{entity} ({type}) - {expansion}\"";

/// The same bundle with phrases that are expansions alone: its files are links.
pub(crate) fn expansions_alone(bundle: &Path, out: &Path) -> PathBuf {
    let folder = out.join("expansions-alone");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let bundle = fs::canonicalize(bundle).unwrap();
    for entry in fs::read_dir(&bundle).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "bundle.toml" {
            symlink(entry.path(), folder.join(entry.file_name())).unwrap();
        }
    }
    let manifest = fs::read_to_string(bundle.join("bundle.toml")).unwrap();
    assert!(manifest.contains(PHRASE), "the bundle's phrase is not `{PHRASE}`");
    let manifest = manifest.replace(PHRASE, "expanded = \"{expansion}\"");
    fs::write(folder.join("bundle.toml"), manifest).unwrap();
    folder
}
