//! Imports between files: which file defines the names that a file uses, through every re-export.

use std::collections::{BTreeMap, BTreeSet};

use super::tokens::{is_identifier, shipped_tokens, test_modules};

/// Per file, the files it imports, each with one name that shows it.
pub(super) type Imports = BTreeMap<String, BTreeMap<String, String>>;

/// The imports of a crate's files, given as pairs of path and code (without comments and literals). Files of tests count
/// neither as importing nor as imported.
///
/// A file imports another if its code names one of the other's items. A `pub use` alone is a signpost, not an import.
pub(super) fn imports(files: &[(&str, &str)]) -> Imports {
    let tree = Tree::new(files);
    tree.modules
        .iter()
        .map(|(path, module)| (module.file.to_owned(), tree.imports_of(path, module)))
        .collect()
}

/// Shipped modules by their path, `["kafka", "ingest"]`.
struct Tree<'a> {
    modules: BTreeMap<Vec<&'a str>, Module<'a>>,
}

struct Module<'a> {
    file: &'a str,
    /// Names of the items at the top of the file.
    items: BTreeSet<&'a str>,
    uses: Vec<Use<'a>>,
    /// Paths in the code outside of `use`.
    paths: BTreeSet<Vec<&'a str>>,
}

/// One name that `use` brings in: `*` for a glob.
struct Use<'a> {
    path: Vec<&'a str>,
    name: &'a str,
    is_public: bool,
}

enum Found<'a> {
    Module(Vec<&'a str>),
    Item(&'a str),
}

impl<'a> Tree<'a> {
    fn new(files: &[(&'a str, &'a str)]) -> Self {
        let mut of_tests: Vec<Vec<&str>> = Vec::new();
        for (file, code) in files {
            for name in test_modules(code) {
                of_tests.push([module_path(file), vec![name]].concat());
            }
        }
        let is_test = |path: &[&str]| {
            path.last().is_some_and(|name| name.ends_with("tests"))
                || of_tests.iter().any(|test| path.starts_with(test))
        };
        let shipped = files.iter().map(|(file, code)| (module_path(file), *file, *code));
        let shipped = shipped.filter(|(path, _, _)| !is_test(path));
        Self { modules: shipped.map(|(path, file, code)| (path, Module::new(file, code))).collect() }
    }

    fn imports_of(&self, at: &[&'a str], module: &Module<'a>) -> BTreeMap<String, String> {
        let used =
            module.uses.iter().filter(|used| !used.is_public && used.name != "*").map(|used| &used.path);
        let mut imports = BTreeMap::new();
        for path in used.chain(&module.paths) {
            if let Some(Found::Item(file)) = self.find(at, path, Wanted::Item, 0)
                && file != module.file
            {
                imports.entry(file.to_owned()).or_insert_with(|| path.join("::"));
            }
        }
        imports
    }

    /// What a path stands for when it is written in the module `at`.
    fn find(&self, at: &[&'a str], path: &[&'a str], wanted: Wanted, depth: usize) -> Option<Found<'a>> {
        if depth > 12 {
            return None; // A glob of a glob of itself.
        }
        let (first, rest) = path.split_first()?;
        let inner = if rest.is_empty() { wanted } else { Wanted::Module };
        let found = match *first {
            "crate" => Found::Module(Vec::new()),
            "self" => Found::Module(at.to_vec()),
            "super" => Found::Module(at.split_last()?.1.to_vec()),
            name => self.lookup(at, name, inner, depth)?,
        };
        self.follow(found, rest, wanted, depth)
    }

    /// Walks down from what was found; an item ends the walk: what follows are its variants and functions.
    fn follow(&self, found: Found<'a>, path: &[&'a str], wanted: Wanted, depth: usize) -> Option<Found<'a>> {
        match (found, path) {
            (Found::Module(at), ["super", rest @ ..]) => {
                self.follow(Found::Module(at.split_last()?.1.to_vec()), rest, wanted, depth)
            }
            (Found::Module(at), ["self", rest @ ..]) => self.follow(Found::Module(at), rest, wanted, depth),
            (Found::Module(at), [name, rest @ ..]) => {
                let inner = if rest.is_empty() { wanted } else { Wanted::Module };
                let next = self.lookup(&at, name, inner, depth)?;
                self.follow(next, rest, wanted, depth)
            }
            (found, _) => Some(found),
        }
    }

    /// What a name stands for in a module: an item and a module may share it.
    fn lookup(&self, at: &[&'a str], name: &'a str, wanted: Wanted, depth: usize) -> Option<Found<'a>> {
        let module = self.modules.get(at)?;
        let child = [at, &[name]].concat();
        let is_child = self.modules.contains_key(&child);
        if is_child && wanted == Wanted::Module {
            return Some(Found::Module(child));
        }
        if module.items.contains(name) {
            return Some(Found::Item(module.file));
        }
        let named = module.uses.iter().filter(|used| used.name == name && used.path.as_slice() != [name]);
        let through_name = named.map(|used| used.path.clone());
        let globs = module.uses.iter().filter(|used| used.name == "*");
        let through_glob = globs.map(|used| [used.path.as_slice(), &[name]].concat());
        let found = through_name.chain(through_glob).find_map(|path| self.find(at, &path, wanted, depth + 1));
        found.or_else(|| is_child.then_some(Found::Module(child)))
    }
}

