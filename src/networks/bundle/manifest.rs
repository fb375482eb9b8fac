//! Manifest: `bundle.toml`, which gives for each stage its network, its files and how it is asked.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::domain::Stage;
use crate::stages::expand::PhraseTemplate;
use crate::stages::prompt::{PHRASE, QuestionTemplate};

use super::proposals::Proposals;
use super::self_test_question::SelfTestQuestion;
use super::stages::{Entail, Ground, Joint, Part, Recognise, Retrieve, Segment};
use crate::networks::descriptor::VocabularyKind;
use crate::networks::weights::{BundleError, Fault, FileEntry, Precision};

/// The manifest's name in every bundle.
pub(super) const MANIFEST: &str = "bundle.toml";

/// The manifest. Its hash names the bundle, since it holds the hashes of all other files.
///
/// While a bundle is being put together some of its stages are missing. An engine needs all four, or the first three
/// where the grounder draws outlines, or `joint` and a segmenter, and a grounder where that proposes regions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What the bundle is called.
    pub name: String,
    /// Which edition of it.
    pub version: String,
    /// How it was made: the command, its seed, its data, its scores; for people.
    pub made: String,
    /// The entity types that its tagger knows. Where the tagger has no table of labels, they are those of the types in
    /// alphabetical order.
    pub entity_types: Vec<String>,
    /// What is known of names: JSONL of surface, type, expansion.
    pub lexicon: Option<FileEntry>,
    /// Annotated posts that questions to language models show: JSONL of id, text, caption, annotation.
    pub examples: Option<FileEntry>,
    /// How an entity reads with its expansion, and without.
    #[serde(default)]
    pub phrase: PhraseTemplate,
    /// Which examples is a post like? No engine needs it.
    pub know: Option<Retrieve>,
    /// Which entities does the text name, and where does the picture show each? In place of the next three; a grounder may
    /// stand beside it and propose regions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joint: Option<Joint>,
    /// Which entities does the text name?
    pub recognise: Option<Recognise>,
    /// Does the picture show it?
    pub entail: Option<Entail>,
    /// Where?
    pub ground: Option<Ground>,
    /// Which pixels?
    pub segment: Option<Segment>,
}

impl Manifest {
    /// A bundle without stages, to be filled.
    pub(super) fn empty(name: String, made: String) -> Self {
        Self {
            name,
            version: "1".to_owned(),
            made,
            entity_types: ["LOC", "ORG", "OTHER", "PER"].map(str::to_owned).to_vec(),
            lexicon: None,
            examples: None,
            phrase: PhraseTemplate::default(),
            know: None,
            joint: None,
            recognise: None,
            entail: None,
            ground: None,
            segment: None,
        }
    }

    /// Replaces a stage by that of another bundle. The tagger brings its entity types along, and so does a joint network,
    /// which takes the place of gate and grounder too, or brings a grounder that proposes regions.
    pub(super) fn take_stage(&mut self, stage: Stage, other: &Self) {
        match stage {
            Stage::Retrieve => self.know.clone_from(&other.know),
            Stage::Recognise => {
                self.recognise.clone_from(&other.recognise);
                self.joint.clone_from(&other.joint);
                if let Some(joint) = &self.joint {
                    self.entail = None;
                    match &joint.proposals {
                        None => self.ground = None,
                        // A joint network brings the grounder along that proposes regions to it.
                        Some(_) if other.ground.is_some() => self.ground.clone_from(&other.ground),
                        Some(_) => {}
                    }
                }
                self.entity_types.clone_from(&other.entity_types);
            }
            Stage::Entail => self.entail.clone_from(&other.entail),
            Stage::Ground => self.ground.clone_from(&other.ground),
            Stage::Segment => self.segment.clone_from(&other.segment),
        }
    }

    /// Removes a stage.
    pub(super) fn drop_stage(&mut self, stage: Stage) {
        match stage {
            Stage::Retrieve => self.know = None,
            Stage::Recognise => (self.recognise, self.joint) = (None, None),
            Stage::Entail => self.entail = None,
            Stage::Ground => self.ground = None,
            Stage::Segment => self.segment = None,
        }
    }

    /// Has a stage's network compute in this precision.
    pub(super) fn put_precision(&mut self, stage: Stage, precision: Precision) {
        let now = match stage {
            Stage::Retrieve => self.know.as_mut().map(|part| &mut part.precision),
            Stage::Recognise => {
                let joint = self.joint.as_mut().map(|part| &mut part.precision);
                joint.or(self.recognise.as_mut().map(|part| &mut part.precision))
            }
            Stage::Entail => self.entail.as_mut().map(|part| &mut part.precision),
            Stage::Ground => self.ground.as_mut().map(|part| &mut part.precision),
            Stage::Segment => self.segment.as_mut().map(|part| &mut part.precision),
        };
        if let Some(now) = now {
            *now = precision;
        }
    }

