//! Tiny bundle of one stage: the manifest of a published network with its tiny form in place.

use riveg::domain::Stage;
use riveg::networks::bundle::{FileEntry, Manifest, Precision, stage_template, write_manifest};
use riveg::networks::descriptor::{Descriptor, Network};

use super::TINY;
use super::form::{Tiny, Vocabulary};

/// [`stage_template`] with a tiny network in place of the published one, whose vocabulary is `tokenizer`.
pub(super) fn tiny_manifest(
    stage: Stage,
    preset: &str,
    (tokenizer, vocabulary): (Option<&str>, Vocabulary),
    seed: u64,
) -> Option<Manifest> {
    let mut manifest = stage_template(stage, preset, Precision::F32, seed)?;
    let tokenizer = tokenizer.map(FileEntry::named);
    if let Some(part) = &mut manifest.know {
        part.tokenizer = tokenizer;
        shrink(&mut part.network, vocabulary);
    } else if let Some(part) = &mut manifest.recognise {
        part.tokenizer = tokenizer;
        shrink(&mut part.network, vocabulary);
    } else if let Some(part) = &mut manifest.entail {
        part.tokenizer = tokenizer;
        shrink(&mut part.network, vocabulary);
    } else if let Some(part) = &mut manifest.ground {
        part.tokenizer = tokenizer;
        shrink(&mut part.network, vocabulary);
    } else if let Some(part) = &mut manifest.segment {
        shrink(&mut part.network, vocabulary);
    }
    Some(manifest)
}

/// A tiny bundle of one stage that has no tokenizer.
pub(crate) fn without_tokenizer(stage: Stage, preset: &str) -> tempfile::TempDir {
    let vocabulary = Vocabulary { rows: 60, first_bin: 40, answers: [10, 11, 12] };
    let folder = tempfile::tempdir().unwrap();
    let manifest = tiny_manifest(stage, preset, (None, vocabulary), 3);
    write_manifest(folder.path(), manifest.unwrap_or_else(|| panic!("{preset} was not published"))).unwrap();
    folder
}

fn shrink<D: Descriptor>(network: &mut Network<D>, vocabulary: Vocabulary) {
    let tiny = form(network.descriptor().architecture().name);
    *network.dimensions_mut() = (tiny.shrink)(network.dimensions(), vocabulary);
}

/// The tiny form of an architecture.
pub(super) fn form(architecture: &str) -> &'static Tiny {
    let known = TINY.into_iter().find(|tiny| tiny.architecture == architecture);
    known.unwrap_or_else(|| panic!("`{architecture}` has no tiny form in tests/support/tiny/mod.rs"))
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use riveg::networks::bundle::{Bundle, presets};

    use super::*;

    #[test]
    fn every_published_network_runs_when_it_is_small() {
        let vocabulary = Vocabulary { rows: 60, first_bin: 40, answers: [10, 11, 12] };
        for stage in Stage::WITH_RETRIEVAL {
            for preset in presets(stage) {
                let folder = without_tokenizer(stage, preset);
                let bundle = Bundle::open(folder.path()).unwrap();
                assert_eq!(bundle.manifest().parts()[0].network.fault, None, "{preset}");
                assert!(bundle.manifest().parts()[0].network.parameters < 200_000, "{preset}");
                // Each answers its self-test, and the same again.
                bundle.verify(&bundle.manifest().parts()[0], Device::Cpu).unwrap();
            }
            assert_eq!(tiny_manifest(stage, "riveg-base", (None, vocabulary), 3), None);
        }
    }
}
