//! Phrase template: placeholders for the entity, its type and its expansion.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The two forms of a phrase in a manifest. The networks were trained on one wording. Places are `{entity}`, `{type}`,
/// `{noun}` (what an entity of the type is: `a person`) and `{expansion}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PhraseFormat {
    /// With an expansion, which must have a place; the expansion alone is a phrase too.
    pub expanded: String,
    /// Without an expansion: the entity or its noun must have a place.
    pub name_only: String,
    /// Nouns of entity types that differ from the built-in ones.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub nouns: BTreeMap<String, String>,
}

impl Default for PhraseFormat {
    fn default() -> Self {
        Self {
            expanded: "{entity} ({type}) - {expansion}".to_owned(),
            name_only: "{entity} ({type})".to_owned(),
            nouns: BTreeMap::new(),
        }
    }
}

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PhraseFormat", into = "PhraseFormat")]
pub struct PhraseTemplate {
    format: PhraseFormat,
    expanded: Vec<Part>,
    name_only: Vec<Part>,
}

/// The template is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A brace is not closed or not opened.
    #[error("phrase template `{template}` has a brace without its partner")]
    UnbalancedBrace {
        /// The template.
        template: String,
    },
    /// A placeholder that this form does not have.
    #[error("phrase template `{template}` has a place `{{{place}}}`, where only {places} can be")]
    UnknownPlaceholder {
        /// The template.
        template: String,
        /// The text between the braces.
        place: String,
        /// The allowed placeholders.
        places: &'static str,
    },
    /// A required placeholder is missing.
    #[error("phrase template `{template}` has no place {places}")]
    MissingPlaceholder {
        /// The template.
        template: String,
        /// The missing placeholder, or the two of which one must be there.
        places: &'static str,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Entity,
    Type,
    Noun,
    Expansion,
}

impl PhraseTemplate {
    /// Parses both forms.
    ///
    /// # Errors
    /// [`TemplateError`] contains the invalid form.
    pub fn new(format: PhraseFormat) -> Result<Self, TemplateError> {
        let expanded = parse(&format.expanded)?;
        if !expanded.contains(&Part::Expansion) {
            return Err(TemplateError::MissingPlaceholder {
                template: format.expanded,
                places: "`{expansion}`",
            });
        }
        let name_only = parse(&format.name_only)?;
        if name_only.contains(&Part::Expansion) {
            return Err(TemplateError::UnknownPlaceholder {
                template: format.name_only,
                place: "expansion".to_owned(),
                places: "`{entity}`, `{type}` and `{noun}`",
            });
        }
        if !name_only.contains(&Part::Entity) && !name_only.contains(&Part::Noun) {
            let template = format.name_only;
            return Err(TemplateError::MissingPlaceholder { template, places: "`{entity}` or `{noun}`" });
        }
        Ok(Self { format, expanded, name_only })
    }

    /// The phrase of an entity. Inserted text is not searched for placeholders.
    #[must_use]
    pub fn fill(&self, entity: &str, entity_type: &str, expansion: Option<&str>) -> String {
        let parts = if expansion.is_some() { &self.expanded } else { &self.name_only };
        let own_noun = self.format.nouns.get(entity_type);
        let noun = own_noun.cloned().unwrap_or_else(|| noun(entity_type));
        parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text,
                Part::Entity => entity,
                Part::Type => entity_type,
                Part::Noun => &noun,
                Part::Expansion => expansion.unwrap_or_default(),
            })
            .collect()
    }
}

impl Default for PhraseTemplate {
    fn default() -> Self {
        Self::new(PhraseFormat::default())
            .unwrap_or_else(|error| unreachable!("the default is tested: {error}"))
    }
}

impl TryFrom<PhraseFormat> for PhraseTemplate {
    type Error = TemplateError;

    fn try_from(format: PhraseFormat) -> Result<Self, TemplateError> {
        Self::new(format)
    }
}

impl From<PhraseTemplate> for PhraseFormat {
    fn from(template: PhraseTemplate) -> Self {
        template.format
    }
}

