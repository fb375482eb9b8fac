//! Rooms and folders: imports run one way, and dependencies stay in their folders.

use std::collections::BTreeSet;

use super::imports::imports;
use super::sources::{Source, after, names};
use super::{CONFINED, FOLDERS, MAX_ENTRIES, MAX_HEADER, ONLY, ROOMS};

/// A room imports only the rooms that `ROOMS` allows.
pub(super) fn imports_of_rooms(source: &Source) -> Vec<String> {
    let Some(room) = source.room() else {
        return Vec::new();
    };
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        return vec![format!("`{room}` has no line in the table of rooms")];
    };
    let forbidden = |name: &String| name != room && !allowed.split(' ').any(|room| room == name);
    let named = rooms_named(source).into_iter().filter(forbidden);
    named.map(|name| format!("`{room}` imports `{name}`")).collect()
}

/// A folder takes only the names that `ONLY` allows.
pub(super) fn names_taken(source: &Source) -> Vec<String> {
    let rules = ONLY.iter().filter(|(folder, _, _)| source.path.starts_with(folder));
    rules
        .flat_map(|(folder, from, only)| {
            let taken = after(source.shipped(), &format!("crate::{from}::")).flat_map(names);
            let forbidden = taken.filter(|name| !only.contains(&name.as_str()));
            forbidden.map(move |name| format!("`{folder}` takes `{name}` from `{from}`"))
        })
        .collect()
}

/// A dependency is named only in the folders of `CONFINED`.
pub(super) fn confined_dependencies(source: &Source) -> Vec<String> {
    let outside = CONFINED.iter().filter(|(name, folders)| {
        let is_inside = folders.iter().any(|folder| source.path.starts_with(folder));
        !is_inside && after(&source.code, &format!("{name}::")).next().is_some()
    });
    outside.map(|(name, _)| format!("names `{name}`")).collect()
}

/// The `mod.rs` of a room says in a few lines what the room is for.
pub(super) fn header_of_room(source: &Source) -> Vec<String> {
    let is_room = source.room().is_some_and(|room| source.path == format!("src/{room}/mod.rs"));
    let lines = source.text.lines().take_while(|line| line.starts_with("//!")).count();
    let is_good = (2..=MAX_HEADER).contains(&lines);
    if is_room && !is_good {
        return vec![format!("the header of a room has 2 to {MAX_HEADER} lines, this one {lines}")];
    }
    Vec::new()
}

/// A folder of a room imports only folders of lower rows of `FOLDERS`.
pub(super) fn imports_of_folders(sources: &[Source]) -> Vec<String> {
    let files: Vec<(&str, &str)> = shipped(sources);
    let mut faults = Vec::new();
    for (file, imported) in imports(&files) {
        for (other, name) in imported {
            if let Some((from, to)) = forbidden(&file, &other) {
                faults.push(format!("{file}: `{from}` imports `{to}` (`{name}`)"));
            }
        }
    }
    faults
}

/// `src` holds few entries.
pub(super) fn entries(sources: &[Source]) -> Vec<String> {
    let entries: BTreeSet<&str> =
        sources.iter().filter_map(|source| source.path.strip_prefix("src/")?.split('/').next()).collect();
    let count = entries.len();
    if count <= MAX_ENTRIES {
        Vec::new()
    } else {
        vec![format!("src: has {count} entries, more than {MAX_ENTRIES}")]
    }
}

/// Path and code of the files below `src`.
pub(super) fn shipped(sources: &[Source]) -> Vec<(&str, &str)> {
    let shipped = sources.iter().filter(|source| source.path.starts_with("src/"));
    shipped.map(|source| (source.path.as_str(), source.code.as_str())).collect()
}

fn forbidden<'a>(file: &'a str, other: &'a str) -> Option<(&'a str, &'a str)> {
    let (room, from) = room_and_folder(file)?;
    let (_, to) = room_and_folder(other).filter(|(there, _)| *there == room)?;
    let (_, rows) = FOLDERS.iter().find(|(name, _)| *name == room)?;
    let row_of = |folder: &str| rows.iter().position(|row| row.contains(&folder));
    let row = row_of(from).filter(|_| from != to && to != "mod")?;
    row_of(to).is_some_and(|other| other >= row).then_some((from, to))
}

fn room_and_folder(file: &str) -> Option<(&str, &str)> {
    let (room, inner) = file.strip_prefix("src/")?.split_once('/')?;
    Some((room, inner.split('/').next()?.trim_end_matches(".rs")))
}

/// Rooms that a file names, by any way to the root.
fn rooms_named(source: &Source) -> Vec<String> {
    let is_room = |name: &String| ROOMS.iter().any(|(room, _)| room == name);
    let mut named: Vec<String> = after(source.shipped(), "crate::").flat_map(names).collect();
    // The crate by its own name, which a module may have too.
    named.extend(after(source.shipped(), "riveg::").flat_map(names).filter(is_room));
    // A chain of `super::` that is long enough ends at the root; a test module inside needs one more.
    let climb = "super::".repeat(source.depth());
    let climbed =
        after(source.shipped(), &climb).map(|rest| rest.trim_start_matches("super::")).flat_map(names);
    named.extend(climbed.filter(is_room));
    named.sort_unstable();
    named.dedup();
    named
}
