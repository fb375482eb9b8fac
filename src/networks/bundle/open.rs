//! Open bundles: the manifest is checked, and every file against its hash before it is used.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tch::Device;

use crate::common::imaging::{Fit, View};
use crate::common::plain_file;
use crate::domain::Stage;

use super::manifest::{MANIFEST, Manifest};
use super::stages::{Entail, Ground, Joint, Recognise, Retrieve, Segment};
use crate::networks::weights::{
    BundleError, Fault, FileEntry, Precision, SharedWeights, WeightSource, Weights, hash_of, hexadecimal,
    unchanged,
};

/// A bundle whose manifest is good and whose files are those that the manifest means.
#[derive(Debug, Clone)]
pub struct Bundle {
    pub(super) folder: PathBuf,
    pub(super) manifest: Manifest,
    pub(super) hash: String,
    /// Those that stages were taken from, which have the stages' files.
    pub(super) taken: Vec<(Stage, Bundle)>,
    /// Of the executors of a device, which share their weights.
    pub(super) shared: Option<SharedWeights>,
}

impl Bundle {
    /// Opens the bundle in a folder: reads the manifest and checks the hashes of all files.
    ///
    /// # Errors
    /// Names the file, the key, what was expected and what was found.
    pub fn open(folder: &Path) -> Result<Self, BundleError> {
        let file = folder.join(MANIFEST);
        let text = String::from_utf8(read_file(&file)?).map_err(|error| BundleError::Format {
            file: file.clone(),
            format: "a bundle's manifest",
            message: error.to_string(),
        })?;
        let manifest = Manifest::parse(&file, &text)?;
        let mut faults = Vec::new();
        for (key, entry) in manifest.files() {
            let found = hash_of(&folder.join(&entry.file))?;
            if found != entry.sha256 {
                let expected = format!("`{}` with the hash {}", entry.file, entry.sha256);
                let key = format!("{key}.sha256");
                faults.push(Fault::new(&key, expected, format!("a file with the hash {found}")));
            }
        }
        if !faults.is_empty() {
            return Err(BundleError::Unfit { file, faults });
        }
        let hash = hexadecimal(Sha256::digest(&text));
        Ok(Self { folder: folder.to_owned(), manifest, hash, taken: Vec::new(), shared: None })
    }

    /// Whether there is a bundle in a folder.
    #[must_use]
    pub fn is_in(folder: &Path) -> bool {
        folder.join(MANIFEST).exists()
    }

    /// The SHA-256 of the manifest, in hexadecimal: it names the bundle with all its files, and those of the bundles
    /// that stages were taken from.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Where it lies.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the manifest says.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The bytes of one of its files, which still has the hash that it had when the bundle was opened.
    ///
    /// # Errors
    /// Where it cannot be read, or was changed since.
    pub fn read(&self, entry: &FileEntry) -> Result<Vec<u8>, BundleError> {
        let file = self.folder.join(&entry.file);
        let bytes = read_file(&file)?;
        unchanged(&file, entry, &hexadecimal(Sha256::digest(&bytes)))?;
        Ok(bytes)
    }

    /// Where one of its files lies.
    #[must_use]
    pub fn path(&self, entry: &FileEntry) -> PathBuf {
        self.folder.join(&entry.file)
    }

    /// The tagger's part of the manifest.
    ///
    /// # Errors
    /// Where the bundle has none yet.
    pub fn recognise(&self) -> Result<&Recognise, BundleError> {
        self.manifest.recognise.as_ref().ok_or_else(|| self.unfinished(Stage::Recognise, "network"))
    }

    /// The part of the network that stands for tagger, gate and grounder, where the bundle has one.
    #[must_use]
    pub fn joint(&self) -> Option<&Joint> {
        self.manifest.joint.as_ref()
    }

    /// The gate's part of the manifest.
    ///
    /// # Errors
    /// Where the bundle has none yet.
    pub fn entail(&self) -> Result<&Entail, BundleError> {
        self.manifest.entail.as_ref().ok_or_else(|| self.unfinished(Stage::Entail, "network"))
    }

