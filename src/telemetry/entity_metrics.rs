//! Metrics of entities in answers, by type and gate decision: their shares move if answers drift.

use prometheus::{IntCounterVec, Opts};

use super::registration::{Registry, register};
use crate::domain::{Annotation, Triple};

/// What the gate decided of one entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    /// At least one picture shows it.
    Depicted,
    /// No picture does.
    NotDepicted,
    /// No picture was asked about: the post has none, or engine.max_looks was reached.
    NotAsked,
}

impl Decision {
    const ALL: [Self; 3] = [Self::Depicted, Self::NotDepicted, Self::NotAsked];

    fn of(triple: &Triple) -> Self {
        match &*triple.verdicts {
            [] => Self::NotAsked,
            verdicts if verdicts.iter().any(|verdict| verdict.depicted) => Self::Depicted,
            _ => Self::NotDepicted,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Depicted => "depicted",
            Self::NotDepicted => "not-depicted",
            Self::NotAsked => "not-asked",
        }
    }
}

/// The counters of entities.
#[derive(Debug, Clone)]
pub struct EntityMetrics {
    entities: IntCounterVec,
}

impl EntityMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let entities =
            Opts::new("riveg_entities_total", "Entities of answers, by type and by what the gate decided.");
        Self { entities: register(registry, IntCounterVec::new(entities, &["type", "gate"])) }
    }

    /// Starts the series of the types.
    pub fn declare_types<'a>(&self, types: impl IntoIterator<Item = &'a str>) {
        for entity_type in types {
            for decision in Decision::ALL {
                self.entities.with_label_values(&[entity_type, decision.as_str()]).inc_by(0);
            }
        }
    }

    /// A post was answered so.
    pub fn answered(&self, annotation: &Annotation) {
        for triple in &annotation.triples {
            let labels = [triple.mention.entity_type.as_str(), Decision::of(triple).as_str()];
            self.entities.with_label_values(&labels).inc();
        }
    }
}
