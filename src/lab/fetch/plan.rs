//! Plan of a fetch: the repositories that a recipe names, and the files that it wants of them at their commits. Pure.

use std::collections::BTreeMap;

use url::Url;

use super::Order;
use super::error::FetchError;
use super::lock::Lock;
use super::recipe::Source;
use crate::common::hub::{Origin, Wanted};
use crate::domain::Stage;

/// The commits of repositories, by repository and revision.
pub(super) type Commits = BTreeMap<(String, String), String>;

impl Order {
    /// The sources of all files, the stage's own weights left out where users give others.
    pub(super) fn sources(&self) -> Result<Vec<(Stage, &Source)>, FetchError> {
        let stages = self.recipe.stages();
        if let Some(stage) = self.own.keys().find(|own| stages.iter().all(|(stage, _)| stage != *own)) {
            return Err(FetchError::NoStage { recipe: self.name.clone(), stage: *stage });
        }
        let mut sources = Vec::new();
        for (stage, of_stage) in stages {
            match (&of_stage.from, &of_stage.own, self.own.contains_key(&stage)) {
                (Some(from), _, false) => sources.push((stage, from)),
                (None, what, false) => {
                    let what = what.clone().unwrap_or_else(|| "weights of your own".to_owned());
                    return Err(FetchError::Own { recipe: self.name.clone(), stage, what });
                }
                (_, _, true) => {}
            }
            sources.extend(of_stage.tokenizer.as_ref().map(|tokenizer| (stage, tokenizer)));
        }
        Ok(sources)
    }
}

/// Each repository once, with its revision and one of its files.
pub(super) fn repositories<'recipe>(
    sources: &[(Stage, &'recipe Source)],
) -> BTreeMap<(String, String), &'recipe str> {
    let of = |source: &&'recipe Source| {
        let key = (source.hub.clone()?, source.revision.clone());
        Some((key, source.files.first()?.as_str()))
    };
    sources.iter().filter_map(|(_, source)| of(source)).collect()
}

/// The files of a source, with the hashes that the recipe or else the lock says.
pub(super) fn wanted(source: &Source, commits: &Commits, lock: Option<&Lock>) -> Vec<Wanted> {
    let pinned = |origin: &Origin, name: &str| {
        let by_recipe = source.sha256.get(name).map(|hash| (hash.clone(), "the recipe"));
        let commit = match origin {
            Origin::Hub { commit, .. } => Some(commit.as_str()),
            Origin::Address(_) => None,
        };
        let by_lock = || {
            let hash = lock?.sha256(&origin.to_string(), commit)?;
            Some((hash.to_owned(), "the lock of the bundle that is there"))
        };
        by_recipe.or_else(by_lock)
    };
    let one =
        |origin: Origin, name: &str, optional| Wanted { pinned: pinned(&origin, name), origin, optional };
    let Some(repository) = &source.hub else {
        let addresses = source.addresses.iter();
        let urls = addresses.filter_map(|address| Some((address, Url::parse(address).ok()?)));
        return urls.map(|(address, url)| one(Origin::Address(url), address, false)).collect();
    };
    let key = (repository.clone(), source.revision.clone());
    let commit = commits.get(&key).unwrap_or(&source.revision);
    let of = |path: &String, optional| {
        let (repository, commit, path) = (repository.clone(), commit.clone(), path.clone());
        one(Origin::Hub { repository, commit, path: path.clone() }, &path, optional)
    };
    let needed = source.files.iter().map(|path| of(path, false));
    needed.chain(source.optional.iter().map(|path| of(path, true))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::lock::Locked;
    use super::super::recipe::Recipe;
    use super::*;

    const RECIPE: &str = r#"
        about = "a test"
        [recognise]
        own = "a tagger"
        tokenizer = { hub = "a/b", files = ["tokenizer.json"] }
        licence = "-"
        licence_read = "-"
        size = "-"
        [segment]
        from = { addresses = ["https://x.example/y.pth"] }
        licence = "-"
        licence_read = "-"
        size = "-"
    "#;

    fn order(own: &[(Stage, &str)]) -> Order {
        let own = own.iter().map(|(stage, path)| (*stage, (*path).into())).collect();
        let recipe = Recipe::parse(RECIPE).unwrap();
        Order { name: "test".to_owned(), recipe, own, out: "out".into(), update: false }
    }

    #[test]
    fn what_users_must_give_is_asked_for_and_what_they_give_is_not_downloaded() {
        let error = order(&[]).sources().unwrap_err().to_string();
        let expected = "the stage `recognise` of `test` needs a tagger: give it with `--from recognise=PATH`";
        assert_eq!(error, expected);
        let given = order(&[(Stage::Recognise, "mine"), (Stage::Segment, "mine")]);
        assert_eq!(given.sources().unwrap().len(), 1, "the vocabulary alone");
        assert_eq!(order(&[(Stage::Recognise, "mine")]).sources().unwrap().len(), 2);
        let error = order(&[(Stage::Recognise, "mine"), (Stage::Ground, "x")]).sources().unwrap_err();
        assert!(error.to_string().contains("has no stage `ground`"), "{error}");
    }

    #[test]
    fn hashes_are_those_of_the_recipe_or_else_of_the_lock_at_the_same_commit() {
        let order = order(&[(Stage::Recognise, "mine")]);
        let sources = order.sources().unwrap();
        let key = ("a/b".to_owned(), "main".to_owned());
        assert_eq!(repositories(&sources), BTreeMap::from([(key.clone(), "tokenizer.json")]));
        let commit = "1".repeat(40);
        let locked = |of: &str, commit: Option<&String>| Locked {
            of: of.to_owned(),
            revision: None,
            commit: commit.cloned(),
            bytes: 1,
            sha256: "c".repeat(64),
        };
        let lock = Lock {
            recipe: "test".to_owned(),
            recipe_sha256: String::new(),
            file: vec![locked("a/b/tokenizer.json", Some(&commit)), locked("https://x.example/y.pth", None)],
        };
        let pins = |commit: String| -> Vec<bool> {
            let commits = Commits::from([(key.clone(), commit)]);
            let all = sources.iter().flat_map(|(_, source)| wanted(source, &commits, Some(&lock)));
            all.map(|wanted| wanted.pinned.is_some()).collect()
        };
        assert_eq!(pins(commit), [true, true]);
        assert_eq!(pins("2".repeat(40)), [false, true]);
    }
}
