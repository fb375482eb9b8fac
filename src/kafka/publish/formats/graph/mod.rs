//! Graph formats: answers as RDF (JSON-LD, N-Triples, N-Quads) and as events for Neo4j.
//!
//! Read [`statements`] first: what an answer says, as subject, predicate and object. The three RDF formats write the
//! same list, so that they cannot differ. [`names`] makes the IRIs that all graph formats share, by the templates of
//! the section `graph`.

mod config;
mod datatype;
mod jsonld;
mod names;
mod neo4j;
mod ntriples;
mod selectors;
mod statement;
mod statements;
mod template;
mod vocabulary;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use config::Config;
pub use jsonld::context;
pub use names::Names;

pub(super) use jsonld::FORMAT as JSONLD;
pub(super) use neo4j::FORMAT as NEO4J_CUD;
pub(super) use ntriples::{QUADS as NQUADS, TRIPLES as NTRIPLES};
