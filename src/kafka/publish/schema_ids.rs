//! Schema ids: the schemas of outputs are registered, or found, before the first record is read.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

use super::formats::OutputSchema;
use super::{Config, OutputConfig};
use crate::common::http_util::{RetrySchedule, with_retries};
use crate::common::registry::subjects::{self, Standing, SubjectError};
use crate::common::registry::{self, RegistryClient, RegistryError};
use crate::telemetry::Causes;

/// How long a registry that does not answer is waited for at the start: its own start beside ours. Whoever started this
/// process starts it again.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits of 0.5, 1, 2, 4, 8 s and so on between attempts, at most this many.
const RETRIES: RetrySchedule = RetrySchedule { retries: 8, backoff: Duration::from_millis(500) };

/// The registry's ids of the schemas of outputs, by the names of these.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SchemaIds(BTreeMap<String, u32>);

/// What the registry says of the schema of an output.
#[derive(Debug)]
pub struct OutputStanding {
    /// The subject of the output's values.
    pub subject: String,
    /// What it has of the schema.
    pub standing: Result<Standing, RegistryError>,
}

impl SchemaIds {
    /// The id of an output; zero for formats without a schema.
    #[must_use]
    pub fn of(&self, output: &str) -> u32 {
        self.0.get(output).copied().unwrap_or_default()
    }

    /// Registers the schemas of all outputs that have one, or finds them, as the settings say. A registry that does not
    /// answer is asked again for some time.
    ///
    /// # Errors
    /// The registry does not answer, or one of the schemas cannot be used: see [`SubjectError`].
    pub async fn register(config: &Config, registry: &registry::Config) -> Result<Self, SubjectError> {
        if !registry.is_set() {
            return Ok(Self::default());
        }
        let client = RegistryClient::new(registry)?;
        let deadline = Instant::now() + PATIENCE;
        // Also for records that are read: a wrong address or password is told now, and not in a dead letter for each.
        let answers = || async { client.answers().await.map_err(SubjectError::from) };
        asked(deadline, &client, answers).await?;
        let mut ids = BTreeMap::new();
        for (name, output, OutputSchema { schema, full_name, file }) in with_schema(config) {
            let subject = registry.subject.subject(&output.topic, full_name);
            let may_register = registry.register;
            let ask = || subjects::id_of(&client, &subject, (schema, file), may_register);
            let id = asked(deadline, &client, ask).await?;
            info!(output = name, subject, id, "the schema of an output is registered");
            ids.insert(name.to_owned(), id);
        }
        Ok(Self(ids))
    }
}

/// What the registry says of the schemas of all outputs that have one. Nothing is changed.
///
/// # Errors
/// The client cannot be made.
pub async fn standings(
    config: &Config,
    registry: &registry::Config,
) -> Result<Vec<OutputStanding>, RegistryError> {
    let client = RegistryClient::new(registry)?;
    let mut found = Vec::new();
    for (_, output, OutputSchema { schema, full_name, .. }) in with_schema(config) {
        let subject = registry.subject.subject(&output.topic, full_name);
        let standing = subjects::standing(&client, &subject, schema).await;
        found.push(OutputStanding { subject, standing });
    }
    Ok(found)
}

fn with_schema(config: &Config) -> impl Iterator<Item = (&str, OutputConfig, OutputSchema)> {
    config.all_outputs().filter_map(|(name, output)| {
        let schema = output.output_format().schema?(output.shape);
        Some((name, output, schema))
    })
}

async fn asked<T, F: Future<Output = Result<T, SubjectError>>>(
    deadline: Instant,
    client: &RegistryClient,
    ask: impl FnMut() -> F,
) -> Result<T, SubjectError> {
    let again = |error: &SubjectError, wait: Duration| {
        warn!(error = %Causes(error), wait_seconds = wait.as_secs_f64(), "the Schema Registry is asked again");
    };
    with_retries(RETRIES, deadline, ask, again).await.map_err(|last| {
        last.unwrap_or_else(|| SubjectError::from(RegistryError::no_answer_within(&client.shown(), PATIENCE)))
    })
}
