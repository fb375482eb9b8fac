//! Posts in, from Kafka.
