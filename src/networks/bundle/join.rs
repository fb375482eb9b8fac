//! Joined bundles: stages come from other bundles; phrases and lexicon stay its own.

use sha2::{Digest, Sha256};

use crate::domain::Stage;

use super::manifest::MANIFEST;
use super::open::Bundle;
use super::proposals::Proposals;
use super::stages::{Ground, Segment};
use crate::networks::weights::{BundleError, Fault, hexadecimal};

impl Bundle {
    /// The bundle with a stage of another in place of its own, or where it had none. The tagger brings its entity types
    /// along, of which its labels are made.
    ///
    /// The hash is then one of both hashes: it names all files of both.
    ///
    /// # Errors
    /// Where the other has no such stage.
    pub fn with_stage(mut self, stage: Stage, other: Self) -> Result<Self, BundleError> {
        if !other.manifest.parts().iter().any(|part| part.stage == stage) {
            return Err(other.unfinished(stage, "network"));
        }
        let joint = self.manifest.joint.as_ref();
        let is_answered = match stage {
            Stage::Entail => joint.is_some(),
            Stage::Ground => joint.is_some_and(|joint| joint.proposals.is_none()),
            Stage::Retrieve | Stage::Recognise | Stage::Segment => false,
        };
        if is_answered {
            let file = other.folder.join(MANIFEST);
            let unless = if stage == Stage::Ground { " and has no `joint.proposals`" } else { "" };
            let expected = format!("no network for `{stage}` beside one that answers for it{unless}");
            let found = format!("one for `joint` of `{}`", self.home(Stage::Recognise).folder.display());
            return Err(BundleError::Unfit {
                file,
                faults: vec![Fault::new(stage.as_str(), expected, found)],
            });
        }
        self.manifest.take_stage(stage, &other.manifest);
        self.hash = changed(&self.hash, stage, &other.hash);
        self.taken.retain(|(taken, _)| *taken != stage);
        if stage == Stage::Recognise && other.manifest.joint.is_some() && other.manifest.ground.is_some() {
            self.taken.retain(|(taken, _)| *taken != Stage::Ground);
            self.taken.push((Stage::Ground, other.clone()));
        }
        self.taken.push((stage, other));
        Ok(self)
    }

    /// How regions are proposed to the joint network and the grounder that is asked for them; none where the joint network
    /// chooses among its grid, or where there is none.
    ///
    /// # Errors
    /// The manifest demands proposals, and there is no grounder.
    pub fn proposals(&self) -> Result<Option<(&Proposals, &Ground)>, BundleError> {
        let joint = self.manifest.joint.as_ref();
        let Some(proposals) = joint.and_then(|joint| joint.proposals.as_ref()) else { return Ok(None) };
        let missing = || {
            let expected = "a grounder, which `joint.proposals` asks for regions, here or in the bundle of bundle.ground";
            let file = self.home(Stage::Recognise).folder.join(MANIFEST);
            BundleError::Unfit { file, faults: vec![Fault::new("ground", expected, "none")] }
        };
        Ok(Some((proposals, self.manifest.ground.as_ref().ok_or_else(missing)?)))
    }

    /// The bundle without its segmenter, for a grounder that draws outlines.
    #[must_use]
    pub fn without_segmenter(self) -> Self {
        self.answered_by(Stage::Segment, "none")
    }

    /// The bundle without a stage that something else answers, whose description goes into the hash.
    #[must_use]
    pub fn answered_by(mut self, stage: Stage, other: &str) -> Self {
        self.manifest.drop_stage(stage);
        self.hash = changed(&self.hash, stage, other);
        self.taken.retain(|(taken, _)| *taken != stage);
        self
    }

    /// The segmenter's part of the manifest, or none where the grounder draws outlines instead.
    ///
    /// # Errors
    /// Where nothing says which pixels.
    pub fn segment_or_outlines(&self) -> Result<Option<&Segment>, BundleError> {
        if self.manifest.joint.is_some() {
            // It gives boxes alone.
            return self.segment().map(Some);
        }
        let ground = &self.ground()?.network;
        if self.manifest.segment.is_none() && !ground.draws_outlines() {
            let grounder = ground.summary().architecture;
            return Err(BundleError::NoMasks { file: self.folder.join(MANIFEST), grounder });
        }
        Ok(self.manifest.segment.as_ref())
    }

