//! Stages by themselves: time and rate of arithmetic of each network, beside the rate of one large product of matrices.

use riveg::domain::Stage;
use riveg::networks::bundle::{Bundle, Precision};
use serde_json::{Value, json};
use tch::Device;

use super::clock::Spent;
use super::flops;
use super::raw::{Plan, Recorded};

/// What one stage took for all requests of a feed.
pub(crate) struct StageRate {
    stage: Stage,
    precision: Precision,
    requests: f64,
    plan: Plan,
    seconds: f64,
    /// The floor of the arithmetic.
    operations: f64,
    /// What one large product in the same precision does in a second.
    product: f64,
}

/// All stages of a feed of so many posts.
pub(crate) struct StageRates {
    posts: f64,
    stages: Vec<StageRate>,
}

impl StageRates {
    pub(crate) fn of(
        bundle: &Bundle,
        device: Device,
        recorded: &Recorded,
        (plans, spent): (&[Plan; 4], &[Spent; 4]),
    ) -> Self {
        let floor = flops::floor(bundle, recorded);
        let precisions = Stage::ALL.map(|stage| bundle.precision(stage).unwrap_or_default());
        let mut products: Vec<(Precision, f64)> = Vec::new();
        for precision in precisions {
            if products.iter().all(|(measured, _)| *measured != precision) {
                products.push((precision, flops::of_one_product(device, precision)));
            }
        }
        let rate = |(stage, requests): (Stage, usize)| {
            let of_stage = stage as usize;
            let precision = precisions[of_stage];
            let product = products.iter().find(|(measured, _)| *measured == precision);
            StageRate {
                stage,
                precision,
                requests: requests as f64,
                plan: plans[of_stage],
                seconds: spent[of_stage].processor_or_wall().as_secs_f64().max(f64::MIN_POSITIVE),
                operations: floor[of_stage],
                product: product.map_or(f64::NAN, |(_, rate)| *rate),
            }
        };
        let stages = Stage::ALL.into_iter().zip(recorded.counts()).map(rate);
        Self { posts: recorded.posts as f64, stages: stages.collect() }
    }

    pub(crate) fn print(&self) {
        println!();
        println!(
            "{:20}{:>9}{:>10}{:>8}{:>11}{:>13}{:>10}{:>10}{:>10}",
            "raw by stage",
            "a post",
            "batches",
            "",
            "ms a post",
            "MFLOP a post",
            "GFLOP/s",
            "product",
            "/ product"
        );
        for rate in &self.stages {
            println!(
                "{:20}{:>9.2}{:>10}{:>8}{:>11.2}{:>13.1}{:>10.1}{:>10.1}{:>10.2}",
                format!("{} {}", rate.stage, rate.precision.as_str()),
                rate.requests / self.posts,
                rate.plan.batch,
                rate.plan.order(),
                rate.seconds * 1e3 / self.posts,
                rate.operations / 1e6 / self.posts,
                rate.operations / 1e9 / rate.seconds,
                rate.product / 1e9,
                rate.operations / rate.seconds / rate.product,
            );
        }
        let seconds: f64 = self.stages.iter().map(|rate| rate.seconds).sum();
        let operations: f64 = self.stages.iter().map(|rate| rate.operations).sum();
        println!(
            "{:20}{:>38.2}{:>13.1}{:>10.1}{:>20.2}",
            "all",
            seconds * 1e3 / self.posts,
            operations / 1e6 / self.posts,
            operations / 1e9 / seconds,
            self.least_seconds() / seconds,
        );
        println!(
            "at the rate of one large product of matrices {:.1} posts/s would be the most",
            self.posts / self.least_seconds()
        );
    }

    pub(crate) fn json(&self) -> Value {
        let stage = |rate: &StageRate| {
            json!({
                "stage": rate.stage.as_str(),
                "precision": rate.precision.as_str(),
                "requests_a_post": rate.requests / self.posts,
                "batch": rate.plan.batch,
                "ms_a_post": rate.seconds * 1e3 / self.posts,
                "mflop_a_post": rate.operations / 1e6 / self.posts,
                "gflop_a_second": rate.operations / 1e9 / rate.seconds,
                "product_gflop_a_second": rate.product / 1e9,
            })
        };
        self.stages.iter().map(stage).collect()
    }

    /// What the arithmetic takes at the rate of one large product.
    fn least_seconds(&self) -> f64 {
        self.stages.iter().map(|rate| rate.operations / rate.product).sum()
    }
}
