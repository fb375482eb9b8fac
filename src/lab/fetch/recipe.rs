//! Recipe of a bundle: for each stage where its network is published, how it is imported, and under which licence it is.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use serde::Deserialize;
use sha2::{Digest, Sha256};
use toml::Table;

use crate::domain::Stage;
use crate::networks::bundle::Precision;

/// A recipe, as it is written in `config/recipes`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// What the bundle is for, in a sentence.
    pub about: String,
    /// The tagger.
    pub recognise: Option<StageRecipe>,
    /// The gate.
    pub entail: Option<StageRecipe>,
    /// The grounder.
    pub ground: Option<StageRecipe>,
    /// The segmenter.
    pub segment: Option<StageRecipe>,
    /// Settings of the engine that go with the bundle; they are written beside its manifest.
    pub settings: Option<Table>,
    /// The hash of its text, by which a bundle of another edition is known.
    #[serde(skip)]
    pub sha256: String,
}

/// How the network of a stage comes into the bundle.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageRecipe {
    /// Where its files are published.
    pub from: Option<Source>,
    /// What users must give instead, in words, where nothing is published.
    pub own: Option<String>,
    /// Where its vocabulary is published, if not with its weights.
    pub tokenizer: Option<Source>,
    /// Its published size, where its files do not say their dimensions.
    pub preset: Option<String>,
    /// Dimensions that differ.
    #[serde(default)]
    pub network: Table,
    /// The recipe of its training, which sets the question and the phrases, as `riveg bundle import --recipe` reads it.
    pub recipe: Option<String>,
    /// In what the weights are stored; as published if not given.
    pub store: Option<Precision>,
    /// The entity types in the order of a tagger's labels, where its files do not say them.
    #[serde(default)]
    pub types: Vec<String>,
    /// What becomes of a tagger's types, as `riveg bundle import --type-map` reads it.
    #[serde(default)]
    pub type_map: Vec<String>,
    /// Anything else of the stage, such as `threshold`.
    #[serde(default)]
    pub settings: Table,
    /// The licence of the weights.
    pub licence: String,
    /// Where that was read.
    pub licence_read: String,
    /// What is downloaded, for people.
    pub size: String,
}

/// Where files are published: in a repository of the hub, or each at an address.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The repository: `owner/name`.
    pub hub: Option<String>,
    /// Its branch, tag or commit.
    #[serde(default = "main_branch")]
    pub revision: String,
    /// Paths in it.
    #[serde(default)]
    pub files: Vec<String>,
    /// Paths in it that may be missing.
    #[serde(default)]
    pub optional: Vec<String>,
    /// Addresses.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Known hashes (SHA-256), by path or address.
    #[serde(default)]
    pub sha256: BTreeMap<String, String>,
}

fn main_branch() -> String {
    "main".to_owned()
}

impl Recipe {
    /// Parses and checks a recipe.
    ///
    /// # Errors
    /// The first fault of form with its line, or the first of content with its stage.
    pub fn parse(text: &str) -> Result<Self, String> {
        let recipe: Self = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        let digest = Sha256::digest(text);
        let recipe = Self { sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(), ..recipe };
        let stages = recipe.stages();
        if stages.is_empty() {
            return Err("it has no stage: expected `recognise`, `entail`, `ground` or `segment`".to_owned());
        }
        for (stage, of_stage) in stages {
            if let Some(fault) = of_stage.fault() {
                return Err(format!("`{stage}`: {fault}"));
            }
        }
        Ok(recipe)
    }

    /// The stages that it has, in the order of a post's life.
    #[must_use]
    pub fn stages(&self) -> Vec<(Stage, &StageRecipe)> {
        let all = [
            (Stage::Recognise, &self.recognise),
            (Stage::Entail, &self.entail),
            (Stage::Ground, &self.ground),
            (Stage::Segment, &self.segment),
        ];
        all.into_iter().filter_map(|(stage, recipe)| Some((stage, recipe.as_ref()?))).collect()
    }
}

impl StageRecipe {
    fn fault(&self) -> Option<String> {
        let sources = [("from", &self.from), ("tokenizer", &self.tokenizer)];
        if self.from.is_some() == self.own.is_some() {
            return Some("expected either `from` or `own`".to_owned());
        }
        sources.into_iter().find_map(|(key, source)| {
            let fault = source.as_ref().and_then(Source::fault)?;
            Some(format!("`{key}`: {fault}"))
        })
    }
}

