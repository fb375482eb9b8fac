//! Annotations out, to Kafka, in the order in which the posts came.
