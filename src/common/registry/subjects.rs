//! Subjects: the schema of an output is registered, or found, before the first value is written.

use super::client::RegistryClient;
use super::error::{RegistryError, RegistryErrorKind};
use super::registered::{CandidateSchema, Compatibility};
use crate::common::http_util::Retryable;

/// What a subject has of a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It has it, under this id.
    Registered(u32),
    /// It does not have it, and it may be registered.
    Registrable,
    /// It does not have it, and it may not follow those that the subject has: the differences.
    Incompatible(String),
}

/// Why the schema of an output cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// The registry gave no answer of use.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The schema may not follow those that the subject has.
    #[error(
        "the subject `{subject}` of the Schema Registry at `{at}` refuses the schema, which is not compatible with its \
         latest one: {differences}"
    )]
    Incompatible {
        /// The subject.
        subject: String,
        /// The registry.
        at: String,
        /// What the registry says.
        differences: String,
    },
    /// The subject does not have the schema, and it is not to be registered.
    #[error(
        "the subject `{subject}` of the Schema Registry at `{at}` does not have the schema, and registry.register is \
         false: register config/schemas/{file} there"
    )]
    Missing {
        /// The subject.
        subject: String,
        /// The registry.
        at: String,
        /// The file of the schema.
        file: &'static str,
    },
}

impl Retryable for SubjectError {
    fn retry_delay(&self) -> Option<std::time::Duration> {
        match self {
            Self::Registry(error) => error.retry_delay(),
            Self::Incompatible { .. } | Self::Missing { .. } => None,
        }
    }
}

/// What a subject has of a schema. Nothing is changed.
///
/// # Errors
/// As the kinds of [`RegistryError`].
pub async fn standing(
    client: &RegistryClient,
    subject: &str,
    schema: CandidateSchema<'_>,
) -> Result<Standing, RegistryError> {
    if let Some(id) = client.lookup(subject, schema).await? {
        return Ok(Standing::Registered(id));
    }
    Ok(match client.compatibility(subject, schema).await? {
        Compatibility::First | Compatibility::Compatible => Standing::Registrable,
        Compatibility::Incompatible(differences) => Standing::Incompatible(differences),
    })
}

/// The id of a schema under a subject. It is registered where the subject does not have it and it may be.
///
/// # Errors
/// There is no id: see [`SubjectError`].
pub async fn id_of(
    client: &RegistryClient,
    subject: &str,
    (schema, file): (CandidateSchema<'_>, &'static str),
    may_register: bool,
) -> Result<u32, SubjectError> {
    let (at, name) = (client.shown(), subject.to_owned());
    match standing(client, subject, schema).await? {
        Standing::Registered(id) => Ok(id),
        Standing::Incompatible(differences) => {
            Err(SubjectError::Incompatible { subject: name, at, differences })
        }
        Standing::Registrable if !may_register => Err(SubjectError::Missing { subject: name, at, file }),
        Standing::Registrable => match client.register(subject, schema).await {
            Err(RegistryError { kind: RegistryErrorKind::Incompatible, message }) => {
                Err(SubjectError::Incompatible { subject: name, at, differences: message })
            }
            registered => Ok(registered?),
        },
    }
}
