//! Recipes of imports: the question and the phrases with which a network was trained, by name.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::domain::Stage;
use crate::networks::descriptor::{Architecture, ImportError};
use crate::stages::expand::PhraseTemplate;

/// All recipes, compiled in.
const SHIPPED: &str = include_str!("recipes.toml");

/// The question and the phrases of a network's training.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Which networks it is for, in messages.
    pub about: String,
    /// How phrases read; none: as those of the bundle.
    pub phrase: Option<PhraseTemplate>,
    /// The gate's questions, by architecture.
    #[serde(default)]
    entail: BTreeMap<String, String>,
    /// The grounder's questions, by architecture.
    #[serde(default)]
    ground: BTreeMap<String, String>,
}

impl Recipe {
    /// All recipes by name.
    #[must_use]
    pub fn all() -> BTreeMap<String, Self> {
        toml::from_str(SHIPPED)
            .unwrap_or_else(|error| unreachable!("the recipes that ship are tested: {error}"))
    }

    /// The recipe of a name.
    ///
    /// # Errors
    /// There is none; the error names all.
    pub fn named(name: &str) -> Result<Self, ImportError> {
        let mut all = Self::all();
        let found = all.remove(name);
        found.ok_or_else(|| ImportError::UnknownRecipe {
            name: name.to_owned(),
            known: all.into_keys().collect::<Vec<_>>().join("`, `"),
        })
    }

    /// The question of a stage's network; none for stages that ask no questions.
    ///
    /// # Errors
    /// The stage asks questions, and the recipe has none for this network.
    pub fn question(
        &self,
        name: &str,
        (stage, architecture): (Stage, &Architecture),
    ) -> Result<Option<&str>, ImportError> {
        let questions = match stage {
            Stage::Entail => &self.entail,
            Stage::Ground => &self.ground,
            Stage::Retrieve | Stage::Recognise | Stage::Segment => return Ok(None),
        };
        let all = [("entail", &self.entail), ("ground", &self.ground)];
        let known = || {
            all.iter()
                .flat_map(|(stage, questions)| questions.keys().map(move |of| format!("{stage} of {of}")))
        };
        let found = questions.get(architecture.name).map(|question| Some(question.as_str()));
        found.ok_or_else(|| ImportError::OtherRecipe {
            name: name.to_owned(),
            stage,
            architecture: architecture.name,
            known: known().collect::<Vec<_>>().join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::descriptor::{Descriptor, EntailDescriptor, GroundDescriptor};
    use crate::stages::prompt::QuestionTemplate;

    #[test]
    fn every_recipe_asks_questions_of_known_networks() {
        let recipes = Recipe::all();
        assert!(recipes.len() >= 6, "{recipes:?}");
        let gates: Vec<&str> = EntailDescriptor::ALL.iter().map(|known| known.architecture.name).collect();
        let grounders: Vec<&str> =
            GroundDescriptor::ALL.iter().map(|known| known.architecture.name).collect();
        for (name, recipe) in recipes {
            assert!(!recipe.about.is_empty() && recipe.entail.len() + recipe.ground.len() > 0, "{name}");
            for (questions, networks) in [(&recipe.entail, &gates), (&recipe.ground, &grounders)] {
                for (architecture, question) in questions {
                    assert!(networks.contains(&architecture.as_str()), "{name}: {architecture}");
                    QuestionTemplate::parse(question).unwrap();
                }
            }
        }
    }

    #[test]
    fn rivegs_data_has_the_columns_of_ofas_the_other_way_round() {
        let ask = |name: &str| {
            let recipe = Recipe::named(name).unwrap();
            let question =
                recipe.question(name, (Stage::Entail, &EntailDescriptor::ALL[0].architecture)).unwrap();
            QuestionTemplate::parse(question.unwrap()).unwrap().fill("PHRASE", "CAPTION")
        };
        assert_eq!(EntailDescriptor::ALL[0].architecture.name, "ofa");
        assert_eq!(ask("riveg"), " can image and text1 \" PHRASE \" imply text2 \" CAPTION \"?");
        assert_eq!(ask("ofa-snli-ve"), " can image and text1 \" CAPTION \" imply text2 \" PHRASE \"?");
        let phrase = Recipe::named("riveg").unwrap().phrase.unwrap();
        assert_eq!(
            phrase.fill("Garfield Park", "LOC", Some("A conservatory")),
            "Garfield Park(LOC)-A conservatory"
        );
        assert_eq!(phrase.fill("Garfield Park", "LOC", None), "Garfield Park(LOC)");
    }

    #[test]
    fn an_unknown_recipe_and_one_of_another_network_are_named() {
        let error = Recipe::named("rivag").unwrap_err().to_string();
        assert!(error.starts_with("no recipe is called `rivag`; there are `albef-snli-ve`, `"), "{error}");
        let recipe = Recipe::named("ofa-refcoco").unwrap();
        let of = (Stage::Entail, &EntailDescriptor::ALL[0].architecture);
        let error = recipe.question("ofa-refcoco", of).unwrap_err().to_string();
        let expected = "the recipe `ofa-refcoco` has no question for the stage `entail` of the network `ofa`; it has: ground of \
                        ofa";
        assert_eq!(error, expected);
        let tagger = (Stage::Recognise, &EntailDescriptor::ALL[0].architecture);
        assert_eq!(recipe.question("ofa-refcoco", tagger).unwrap(), None, "taggers are asked no question");
    }
}
