//! Operation: alerts, dashboards and questions of operators, against a real Prometheus beside real engines.
//!
//! `questions` has one engine, in every run of the tests. `faults` provokes the fault of each alert, which takes minutes: `make
//! operate` runs it.

mod alerts;
mod bluesky_feed;
mod dashboards;
mod faults;
mod feed;
mod frequent_scrapes;
mod metrics_page;
mod no_memory;
mod picture_server;
mod questions;
mod scrape_target;
mod site;
mod troubles;
