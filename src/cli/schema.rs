//! `riveg schema`: prints a schema that is compiled in, or the names of all.

use std::io::{self, Write as _};

use serde_json::json;

use super::Failure;
use super::failure::{StdoutError, UsageError};
use super::output_format::{FormatArgument, print_json};

/// Print the schema of records: what a producer may write, and what a consumer may rely on.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg schema                    the names
  riveg schema post               JSON Schema of posts of the format riveg
  riveg schema triple > triple.json")]
pub struct Arguments {
    /// The schema; without it, the names are listed.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// The format of the list of names; a schema is JSON always.
    #[command(flatten)]
    format: FormatArgument,
}

/// A schema: its name, what it describes, and its text.
struct Schema {
    name: &'static str,
    describes: &'static str,
    text: &'static str,
}

const SCHEMAS: &[Schema] = &[
    Schema {
        name: "post",
        describes: "input: a post of the format riveg (JSON Schema)",
        text: include_str!("../../config/schemas/riveg.post.json"),
    },
    Schema {
        name: "annotation",
        describes: "output: an answer of the format riveg, shape post (JSON Schema)",
        text: include_str!("../../config/schemas/riveg.annotation.json"),
    },
    Schema {
        name: "triple",
        describes: "output: an answer of the format riveg, shape triple (JSON Schema)",
        text: include_str!("../../config/schemas/riveg.triple.json"),
    },
    Schema {
        name: "context",
        describes: "output: the terms of the format jsonld (JSON-LD context)",
        text: include_str!("../../config/schemas/context.jsonld"),
    },
];

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let text = match &arguments.name {
        None if arguments.format.is_json() => {
            let names =
                SCHEMAS.iter().map(|schema| json!({ "name": schema.name, "describes": schema.describes }));
            return print_json(&names.collect::<Vec<_>>());
        }
        None => SCHEMAS.iter().map(|schema| format!("{:<12}{}\n", schema.name, schema.describes)).collect(),
        Some(name) => found(name)?.text.to_owned(),
    };
    io::stdout().lock().write_all(text.as_bytes()).map_err(StdoutError)?;
    Ok(())
}

fn found(name: &str) -> Result<&'static Schema, UsageError> {
    let names = || SCHEMAS.iter().map(|schema| format!("`{}`", schema.name)).collect::<Vec<_>>().join(", ");
    let schema = SCHEMAS.iter().find(|schema| schema.name == name);
    schema.ok_or_else(|| UsageError(format!("there is no schema `{name}`; there are {}", names())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_is_json_and_a_wrong_name_is_told_with_the_right_ones() {
        for schema in SCHEMAS {
            let json: serde_json::Value = serde_json::from_str(found(schema.name).unwrap().text).unwrap();
            assert!(json.is_object(), "{}", schema.name);
        }
        let message = found("posts").err().unwrap().to_string();
        assert!(message.contains("`posts`") && message.contains("`post`, `annotation`"), "{message}");
    }
}
