//! Kafka: records in, records out, offsets committed behind what was delivered.
//!
//! Read [`client`] first (how every client reaches the brokers), then [`ingest`] (the polling thread, tickets,
//! offsets), [`publish`] (order, delivery, transactions) and [`attempts`] (what a process was working on when it died).

pub mod attempts;
pub mod client;
pub mod ingest;
pub mod publish;
