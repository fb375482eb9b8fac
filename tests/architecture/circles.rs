//! Circles of imports between files: files that can be understood only together.

use std::collections::{BTreeMap, BTreeSet};

use super::imports::{Imports, imports};
use super::rooms::shipped;
use super::sources::Source;

/// No files import each other in a circle: one text for each circle.
pub(super) fn circles(sources: &[Source]) -> Vec<String> {
    let circles = find(&imports(&shipped(sources))).into_iter();
    circles.map(|circle| format!("circle of imports:\n    {}", circle.links.join("\n    "))).collect()
}

/// Files that all import each other, directly or through others, and the imports between them.
struct Circle {
    files: BTreeSet<String>,
    links: Vec<String>,
}

fn find(imports: &Imports) -> Vec<Circle> {
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        imports.keys().map(|file| (file, reached_from(file, imports))).collect();
    let mut circles: Vec<Circle> = Vec::new();
    for (file, onward) in &reached {
        if circles.iter().any(|circle| circle.files.contains(*file)) {
            continue;
        }
        let back =
            onward.iter().filter(|other| reached.get(*other).is_some_and(|there| there.contains(file)));
        let files: BTreeSet<String> = back.map(|other| (*other).clone()).collect();
        if files.len() > 1 {
            circles.push(Circle::new(files, imports));
        }
    }
    circles
}

impl Circle {
    fn new(files: BTreeSet<String>, imports: &Imports) -> Self {
        let mut links = Vec::new();
        for file in &files {
            let inside = imports[file].iter().filter(|(other, _)| files.contains(*other));
            links.extend(inside.map(|(other, name)| format!("{file} -> {other} (`{name}`)")));
        }
        Self { files, links }
    }
}

fn reached_from<'a>(start: &'a String, imports: &'a Imports) -> BTreeSet<&'a String> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![start]);
    while let Some(file) = open.pop() {
        for next in imports.get(file).into_iter().flat_map(|names| names.keys()) {
            if reached.insert(next) {
                open.push(next);
            }
        }
    }
    reached
}