/// Which of the two a name should stand for, where it could stand for both.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    Module,
    Item,
}

impl<'a> Module<'a> {
    fn new(file: &'a str, code: &'a str) -> Self {
        let mut module = Self { file, items: BTreeSet::new(), uses: Vec::new(), paths: BTreeSet::new() };
        let tokens = shipped_tokens(code);
        let (mut at, mut depth) = (0, 0_u32);
        while at < tokens.len() {
            let next = tokens.get(at + 1).copied().unwrap_or_default();
            match tokens[at] {
                "{" => depth += 1,
                "}" => depth -= 1,
                "use" if next != "<" => {
                    let length = tokens[at..].iter().position(|token| *token == ";").unwrap_or(0);
                    let is_public = depth == 0 && is_marked_public(&tokens[..at]);
                    let mut rest = &tokens[at + 1..at + length];
                    use_tree(&mut rest, &[], is_public, &mut module.uses);
                    at += length;
                }
                keyword if depth == 0 && DECLARE.contains(&keyword) && is_identifier(next) => {
                    module.items.insert(next);
                }
                token if is_identifier(token) => {
                    let path = path_at(&tokens[at..]);
                    let before = at.checked_sub(1).map_or("", |at| tokens[at]);
                    let is_name = !matches!(before, "." | "::" | "'" | "mod" | "fn");
                    at += 2 * (path.len() - 1);
                    if is_name {
                        module.paths.insert(path);
                    }
                }
                _ => {}
            }
            at += 1;
        }
        module
    }
}

const DECLARE: &[&str] = &["fn", "struct", "enum", "union", "trait", "type", "const", "static"];

fn is_marked_public(before: &[&str]) -> bool {
    before.ends_with(&["pub"]) || before.ends_with(&[")"]) && before.iter().rev().take(6).any(|t| *t == "pub")
}

fn path_at<'a>(tokens: &[&'a str]) -> Vec<&'a str> {
    let mut path = vec![tokens[0]];
    let mut rest = &tokens[1..];
    while let ["::", name, after @ ..] = rest
        && is_identifier(name)
    {
        path.push(name);
        rest = after;
    }
    path
}

/// Reads one branch of a `use`, up to the comma or brace that ends it.
fn use_tree<'a>(rest: &mut &[&'a str], above: &[&'a str], is_public: bool, uses: &mut Vec<Use<'a>>) {
    let mut path = above.to_vec();
    let mut name = "";
    while let [token, after @ ..] = *rest {
        match *token {
            "," | "}" => break,
            "::" => *rest = after,
            "{" => {
                *rest = after;
                while let [token, ..] = *rest
                    && *token != "}"
                {
                    use_tree(rest, &path, is_public, uses);
                    if let [",", after @ ..] = *rest {
                        *rest = after;
                    }
                }
                *rest = rest.get(1..).unwrap_or_default();
                return;
            }
            "as" => {
                name = after.first().copied().unwrap_or_default();
                *rest = after.get(1..).unwrap_or_default();
            }
            "*" => {
                name = "*";
                *rest = after;
            }
            "self" if !path.is_empty() => *rest = after,
            segment => {
                path.push(segment);
                *rest = after;
            }
        }
    }
    let name = if name.is_empty() { path.last().copied().unwrap_or_default() } else { name };
    uses.push(Use { path, name, is_public });
}

fn module_path(file: &str) -> Vec<&str> {
    let inner = file.trim_start_matches("src/").trim_end_matches(".rs");
    let mut path: Vec<&str> = inner.split('/').collect();
    if matches!(path.last(), Some(&"mod" | &"lib")) {
        path.pop();
    }
    path
}
