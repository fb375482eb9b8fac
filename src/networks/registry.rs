//! Registry: all networks, by the stages that they serve. A new network is one more descriptor in a line here.

use super::checkpoint::{Checkpoint, CheckpointError, Family, Renamed, first_few};
use super::descriptor::{
    Architecture, Descriptor, EntailDescriptor, GroundDescriptor, Importing, JointDescriptor,
    RecogniseDescriptor, RetrieveDescriptor, SegmentDescriptor,
};
use super::{albef, grounding_dino, mqspn, ofa, sam, sam2, seqtr, tagger, umt};

const RECOGNISE: &[&RecogniseDescriptor] = &[
    &tagger::XLM_ROBERTA_CRF,
    &tagger::BERT_CRF,
    &tagger::ROBERTA_SOFTMAX,
    &tagger::BERT_SOFTMAX,
    &tagger::DISTILBERT_SOFTMAX,
    &tagger::DEBERTA_SOFTMAX,
];
const JOINT: &[&JointDescriptor] = &[&mqspn::JOINT];
const ENTAIL: &[&EntailDescriptor] = &[&ofa::ENTAIL, &albef::ENTAIL, &grounding_dino::ENTAIL];
const GROUND: &[&GroundDescriptor] = &[&ofa::GROUND, &seqtr::GROUND, &grounding_dino::GROUND];
const SEGMENT: &[&SegmentDescriptor] = &[&sam::SEGMENT, &sam2::SEGMENT];
const RETRIEVE: &[&RetrieveDescriptor] = &[&umt::RETRIEVE];

/// Templates of whole bundles: the published sizes of tagger, entailer, grounder and segmenter.
pub const TEMPLATES: [(&str, [&str; 4]); 2] = [
    ("riveg-base", ["xlm-roberta-base", "ofa-base", "ofa-base", "sam-vit-b"]),
    ("riveg-large", ["xlm-roberta-large", "ofa-large", "ofa-large", "sam-vit-h"]),
];

/// Finds the family of a checkpoint by a tensor that no other family has.
///
/// # Errors
/// What was looked for, and what there is, where it is of none.
pub fn family_of(checkpoint: &Checkpoint) -> Result<&'static Family, CheckpointError> {
    let families = families();
    detect(&families, checkpoint.names()).ok_or_else(|| {
        let looked_for: Vec<String> =
            families.iter().map(|family| format!("`{}` of {family}", family.signs.join("` or `"))).collect();
        CheckpointError::UnknownFamily {
            file: checkpoint.path().to_owned(),
            looked_for: looked_for.join(", "),
            found: first_few(checkpoint.names()),
        }
    })
}

/// The family of a file with these tensors. Families that name the encoder alike differ in their heads: the first whose
/// head is there, or else the first, which then says what is missing.
fn detect<'name>(
    families: &[&'static Family],
    names: impl IntoIterator<Item = &'name str>,
) -> Option<&'static Family> {
    let names: Vec<&str> = names.into_iter().collect();
    let signed: Vec<&'static Family> =
        families.iter().copied().filter(|family| names.iter().any(|name| family.has_sign(name))).collect();
    let has_head = |family: &Family| {
        family.head.is_none_or(|(key, _)| names.iter().any(|name| family.rename(name) == Renamed::kept(key)))
    };
    let whole = signed.iter().copied().find(|family| has_head(family));
    whole.or_else(|| signed.first().copied())
}

/// The families of all networks, each once. Taggers are the last: networks of pictures may have a text tower within, under the
/// names of a tagger's.
fn families() -> Vec<&'static Family> {
    let importing = importing::<EntailDescriptor>()
        .chain(importing::<GroundDescriptor>())
        .chain(importing::<SegmentDescriptor>())
        .chain(importing::<RetrieveDescriptor>())
        .chain(importing::<RecogniseDescriptor>());
    let mut families: Vec<&'static Family> = Vec::new();
    for importing in importing {
        let untrained = importing.untrained.iter().map(|(family, _)| *family);
        for family in importing.families.iter().copied().chain(untrained) {
            if !families.contains(&family) {
                families.push(family);
            }
        }
    }
    families
}

fn importing<D: Descriptor>() -> impl Iterator<Item = &'static Importing> {
    D::ALL.iter().copied().map(D::importing)
}

impl Descriptor for RecogniseDescriptor {
    const ALL: &'static [&'static Self] = RECOGNISE;

    fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    fn importing(&self) -> &Importing {
        &self.importing
    }
}

impl Descriptor for JointDescriptor {
    const ALL: &'static [&'static Self] = JOINT;

    fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    fn importing(&self) -> &Importing {
        &self.importing
    }
}

impl Descriptor for EntailDescriptor {
    const ALL: &'static [&'static Self] = ENTAIL;

    fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    fn importing(&self) -> &Importing {
        &self.importing
    }
}

impl Descriptor for GroundDescriptor {
    const ALL: &'static [&'static Self] = GROUND;

    fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    fn importing(&self) -> &Importing {
        &self.importing
    }
}

impl Descriptor for SegmentDescriptor {
    const ALL: &'static [&'static Self] = SEGMENT;

    fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    fn importing(&self) -> &Importing {
        &self.importing
    }
}

impl Descriptor for RetrieveDescriptor {
    const ALL: &'static [&'static Self] = RETRIEVE;

    fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    fn importing(&self) -> &Importing {
        &self.importing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_known_by_a_name_of_its_own() {
        let families = families();
        assert_eq!(families.len(), 18);
        for family in &families {
            for sign in family.signs {
                let head = family.head.map_or("other", |(key, _)| key);
                assert_eq!(detect(&families, [head, sign]), Some(*family));
            }
        }
        assert_eq!(detect(&families, ["encoder.layers.0.fc1.weight"]), None);
        let within =
            ["bert.embeddings.word_embeddings.weight", "transformer.encoder.fusion_layers.0.gamma_v"];
        assert_eq!(detect(&families, within), Some(&grounding_dino::GROUNDING_DINO_ORIGINAL));
    }

    #[test]
    fn names_and_published_sizes_are_those_of_one_network_each() {
        fn check<D: Descriptor>() {
            let names: Vec<_> = D::ALL.iter().map(|known| known.architecture().name).collect();
            let sizes: Vec<_> = D::ALL.iter().flat_map(|known| known.architecture().published).collect();
            for all in [names.len(), sizes.len()] {
                assert!(all > 0);
            }
            for (index, name) in names.iter().enumerate() {
                assert!(!names[..index].contains(name), "{name}");
            }
            for (index, size) in sizes.iter().enumerate() {
                assert!(!sizes[..index].contains(size), "{size}");
            }
        }
        check::<RecogniseDescriptor>();
        check::<JointDescriptor>();
        check::<EntailDescriptor>();
        check::<GroundDescriptor>();
        check::<SegmentDescriptor>();
        check::<RetrieveDescriptor>();
    }
}
