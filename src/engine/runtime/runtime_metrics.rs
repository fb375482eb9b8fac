//! Metrics of the runtime: caches of the networks, and what they save.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Runtime;
use crate::domain::Stage;
use crate::engine::Config;
use crate::stages::ground::Proposer;
use crate::stages::pipeline::{EntitiesBy, Pipeline};
use crate::telemetry::{CacheTally, Metrics};

/// The proposer of regions for the joint network, if there is one.
fn proposer(pipeline: &Pipeline) -> Option<&Proposer> {
    match &pipeline.entities {
        EntitiesBy::Joint(joint) => joint.proposer.as_deref(),
        EntitiesBy::Tagger(_) | EntitiesBy::Endpoint(_) => None,
    }
}

impl Runtime {
    /// Counts cached features of pictures as a cache: a request whose picture the network did not compute is a hit. Call it
    /// after warm-up, whose requests belong to no post.
    pub fn watch_remembered(&self, metrics: &Metrics) {
        let runs = &self.picture_runs;
        for (kind, stage, read) in [
            ("entailer-trunk", Stage::Entail, &runs.entail),
            ("grounder-trunk", Stage::Ground, &runs.ground),
            ("encoded-pictures", Stage::Segment, &runs.segment),
        ] {
            let (requests, read) = (metrics.stage(stage), read.clone());
            let (entries, bytes) = (self.remembered.entries(stage), self.remembered.bytes(stage));
            let warm = read.get();
            metrics.watch_cache(kind, move || {
                let misses = read.get().saturating_sub(warm);
                CacheTally {
                    // A picture is computed before its request is answered.
                    hits: requests.requests().saturating_sub(misses),
                    joins: 0,
                    misses,
                    entries: entries.load(Ordering::Relaxed),
                    bytes: bytes.load(Ordering::Relaxed),
                }
            });
        }
    }

    /// Counts computed and cached pictures from warm-up on. Metrics hold no reference to the pipeline, or the device would
    /// never end.
    pub(super) fn watch(&self, metrics: &Metrics, config: &Config) {
        let runs = &self.picture_runs;
        for (stage, runs) in
            [(Stage::Entail, &runs.entail), (Stage::Ground, &runs.ground), (Stage::Segment, &runs.segment)]
        {
            let runs = runs.clone();
            metrics.watch_pictures_read(stage, move || runs.get());
        }
        for stage in [Stage::Entail, Stage::Ground, Stage::Segment, Stage::Retrieve] {
            metrics.watch_remembered(stage, self.remembered.bytes(stage));
        }
        let spent = Stage::WITH_RETRIEVAL.map(|stage| self.remembered.bytes(stage));
        let (names, of_one) = (&config.device.name, config.device.trunk_cache.as_u64());
        let budget = (names.to_string(), of_one.saturating_mul(names.count() as u64));
        metrics.watch_device_memory((&budget.0, budget.1), move || {
            spent.iter().map(|bytes| bytes.load(Ordering::Relaxed)).sum()
        });
        if proposer(&self.pipeline).is_some() {
            let pipeline = Arc::downgrade(&self.pipeline);
            metrics.watch_cache("proposals", move || {
                let pipeline = pipeline.upgrade();
                let proposer = pipeline.as_deref().and_then(proposer);
                proposer.map(|proposer| proposer.counts().into()).unwrap_or_default()
            });
        }
        let pipeline = Arc::downgrade(&self.pipeline);
        metrics.watch_cache("scaled-pictures", move || {
            pipeline.upgrade().map(|pipeline| pipeline.pictures.counts().into()).unwrap_or_default()
        });
    }
}
