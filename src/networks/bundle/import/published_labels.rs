//! Published labels: what the files beside a checkpoint say of its labels and of its task.

use std::collections::BTreeMap;

use serde_json::Value;

/// What a `config.json` says wrongly or of another task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigFault {
    /// The rows of the labels have gaps, or a label is no text.
    #[error("its `{key}` must name the label of each row from 0 on, but has {found}")]
    Rows {
        /// `id2label` or `label2id`.
        key: &'static str,
        /// What was found.
        found: String,
    },
    /// The network was trained for another task.
    #[error("its `architectures` is `{found}`, and a tagger's ends with `ForTokenClassification`")]
    Task {
        /// The class of the network.
        found: String,
    },
}

/// The ends of the class names by which Transformers names networks of other tasks.
const OTHER_TASKS: [&str; 8] = [
    "ForSequenceClassification",
    "ForQuestionAnswering",
    "ForMaskedLM",
    "ForPreTraining",
    "ForMultipleChoice",
    "ForNextSentencePrediction",
    "ForCausalLM",
    "Model",
];

/// The labels by row as `id2label`, or else `label2id`, of a parsed `config.json` gives them; none where it gives none, or
/// only the names `LABEL_0`, `LABEL_1` that Transformers writes where nobody named labels.
///
/// # Errors
/// [`ConfigFault::Rows`].
pub fn labels_of_config(config: &Value) -> Result<Option<Vec<String>>, ConfigFault> {
    let rows = match (config.get("id2label"), config.get("label2id")) {
        (Some(Value::Object(labels)), _) => {
            let row = |(id, label): (&String, &Value)| {
                let found = || ConfigFault::Rows { key: "id2label", found: format!("`{id}`: {label}") };
                let row = id.parse::<usize>().map_err(|_| found())?;
                Ok((row, label.as_str().ok_or_else(found)?.to_owned()))
            };
            by_row("id2label", labels.iter().map(row).collect::<Result<Vec<_>, _>>()?)?
        }
        (_, Some(Value::Object(labels))) => {
            let row = |(label, id): (&String, &Value)| {
                let found = || ConfigFault::Rows { key: "label2id", found: format!("`{label}`: {id}") };
                let number = id.as_u64().and_then(|id| usize::try_from(id).ok());
                // ModelScope takes a number in quotes too.
                let row = number.or_else(|| id.as_str()?.parse().ok()).ok_or_else(found)?;
                Ok((row, label.clone()))
            };
            by_row("label2id", labels.iter().map(row).collect::<Result<Vec<_>, _>>()?)?
        }
        _ => return Ok(None),
    };
    let unnamed = rows.iter().enumerate().all(|(row, label)| *label == format!("LABEL_{row}"));
    Ok((!unnamed).then_some(rows))
}

/// The labels by row as a parsed `configuration.json` of ModelScope gives them, of its model or else of its preprocessor.
///
/// # Errors
/// [`ConfigFault::Rows`].
pub(super) fn labels_of_configuration(configuration: &Value) -> Result<Option<Vec<String>>, ConfigFault> {
    for section in ["model", "preprocessor"].into_iter().filter_map(|key| configuration.get(key)) {
        if let Some(labels) = labels_of_config(section)? {
            return Ok(Some(labels));
        }
    }
    Ok(None)
}

/// The labels by row as a parsed `label_mapping.json` of ModelScope gives them: the row of each label.
///
/// # Errors
/// [`ConfigFault::Rows`].
pub(super) fn labels_of_mapping(mapping: &Value) -> Result<Option<Vec<String>>, ConfigFault> {
    labels_of_config(&serde_json::json!({ "label2id": mapping }))
}

/// Checks that a parsed `config.json` does not name another task.
///
/// # Errors
/// [`ConfigFault::Task`].
pub fn check_task_of_config(config: &Value) -> Result<(), ConfigFault> {
    let classes = config.get("architectures").and_then(Value::as_array).into_iter().flatten();
    let mut names = classes.filter_map(Value::as_str);
    match names.find(|name| OTHER_TASKS.iter().any(|end| name.ends_with(end))) {
        Some(found) => Err(ConfigFault::Task { found: found.escape_debug().to_string() }),
        None => Ok(()),
    }
}