    /// The bundle that a stage was taken from: another, or this one.
    #[must_use]
    pub fn home(&self, stage: Stage) -> &Self {
        self.taken.iter().find(|(taken, _)| *taken == stage).map_or(self, |(_, other)| other.home(stage))
    }

    /// Its name and its edition.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} {}", self.manifest.name, self.manifest.version)
    }
}

/// The hash of a bundle in which a stage was changed for one with a hash of its own.
pub(super) fn changed(hash: &str, stage: Stage, with: &str) -> String {
    hexadecimal(Sha256::digest(format!("{hash}\n{stage} {with}\n")))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use tch::Device;

    use super::super::tiny::bundle::without_tokenizers;
    use super::*;

    fn open(folder: &Path) -> Bundle {
        Bundle::open(folder).unwrap()
    }

    /// Changes a manifest, which keeps its files.
    fn edit(folder: &Path, change: impl FnOnce(&mut toml::Table)) {
        let file = folder.join("bundle.toml");
        let mut manifest: toml::Table = fs::read_to_string(&file).unwrap().parse().unwrap();
        change(&mut manifest);
        fs::write(file, manifest.to_string()).unwrap();
    }

    #[test]
    fn a_stage_of_another_bundle_comes_with_its_settings_and_its_files() {
        let (one, other) = (without_tokenizers(), without_tokenizers());
        edit(other.path(), |manifest| {
            manifest["entail"].as_table_mut().unwrap().insert("threshold".to_owned(), 0.25.into());
            manifest["entity_types"] = vec!["A", "B", "C", "D"].into();
        });
        fs::remove_file(one.path().join("entail.safetensors")).unwrap();
        edit(one.path(), |manifest| drop(manifest.remove("entail")));
        let bundle = open(one.path());
        assert!(bundle.entailer(Device::Cpu, 0).is_err());
        let joined = bundle.with_stage(Stage::Entail, open(other.path())).unwrap();
        assert_eq!(joined.entail().unwrap().threshold, 0.25);
        assert_eq!(joined.manifest().entity_types[0], "LOC", "the gate brings no types");
        joined.entailer(Device::Cpu, 0).unwrap();
        let entry = joined.entail().unwrap().tokenizer.clone();
        let (file, _) = joined.tokenizer(Stage::Entail, entry.as_ref()).unwrap();
        assert!(file.starts_with(other.path()), "{}", file.display());
        for part in joined.manifest().parts() {
            joined.verify(&part, Device::Cpu).unwrap();
        }
        let joined = joined.with_stage(Stage::Recognise, open(other.path())).unwrap();
        assert_eq!(joined.manifest().entity_types, ["A", "B", "C", "D"]);
        assert_eq!(joined.home(Stage::Ground).folder(), one.path());
    }

    #[test]
    fn the_hash_is_of_all_parts_and_of_where_they_stand() {
        let (one, other) = (without_tokenizers(), without_tokenizers());
        edit(other.path(), |manifest| manifest["version"] = "2".into());
        let take = |stage| open(one.path()).with_stage(stage, open(other.path())).unwrap().hash().to_owned();
        let mut hashes: Vec<String> = Stage::ALL.map(take).into();
        hashes.extend([one.path(), other.path()].map(|folder| open(folder).hash().to_owned()));
        hashes.push(open(one.path()).without_segmenter().hash().to_owned());
        assert_eq!(hashes, [Stage::ALL.map(take).to_vec(), hashes[4..].to_vec()].concat());
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 7);
        assert!(hashes.iter().all(|hash| hash.len() == 64));
    }

    #[test]
    fn what_is_not_there_is_named_by_file_and_stage() {
        let (one, other) = (without_tokenizers(), without_tokenizers());
        edit(other.path(), |manifest| drop(manifest.remove("ground")));
        let error = open(one.path()).with_stage(Stage::Ground, open(other.path())).unwrap_err().to_string();
        let file = other.path().join("bundle.toml");
        let expected = format!("the bundle of `{}` has no network for the stage `ground`", file.display());
        assert_eq!(error, expected);
        let error = open(one.path()).without_segmenter().segment_or_outlines().unwrap_err().to_string();
        assert!(
            error.contains("`segment`, and the one for the stage `ground` (ofa) draws no outlines"),
            "{error}"
        );
    }
}
