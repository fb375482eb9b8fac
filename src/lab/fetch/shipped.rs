//! Recipes that ship, compiled in, and recipes of users, by their path.

use std::path::Path;

use super::error::FetchError;
use super::recipe::Recipe;
use crate::common::plain_file;

const SHIPPED: [(&str, &str); 4] = [
    ("tweets-light", include_str!("../../../config/recipes/tweets-light.toml")),
    ("tweets-large", include_str!("../../../config/recipes/tweets-large.toml")),
    ("paper", include_str!("../../../config/recipes/paper.toml")),
    ("endpoint", include_str!("../../../config/recipes/endpoint.toml")),
];

/// The names of the recipes that ship, and their texts.
#[must_use]
pub fn shipped() -> &'static [(&'static str, &'static str)] {
    &SHIPPED
}

/// The recipe of a name, or that in a file; and its name.
///
/// # Errors
/// There is none, or it cannot be used.
pub fn read(given: &str) -> Result<(String, Recipe), FetchError> {
    let refused = |message: String| FetchError::Recipe { recipe: given.to_owned(), message };
    let is_path = given.contains('/') || Path::new(given).extension().is_some_and(|ending| ending == "toml");
    if !is_path {
        let Some((_, text)) = SHIPPED.iter().find(|(name, _)| *name == given) else {
            let known: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
            let known = known.join("`, `");
            return Err(refused(format!(
                "there is none of this name, but `{known}`; a path ends with `.toml`"
            )));
        };
        return Ok((given.to_owned(), Recipe::parse(text).map_err(refused)?));
    }
    let text = plain_file::read_text(Path::new(given));
    let text = text.map_err(|error| refused(format!("it cannot be read: {error}")))?;
    let name = Path::new(given).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok((name, Recipe::parse(&text).map_err(refused)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_that_ships_can_be_read_and_says_its_licences() {
        for (name, _) in shipped() {
            let (_, recipe) = read(name).unwrap();
            assert!(!recipe.about.is_empty(), "{name}");
            for (stage, of_stage) in recipe.stages() {
                for text in [&of_stage.licence, &of_stage.licence_read, &of_stage.size] {
                    assert!(!text.is_empty(), "{name}: {stage}");
                }
            }
        }
    }

    #[test]
    fn a_recipe_that_is_not_there_is_named_with_those_that_are() {
        let error = read("tweets").unwrap_err().to_string();
        assert!(error.contains("`tweets`") && error.contains("`tweets-light`, `tweets-large`"), "{error}");
        let error = read("./no.toml").unwrap_err().to_string();
        assert!(error.contains("cannot be read"), "{error}");
    }
}