fn parse(template: &str) -> Result<Vec<Part>, TemplateError> {
    let lone = || TemplateError::UnbalancedBrace { template: template.to_owned() };
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some(brace) = rest.find(['{', '}']) {
        let (before, after) = rest.split_at(brace);
        let after = after.strip_prefix('{').ok_or_else(lone)?;
        let (place, next) = after.split_once('}').ok_or_else(lone)?;
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        parts.push(match place {
            "entity" => Part::Entity,
            "type" => Part::Type,
            "noun" => Part::Noun,
            "expansion" => Part::Expansion,
            _ => {
                return Err(TemplateError::UnknownPlaceholder {
                    template: template.to_owned(),
                    place: place.to_owned(),
                    places: "`{entity}`, `{type}`, `{noun}` and `{expansion}`",
                });
            }
        });
        rest = next;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Ok(parts)
}

/// What an entity of a type is, for networks that know no names. Types beyond these are read as words: `creative_work` is
/// `a creative work`.
fn noun(entity_type: &str) -> String {
    let words = entity_type.replace(['_', '-'], " ").to_lowercase();
    let known = match words.as_str() {
        "per" => "a person",
        "loc" => "a place",
        "org" => "an organisation",
        "other" | "misc" | "" => "a thing",
        _ => "",
    };
    if !known.is_empty() {
        return known.to_owned();
    }
    let article = if words.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {words}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_have_the_wording_of_the_training_data() {
        let template = PhraseTemplate::default();
        let expansion = Some("a man in a red shirt");
        assert_eq!(template.fill("CP3", "PER", expansion), "CP3 (PER) - a man in a red shirt");
        assert_eq!(template.fill("CP3", "PER", None), "CP3 (PER)");
        assert_eq!(template.fill("{type}", "PER", Some("{entity}")), "{type} (PER) - {entity}");
    }

    #[test]
    fn an_invalid_template_is_refused_with_its_text() {
        let whole = PhraseFormat::default();
        let cases = [
            (
                "`{entity} {kind}` has a place `{kind}`, where only `{entity}`, `{type}`, `{noun}` and `{expansion}` can be",
                "{entity} {kind}",
                whole.name_only.as_str(),
            ),
            ("`{entity` has a brace without its partner", "{entity", "{entity}"),
            ("`entity}` has a brace without its partner", "entity}", "{entity}"),
            ("`{entity} ({type})` has no place `{expansion}`", "{entity} ({type})", "{entity}"),
            ("`({type})` has no place `{entity}` or `{noun}`", whole.expanded.as_str(), "({type})"),
            (
                "`{entity}{expansion}` has a place `{expansion}`, where only `{entity}`, `{type}` and `{noun}` can be",
                whole.expanded.as_str(),
                "{entity}{expansion}",
            ),
        ];
        for (expected, expanded, name_only) in cases {
            let (expanded, name_only) = (expanded.to_owned(), name_only.to_owned());
            let format = PhraseFormat { expanded, name_only, ..PhraseFormat::default() };
            let error = PhraseTemplate::new(format).unwrap_err().to_string();
            assert_eq!(error, format!("phrase template {expected}"));
        }
    }

    #[test]
    fn an_expansion_can_stand_alone_and_a_noun_for_a_name() {
        let written = "expanded = '{expansion}'\nname_only = '{noun}'\nnouns = { ORG = 'a logo' }";
        let template = toml::from_str::<PhraseTemplate>(written).unwrap();
        assert_eq!(template.fill("CP3", "PER", Some("a man")), "a man");
        let nouns = [
            ("PER", "a person"),
            ("LOC", "a place"),
            ("ORG", "a logo"),
            ("MISC", "a thing"),
            ("creative_work", "a creative work"),
            ("event", "an event"),
        ];
        for (entity_type, noun) in nouns {
            assert_eq!(template.fill("CP3", entity_type, None), noun);
        }
        let again = toml::from_str::<PhraseTemplate>(&toml::to_string(&template).unwrap()).unwrap();
        assert_eq!(again, template);
    }

    #[test]
    fn a_manifest_may_omit_the_template_but_not_misspell_it() {
        assert_eq!(toml::from_str::<PhraseTemplate>("").unwrap(), PhraseTemplate::default());
        let written = toml::from_str::<PhraseTemplate>("expanded = '{entity}({type})-{expansion}'").unwrap();
        assert_eq!(written.fill("CP3", "PER", Some("a man")), "CP3(PER)-a man");
        assert!(toml::from_str::<PhraseTemplate>("name_only = '{name}'").is_err());
        assert!(toml::from_str::<PhraseTemplate>("expandd = '{entity}'").is_err());
    }
}
