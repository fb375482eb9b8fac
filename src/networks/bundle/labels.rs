//! Labels of a bundle's tagger: a table in the order of the network's rows, or derived from the bundle's entity types.

use super::stages::Recognise;
use crate::domain::EntityType;
use crate::networks::blocks::crf::Chain;
use crate::networks::blocks::words::{Decoding, Pooling};
use crate::networks::descriptor::TaggerSettings;
use crate::networks::weights::Fault;
use crate::stages::recognise::{LabelFault, LabelSet};

impl Recognise {
    /// The labels in the order of the network's rows. `entity_types` are those of the bundle.
    ///
    /// # Errors
    /// [`LabelFault`], where the table has no `O` or no entity type.
    pub fn label_set(&self, entity_types: &[String]) -> Result<LabelSet, LabelFault> {
        if self.labels.is_empty() {
            let types = entity_types.iter().map(|name| EntityType::new(name));
            return Ok(LabelSet::new(types).with_scheme(self.scheme));
        }
        LabelSet::of_table(&self.labels, &self.types)
    }

    /// How the network labels words. `entity_types` are those of the bundle.
    pub(super) fn settings(&self, entity_types: &[String]) -> TaggerSettings {
        let rules = match (self.decoding, self.label_set(entity_types)) {
            (Decoding::Valid, Ok(set)) => {
                Some(Chain::of_rules(set.count(), |from, to| set.may_follow(from, to)))
            }
            _ => None,
        };
        TaggerSettings { scope: self.crf, pooling: self.pooling, rules }
    }

    /// What is wrong with the labels.
    pub(super) fn label_faults(&self, entity_types: &[String]) -> Vec<Fault> {
        let set = match self.label_set(entity_types) {
            Ok(set) => set,
            Err(fault) => return vec![Fault::new("recognise.labels", "labels of a tagger", fault)],
        };
        let mut faults = Vec::new();
        let (rows, labels) = (self.network.labels(), set.count());
        if usize::try_from(rows).ok() != Some(labels) {
            let why = if self.labels.is_empty() {
                let each = set.scheme().labels(1) - 1;
                format!("{labels}, which is 1 and {each} for each entity type")
            } else {
                format!("{labels}, as many as `recognise.labels` has")
            };
            faults.push(Fault::new("recognise.network.labels", why, rows));
        }
        if self.network.descriptor().has_crf {
            let expected = "the default for a tagger with a CRF";
            if self.pooling != Pooling::default() {
                let found = format!("{:?}", self.pooling).to_lowercase();
                faults.push(Fault::new("recognise.pooling", expected, found));
            }
            if self.decoding != Decoding::default() {
                let found = format!("{:?}", self.decoding).to_lowercase();
                faults.push(Fault::new("recognise.decoding", expected, found));
            }
        }
        let unknown = set.types().iter().find(|own| !entity_types.iter().any(|name| name == own.as_str()));
        if let Some(unknown) = unknown {
            let expected =
                format!("`{unknown}` among them, which `recognise.labels` and `recognise.types` give");
            faults.push(Fault::new("entity_types", expected, format!("{entity_types:?}")));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Manifest, Precision, stage_template};
    use super::*;
    use crate::domain::Stage;

    fn recognise() -> Recognise {
        let manifest = stage_template(Stage::Recognise, "bert-base-cased", Precision::F32, 1).unwrap();
        let Manifest { recognise: Some(part), .. } = manifest else { panic!("it is a bundle of that stage") };
        part
    }

    fn faults(part: &Recognise, types: &[&str]) -> Vec<String> {
        let types: Vec<String> = types.iter().map(|name| (*name).to_owned()).collect();
        part.label_faults(&types).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_table_fits_the_rows_and_the_types_of_the_bundle() {
        let mut part = recognise();
        assert!(faults(&part, &["LOC", "ORG", "OTHER", "PER"]).is_empty());
        let derived =
            "`recognise.network.labels`: expected 13, which is 1 and 4 for each entity type, found 17";
        assert_eq!(faults(&part, &["LOC", "ORG", "PER"]), [derived]);

        part.network.dimensions_mut().replace("labels", 3);
        part.labels = ["B-person", "O", "I-person"].map(str::to_owned).to_vec();
        part.types = [("person".to_owned(), "PER".to_owned())].into();
        assert!(faults(&part, &["PER", "LOC"]).is_empty());
        let missing = "`entity_types`: expected `PER` among them, which `recognise.labels` and `recognise.types` \
                       give, found [\"LOC\"]";
        assert_eq!(faults(&part, &["LOC"]), [missing]);
        part.labels.push("B-product".to_owned());
        let rows = "`recognise.network.labels`: expected 4, as many as `recognise.labels` has, found 3";
        assert_eq!(faults(&part, &["PER", "product"]), [rows]);
        part.labels = vec!["GOOD".to_owned(), "BAD".to_owned(), "UGLY".to_owned()];
        assert!(faults(&part, &["PER"])[0].contains("no label is `O`"), "{:?}", faults(&part, &["PER"]));
    }
}