impl Source {
    fn fault(&self) -> Option<String> {
        let of_hub = !self.files.is_empty() || !self.optional.is_empty();
        match &self.hub {
            Some(_) if !self.addresses.is_empty() => {
                return Some("expected either `hub` with `files`, or `addresses`".to_owned());
            }
            None if of_hub || self.addresses.is_empty() => {
                return Some("expected either `hub` with `files`, or `addresses`".to_owned());
            }
            Some(_) if self.files.is_empty() => return Some("`files`: expected at least one".to_owned()),
            _ => {}
        }
        let of_the_hub = self.hub.iter().chain([&self.revision]).chain(&self.files).chain(&self.optional);
        if let Some(name) = of_the_hub.into_iter().find(|name| !is_plain(name)) {
            return Some(format!("`{name}`: expected a name or a path inside the repository"));
        }
        let is_web = |address: &str| {
            url::Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "https" | "http"))
        };
        if let Some(address) = self.addresses.iter().find(|address| !is_web(address)) {
            return Some(format!("`{address}`: expected an address of the web"));
        }
        for (name, hash) in &self.sha256 {
            let known = [&self.files, &self.optional, &self.addresses].iter().any(|all| all.contains(name));
            if !known {
                return Some(format!("`sha256` names `{name}`, which is none of its files"));
            }
            if hash.len() != 64 || !hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
                return Some(format!("`sha256` of `{name}`: expected 64 lower-case hexadecimal digits"));
            }
        }
        None
    }

    /// What it is called in messages.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.hub {
            Some(hub) => format!("{hub}@{}", self.revision),
            None => self.addresses.join(" "),
        }
    }
}

/// Whether a path stays inside the folder to which it is joined, and means itself in an address.
fn is_plain(path: &str) -> bool {
    let parts = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    !path.is_empty() && parts && !path.contains(['\\', '?', '#', '%', '\0', ' '])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: &str = r#"
        about = "masks"
        [segment]
        from = { hub = "facebook/sam2.1-hiera-tiny", files = ["config.json", "model.safetensors"] }
        licence = "Apache-2.0"
        licence_read = "the model card"
        size = "156 MB"
    "#;

    #[test]
    fn a_recipe_has_stages_with_defaults() {
        let recipe = Recipe::parse(SEGMENT).unwrap();
        let [(Stage::Segment, segment)] = recipe.stages()[..] else { panic!("{recipe:?}") };
        let from = segment.from.as_ref().unwrap();
        assert_eq!(
            (from.revision.as_str(), from.title().as_str()),
            ("main", "facebook/sam2.1-hiera-tiny@main")
        );
        assert!(segment.settings.is_empty() && segment.store.is_none());
    }

    #[test]
    fn what_is_wrong_in_a_recipe_is_named_with_its_place() {
        for (from, to, expected) in [
            ("[segment]", "[segments]", "unknown field `segments`"),
            ("hub = \"facebook/sam2.1-hiera-tiny\", ", "", "`segment`: `from`: expected either `hub`"),
            (
                "size = \"156 MB\"",
                "size = \"1\"\nown = \"yours\"",
                "`segment`: expected either `from` or `own`",
            ),
            ("facebook/sam", "../sam", "`../sam2.1-hiera-tiny`: expected a name"),
            ("\"config.json\"", "\"/etc/passwd\"", "`/etc/passwd`: expected a name or a path inside"),
            ("files = [", "addresses = [\"ftp://x\"], files = [", "expected either `hub` with `files`"),
            (
                "hub = \"facebook/sam2.1-hiera-tiny\", files = [\"config.json\", \"model.safetensors\"]",
                "addresses = [\"file:///etc/passwd\"]",
                "`file:///etc/passwd`: expected an address of the web",
            ),
            ("files = [", "sha256 = { x = \"0\" }, files = [", "`sha256` names `x`, which is none"),
            (
                "files = [",
                "sha256 = { \"config.json\" = \"0\" }, files = [",
                "`sha256` of `config.json`: expected 64 lower-case",
            ),
        ] {
            let fault = Recipe::parse(&SEGMENT.replace(from, to)).unwrap_err();
            assert!(fault.contains(expected), "{fault}");
        }
        assert!(Recipe::parse("about = \"nothing\"").unwrap_err().starts_with("it has no stage"));
    }
}
