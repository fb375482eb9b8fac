//! Question of a self-test: the phrase and the caption that a stage with a prompt is asked about, and the example that
//! imports print and record.

use serde::{Deserialize, Serialize};

use crate::stages::expand::PhraseTemplate;

/// A phrase about a picture with a caption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfTestQuestion {
    /// The phrase, as the bundle's template fills it.
    pub phrase: String,
    /// The picture's caption; empty: none.
    #[serde(default)]
    pub caption: String,
}

impl SelfTestQuestion {
    /// The example in a bundle's phrases: an entity, its type, its expansion and a caption, each with a letter or a mark
    /// that cleaning changes.
    #[must_use]
    pub fn example(template: &PhraseTemplate) -> Self {
        let expansion = "A conservatory filled with plants.";
        Self {
            phrase: template.fill("Garfield Park", "LOC", Some(expansion)),
            caption: "A green-house with tall plants".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_reads_as_the_phrases_of_the_bundle() {
        let example = SelfTestQuestion::example(&PhraseTemplate::default());
        assert_eq!(example.phrase, "Garfield Park (LOC) - A conservatory filled with plants.");
        let written = toml::to_string(&example).unwrap();
        assert_eq!(toml::from_str::<SelfTestQuestion>(&written).unwrap(), example);
        let without: SelfTestQuestion = toml::from_str("phrase = 'a dog'").unwrap();
        assert_eq!(without.caption, "");
    }
}
