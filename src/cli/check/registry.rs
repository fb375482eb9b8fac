//! Schema Registry checks: whether it answers, and whether it takes the schemas of outputs. Nothing is registered.

use crate::cli::{Failure, run_async, with_causes};
use crate::common::registry::RegistryClient;
use crate::common::registry::subjects::Standing;
use crate::config::Config;
use crate::kafka::publish::{OutputStanding, standings};

use super::finding::Finding;

/// One finding for the registry, and one for the schema of each output that has one.
pub(super) fn check(config: &Config) -> Result<Vec<Finding>, Failure> {
    let what = format!("schema registry {}", config.registry.url);
    let asked = run_async(async {
        RegistryClient::new(&config.registry)?.answers().await?;
        Ok(standings(&config.publish, &config.registry).await?)
    });
    let outputs = match asked {
        Ok(outputs) => outputs,
        // The schemas would fail with the same error.
        Err(error) => return Ok(vec![Finding::new(what, Err(with_causes(error.as_ref())))]),
    };
    let answers = Finding::new(what, Ok("in reach".to_owned()));
    let may_register = config.registry.register;
    Ok(std::iter::once(answers)
        .chain(outputs.into_iter().map(|output| finding(output, may_register)))
        .collect())
}

fn finding(OutputStanding { subject, standing }: OutputStanding, may_register: bool) -> Finding {
    let found = match standing {
        Ok(Standing::Registered(id)) => Ok(format!("is registered, id {id}")),
        Ok(Standing::Registrable) if may_register => Ok("is not registered yet, and can be".to_owned()),
        Ok(Standing::Registrable) => {
            Err("is not registered, and registry.register is false: register the file of config/schemas"
                .to_owned())
        }
        Ok(Standing::Incompatible(differences)) => {
            Err(format!("is not compatible with the latest one of its subject: {differences}"))
        }
        Err(error) => Err(error.to_string()),
    };
    Finding::new(format!("schema {subject}"), found)
}