fn by_row(key: &'static str, rows: Vec<(usize, String)>) -> Result<Vec<String>, ConfigFault> {
    let count = rows.len();
    let sorted: BTreeMap<usize, String> = rows.into_iter().collect();
    if let Some(missing) = (0..count).find(|row| !sorted.contains_key(row)) {
        return Err(ConfigFault::Rows { key, found: format!("{count} labels and none for row {missing}") });
    }
    Ok(sorted.into_values().collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn labels(config: &Value) -> Result<Option<Vec<String>>, String> {
        labels_of_config(config).map_err(|fault| fault.to_string())
    }

    #[test]
    fn labels_stand_in_the_order_of_their_rows() {
        let ids = json!({ "id2label": { "10": "I-10", "0": "O", "1": "B-1", "2": "I-2", "3": "3", "4": "4", "5": "5",
            "6": "6", "7": "7", "8": "8", "9": "9" } });
        let read = labels(&ids).unwrap().unwrap();
        assert_eq!((read.len(), read[2].as_str(), read[10].as_str()), (11, "I-2", "I-10"));
        let reversed = json!({ "label2id": { "B-PER": 1, "O": 0 } });
        assert_eq!(labels(&reversed), Ok(Some(vec!["O".to_owned(), "B-PER".to_owned()])));
    }

    #[test]
    fn modelscope_names_labels_in_a_file_of_their_own_or_with_the_model_or_its_preprocessor() {
        let expected = Ok(Some(vec!["O".to_owned(), "B-PER".to_owned()]));
        let labels = json!({ "O": 0, "B-PER": "1" });
        assert_eq!(labels_of_mapping(&labels), expected);
        for configuration in [
            json!({ "model": { "type": "bert", "label2id": labels } }),
            json!({ "model": { "type": "bert" }, "preprocessor": { "id2label": { "0": "O", "1": "B-PER" } } }),
        ] {
            assert_eq!(labels_of_configuration(&configuration), expected, "{configuration}");
        }
        assert_eq!(labels_of_configuration(&json!({ "framework": "pytorch", "model": {} })), Ok(None));
    }

    #[test]
    fn names_that_nobody_gave_say_nothing() {
        assert_eq!(labels(&json!({})), Ok(None));
        assert_eq!(labels(&json!({ "id2label": { "0": "LABEL_0", "1": "LABEL_1" } })), Ok(None));
    }

    #[test]
    fn rows_with_gaps_and_labels_that_are_no_text_are_named() {
        for (config, expected) in [
            (json!({ "id2label": { "0": "O", "2": "B" } }), "`id2label` must name the label of each row"),
            (json!({ "id2label": { "0": "O", "2": "B" } }), "2 labels and none for row 1"),
            (json!({ "id2label": { "0": 5 } }), "has `0`: 5"),
            (json!({ "id2label": { "x": "O" } }), "has `x`: \"O\""),
            (json!({ "label2id": { "O": 0, "B": 0 } }), "2 labels and none for row 1"),
            (json!({ "label2id": { "O": -1 } }), "has `O`: -1"),
        ] {
            let fault = labels(&config).unwrap_err();
            assert!(fault.contains(expected), "{expected} is not in: {fault}");
        }
    }

    #[test]
    fn another_task_is_refused_by_its_class() {
        for (class, right) in [
            ("BertForTokenClassification", true),
            ("BertCrfForNer", true),
            ("BertForSequenceClassification", false),
            ("RobertaForMaskedLM", false),
            ("BertModel", false),
        ] {
            let told = check_task_of_config(&json!({ "architectures": [class] }));
            assert_eq!(told.is_ok(), right, "{class}");
        }
        assert_eq!(check_task_of_config(&json!({})), Ok(()));
    }
}