    /// The grounder's part of the manifest.
    ///
    /// # Errors
    /// Where the bundle has none yet.
    pub fn ground(&self) -> Result<&Ground, BundleError> {
        self.manifest.ground.as_ref().ok_or_else(|| self.unfinished(Stage::Ground, "network"))
    }

    /// The segmenter's part of the manifest.
    ///
    /// # Errors
    /// Where the bundle has none yet.
    pub fn segment(&self) -> Result<&Segment, BundleError> {
        self.manifest.segment.as_ref().ok_or_else(|| self.unfinished(Stage::Segment, "network"))
    }

    /// The part of the encoder of posts.
    ///
    /// # Errors
    /// Where the bundle has none.
    pub fn retrieve(&self) -> Result<&Retrieve, BundleError> {
        self.manifest.know.as_ref().ok_or_else(|| self.unfinished(Stage::Retrieve, "network"))
    }

    /// The bytes of a stage's tokenizer and where they lie.
    ///
    /// # Errors
    /// Where the stage has none, or it cannot be read.
    pub fn tokenizer(
        &self,
        stage: Stage,
        entry: Option<&FileEntry>,
    ) -> Result<(PathBuf, Vec<u8>), BundleError> {
        let home = self.home(stage);
        let entry = entry.ok_or_else(|| home.unfinished(stage, "tokenizer"))?;
        Ok((home.path(entry), home.read(entry)?))
    }

    /// Whether each of its networks reads pictures of one size, whatever that of the originals is.
    #[must_use]
    pub fn reads_one_size(&self) -> bool {
        let varies = |view: View| matches!(view.fit, Fit::ShortestSide { .. });
        !self.manifest.parts().into_iter().filter_map(|part| part.view).any(varies)
    }

    /// The same bundle, whose networks of equal weights on one device share these: for the executors of a device.
    #[must_use]
    pub fn sharing_weights(&self) -> Self {
        self.clone().sharing(&SharedWeights::default())
    }

    fn sharing(mut self, shared: &SharedWeights) -> Self {
        self.taken = self.taken.into_iter().map(|(stage, other)| (stage, other.sharing(shared))).collect();
        Self { shared: Some(shared.clone()), ..self }
    }

    /// Where the weights of a stage come from, for a network on `device`.
    pub(super) fn source<'a>(
        &'a self,
        weights: &'a Weights,
        precision: Precision,
        device: Device,
    ) -> WeightSource<'a> {
        WeightSource { folder: &self.folder, weights, precision, device, shared: self.shared.as_ref() }
    }

    /// The error of a bundle that has no network for a stage.
    #[must_use]
    pub fn lacks(&self, stage: Stage) -> BundleError {
        self.unfinished(stage, "network")
    }

    pub(super) fn unfinished(&self, stage: Stage, what: &'static str) -> BundleError {
        BundleError::Unfinished { file: self.folder.join(MANIFEST), what, stage }
    }
}