    /// Parses and checks a manifest; `file` is for errors.
    ///
    /// # Errors
    /// The first fault of form with its line, or all faults of content together.
    pub fn parse(file: &Path, text: &str) -> Result<Self, BundleError> {
        let manifest: Self = toml::from_str(text).map_err(|error| BundleError::Format {
            file: file.to_owned(),
            format: "a bundle's manifest",
            message: error.to_string().trim_end().to_owned(),
        })?;
        let faults = manifest.faults();
        if faults.is_empty() {
            Ok(manifest)
        } else {
            Err(BundleError::Unfit { file: file.to_owned(), faults })
        }
    }

    /// The stages that there are, in the order of a post's life.
    #[must_use]
    pub fn parts(&self) -> Vec<Part<'_>> {
        let know = self.know.as_ref().map(Retrieve::part);
        let joint = self.joint.as_ref().map(Joint::part);
        let recognise = self.recognise.as_ref().map(Recognise::part);
        let entail = self.entail.as_ref().map(Entail::part);
        let ground = self.ground.as_ref().map(Ground::part);
        let segment = self.segment.as_ref().map(Segment::part);
        [know, joint, recognise, entail, ground, segment].into_iter().flatten().collect()
    }

    /// All files that it names, with the keys under which it does.
    pub(super) fn files(&self) -> Vec<(String, &FileEntry)> {
        let mut files = Vec::new();
        for Part { stage, weights, tokenizer, .. } in self.parts() {
            files.extend(weights.entry().map(|entry| (format!("{stage}.weights"), entry)));
            files.extend(tokenizer.map(|entry| (format!("{stage}.tokenizer"), entry)));
        }
        files.extend(self.lexicon.as_ref().map(|lexicon| ("lexicon".to_owned(), lexicon)));
        files.extend(self.examples.as_ref().map(|examples| ("examples".to_owned(), examples)));
        files
    }

    pub(super) fn files_mut(&mut self) -> Vec<&mut FileEntry> {
        let mut files = Vec::new();
        if let Some(Retrieve { weights, tokenizer, .. }) = &mut self.know {
            files.extend(weights.entry_mut());
            files.extend(tokenizer);
        }
        if let Some(Joint { weights, tokenizer, .. }) = &mut self.joint {
            files.extend(weights.entry_mut());
            files.extend(tokenizer);
        }
        if let Some(Recognise { weights, tokenizer, .. }) = &mut self.recognise {
            files.extend(weights.entry_mut());
            files.extend(tokenizer);
        }
        if let Some(Entail { weights, tokenizer, .. }) = &mut self.entail {
            files.extend(weights.entry_mut());
            files.extend(tokenizer);
        }
        if let Some(Ground { weights, tokenizer, .. }) = &mut self.ground {
            files.extend(weights.entry_mut());
            files.extend(tokenizer);
        }
        if let Some(Segment { weights, .. }) = &mut self.segment {
            files.extend(weights.entry_mut());
        }
        files.extend(&mut self.lexicon);
        files.extend(&mut self.examples);
        files
    }

    pub(super) fn self_test_mut(&mut self, stage: Stage) -> Option<&mut Vec<f64>> {
        match stage {
            Stage::Retrieve => self.know.as_mut().map(|part| &mut part.self_test),
            Stage::Recognise => {
                let joint = self.joint.as_mut().map(|part| &mut part.self_test);
                joint.or(self.recognise.as_mut().map(|part| &mut part.self_test))
            }
            Stage::Entail => self.entail.as_mut().map(|part| &mut part.self_test),
            Stage::Ground => self.ground.as_mut().map(|part| &mut part.self_test),
            Stage::Segment => self.segment.as_mut().map(|part| &mut part.self_test),
        }
    }

    /// Sets the phrase and the caption that a stage with a prompt is asked in its self-test.
    pub(super) fn ask_in_self_test(&mut self, stage: Stage, question: &SelfTestQuestion) {
        let part = match stage {
            Stage::Entail => self.entail.as_mut().map(|part| &mut part.self_test_question),
            Stage::Ground => self.ground.as_mut().map(|part| &mut part.self_test_question),
            Stage::Retrieve | Stage::Recognise | Stage::Segment => None,
        };
        if let Some(part) = part {
            *part = Some(question.clone());
        }
    }

    /// All that no engine could run.
    fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut expect = |right: bool, key: &str, expected: &str, found: String| {
            if !right {
                faults.push(Fault::new(key, expected, found));
            }
        };
        for (key, text) in [("name", &self.name), ("version", &self.version), ("made", &self.made)] {
            expect(!text.trim().is_empty(), key, "some text", "none".to_owned());
        }
        for (key, entry) in self.files() {
            // One folder, and nothing outside it.
            let plain =
                !entry.file.is_empty() && !entry.file.starts_with('.') && !entry.file.contains(['/', '\\']);
            let found = format!("`{}`", entry.file);
            expect(plain, &format!("{key}.file"), "the name of a file in the bundle", found);
            let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            let hash = entry.sha256.len() == 64 && entry.sha256.bytes().all(hex);
            let found = format!("`{}`", entry.sha256);
            expect(hash, &format!("{key}.sha256"), "64 lower-case hexadecimal digits", found);
        }
        for (index, name) in self.entity_types.iter().enumerate() {
            let new = !name.is_empty() && !self.entity_types[..index].contains(name);
            expect(new, "entity_types", "different names", format!("{:?}", self.entity_types));
        }
        let prompts = [
            ("entail.prompt", self.entail.as_ref().map(|entail| &entail.prompt)),
            ("ground.prompt", self.ground.as_ref().map(|ground| &ground.prompt)),
        ];
        for (key, prompt) in prompts.into_iter().filter_map(|(key, prompt)| Some((key, prompt?))) {
            let expected = "a text with one `{phrase}` and at most one `{caption}`";
            expect(QuestionTemplate::parse(prompt).is_ok(), key, expected, format!("`{prompt}`"));
        }
        if let Some(Entail { threshold, .. }) = &self.entail {
            let probability = (0.0..=1.0).contains(threshold);
            expect(probability, "entail.threshold", "a probability", threshold.to_string());
        }
        if let Some(Ground { threshold, .. }) = &self.ground {
            let score = (0.0..=1.0).contains(threshold);
            expect(score, "ground.threshold", "a score from 0 to 1", threshold.to_string());
        }
        if let Some(Joint { threshold, candidates, proposals, network, .. }) = &self.joint {
            let probability = (0.0..=1.0).contains(threshold);
            expect(probability, "joint.threshold", "a probability", threshold.to_string());
            let fault = candidates.fault();
            expect(fault.is_none(), "joint.candidates", "a grid of boxes", fault.unwrap_or_default());
            let (types, named) = (network.types(), self.entity_types.len());
            let expected = format!("{named}, as many as `entity_types` has");
            expect(types == named as i64, "joint.network.types", &expected, types.to_string());
            let others = [self.recognise.is_some(), self.entail.is_some()];
            let expected = "no `recognise` and `entail` beside it, whose place it takes";
            expect(!others.contains(&true), "joint", expected, "both".to_owned());
            let expected =
                "this table where there is a `ground` beside `joint`, which nothing else would ask";
            let is_asked = self.ground.is_none() || proposals.is_some();
            expect(is_asked, "joint.proposals", expected, "none".to_owned());
            let fault = proposals.as_ref().and_then(|proposals| proposals.fault(&self.entity_types));
            let key = "joint.proposals.phrases";
            expect(fault.is_none(), key, &Proposals::expected(), fault.unwrap_or_default());
        }
        if let Some(Ground { prompt, beam, network, .. }) = &self.ground {
            let alone = network.reads().vocabulary != VocabularyKind::Words || prompt == PHRASE;
            let expected = "`{phrase}` alone for a network that reads no questions";
            expect(alone, "ground.prompt", expected, format!("`{prompt}`"));
            let most = network.widest_beam();
            expect((1..=most).contains(beam), "ground.beam", &format!("1 to {most}"), beam.to_string());
        }
        for Part { stage, network, .. } in self.parts() {
            let found = network.fault.clone().unwrap_or_default();
            let key = format!("{stage}.network");
            expect(network.fault.is_none(), &key, "dimensions of a network", found);
        }
        faults.extend(self.recognise.iter().flat_map(|part| part.label_faults(&self.entity_types)));
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Precision, stage_template};
    use super::*;

    #[test]
    fn a_network_that_reads_words_is_asked_phrases_alone_and_follows_one_box() {
        let manifest = stage_template(Stage::Ground, "seqtr-refcoco", Precision::F32, 1).unwrap();
        assert_eq!(manifest.faults(), []);
        let Some(ground) = &manifest.ground else { panic!("{manifest:?}") };
        assert_eq!(ground.network.reads().vocabulary, VocabularyKind::Words);
        let asked = |prompt: &str, beam| {
            let ground = Ground { prompt: prompt.to_owned(), beam, ..ground.clone() };
            let faults = Manifest { ground: Some(ground), ..manifest.clone() }.faults();
            faults.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let prompt = "`ground.prompt`: expected `{phrase}` alone for a network that reads no questions, found \
                      `where is {phrase}?`";
        assert_eq!(asked("where is {phrase}?", 1), [prompt]);
        assert_eq!(asked("{phrase}", 5), ["`ground.beam`: expected 1 to 1, found 5"]);
    }
}