/// Reads a whole file: a bundle may be replaced on disk while it is in use, so nothing of it stays mapped.
fn read_file(file: &Path) -> Result<Vec<u8>, BundleError> {
    plain_file::read(file).map_err(|source| BundleError::Read { file: file.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::tiny::bundle::without_tokenizers;
    use super::*;

    fn error_after(change: impl FnOnce(&Path)) -> String {
        let folder = without_tokenizers();
        change(folder.path());
        let opened = Bundle::open(folder.path());
        let error: &dyn std::error::Error = &opened.unwrap_err();
        match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        }
    }

    fn edit(folder: &Path, from: &str, to: &str) {
        let file = folder.join(MANIFEST);
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{from} is not in the manifest");
        fs::write(file, text.replacen(from, to, 1)).unwrap();
    }

    #[test]
    fn a_whole_bundle_opens_and_its_networks_load() {
        let folder = without_tokenizers();
        let bundle = Bundle::open(folder.path()).unwrap();
        assert_eq!(bundle.manifest().name, "untrained");
        assert_eq!(bundle.hash().len(), 64);
        bundle.tagger(Device::Cpu).unwrap();
        bundle.entailer(Device::Cpu, 0).unwrap();
        bundle.grounder(Device::Cpu, 0).unwrap();
        bundle.segmenter(Device::Cpu, 0).unwrap();
    }

    #[test]
    fn every_fault_of_a_manifest_says_which_key_what_was_expected_and_what_was_found() {
        let cases = [
            ("an unknown key", "threshold = ", "treshold = 1.0\nthreshold = ", "unknown field `treshold`"),
            ("a wrong type", "beam = 3", "beam = \"3\"", "invalid type: string \"3\", expected usize"),
            ("an unknown network", "\"ofa\"", "\"ofb\"", "unknown variant `ofb`, expected one of `ofa`"),
            (
                "a threshold",
                "threshold = 0.5",
                "threshold = 1.5",
                "`entail.threshold`: expected a probability, found 1.5",
            ),
            ("a beam", "beam = 3", "beam = 0", "`ground.beam`: expected 1 to 10, found 0"),
            ("a wide beam", "beam = 3", "beam = 11", "`ground.beam`: expected 1 to 10, found 11"),
            (
                "a prompt",
                "{phrase}",
                "phrase",
                "`entail.prompt`: expected a text with one `{phrase}` and at most one",
            ),
            (
                "labels",
                "labels = 17",
                "labels = 13",
                "`recognise.network.labels`: expected 17, which is 1 and 4 for",
            ),
            (
                "heads",
                "heads = 2",
                "heads = 3",
                "`recognise.network`: expected dimensions of a network, found",
            ),
            ("types", "\"OTHER\"", "\"ORG\"", "`entity_types`: expected different names, found"),
            ("a path", "\"ofa.tok", "\"../ofa.tok", "`entail.tokenizer.file`: expected the name of a file"),
            ("a phrase", "({type}) - {expansion}", "({kind}) - {expansion}", "has a place `{kind}`"),
            ("no hash", "sha256 = \"", "sha256 = \"X", "expected 64 lower-case hexadecimal digits, found `X"),
        ];
        for (name, from, to, expected) in cases {
            let error = error_after(|folder| edit(folder, from, to));
            assert!(error.contains("bundle.toml`") && error.contains(expected), "{name}: {error}");
        }
    }

    #[test]
    fn all_faults_of_a_manifest_are_told_at_once() {
        let error = error_after(|folder| {
            edit(folder, "beam = 3", "beam = 0");
            edit(folder, "threshold = 0.5", "threshold = -1.0");
        });
        assert!(error.contains("ground.beam") && error.contains("entail.threshold"), "{error}");
    }

    #[test]
    fn a_missing_file_and_a_changed_one_are_told_apart() {
        let missing = error_after(|folder| fs::remove_file(folder.join("ground.safetensors")).unwrap());
        assert!(missing.contains("cannot read") && missing.contains("ground.safetensors`"), "{missing}");
        let changed = error_after(|folder| fs::write(folder.join("lexicon.jsonl"), "changed").unwrap());
        assert!(changed.contains("`lexicon.sha256`: expected `lexicon.jsonl` with the hash"), "{changed}");
        let none = error_after(|folder| fs::remove_file(folder.join(MANIFEST)).unwrap());
        assert!(none.contains("bundle.toml`"), "{none}");
    }

    #[test]
    fn a_file_that_changes_after_opening_is_not_used() {
        let folder = without_tokenizers();
        let bundle = Bundle::open(folder.path()).unwrap();
        fs::write(folder.path().join("segment.safetensors"), "changed").unwrap();
        let error = bundle.segmenter(Device::Cpu, 0).err().unwrap().to_string();
        assert!(error.contains("segment.safetensors` does not fit: `sha256`"), "{error}");
    }

    #[test]
    fn weights_of_other_dimensions_than_the_manifest_says_name_file_and_keys() {
        let folder = without_tokenizers();
        edit(folder.path(), "ffn = 32", "ffn = 48");
        let bundle = Bundle::open(folder.path()).unwrap();
        let error = bundle.tagger(Device::Cpu).err().unwrap().to_string();
        assert!(error.contains("recognise.safetensors` does not fit"), "{error}");
        assert!(error.contains("expected shape [48, 16], found shape [32, 16]"), "{error}");
    }
}
