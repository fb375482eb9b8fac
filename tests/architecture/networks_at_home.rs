//! Networks at home: outside its own folder a network is named only in the registry, in the list of modules and by the
//! training that makes it.

use super::sources::{Source, read};

/// The folders of the networks, as modules.
const NETWORKS: [&str; 9] =
    ["albef", "grounding_dino", "mqspn", "ofa", "sam", "sam2", "seqtr", "tagger", "umt"];

/// Where a network may be named beside its own folder.
const ELSEWHERE: [&str; 3] = ["src/networks/registry.rs", "src/networks/mod.rs", "src/lab/train/"];

#[test]
fn a_network_is_named_only_in_its_folder_and_in_the_registry() {
    let sources = read("src");
    let at_home = sources.iter().filter(|source| source.path.starts_with("src/networks/seqtr/"));
    assert!(at_home.count() > 5, "the folder of a network is not where it is looked for");
    let faults: Vec<String> = sources.iter().flat_map(named_abroad).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn a_network_named_elsewhere_is_found() {
    let cases = [
        ("src/engine/runtime/mod.rs", "use crate::networks::ofa::OfaConfig;", 1),
        ("src/networks/bundle/serve.rs", "fn f() -> seqtr::SeqTr { seqtr::new() }", 1),
        ("src/networks/bundle/serve.rs", "use crate::networks::{albef, sam};", 2),
        (
            "src/networks/bundle/serve.rs",
            "use super::Bundle;\n#[cfg(test)]\nmod tests { use crate::networks::umt::A; }",
            0,
        ),
        ("src/networks/seqtr/serve.rs", "use crate::networks::seqtr::SeqTr;", 0),
        ("src/networks/registry.rs", "use super::{albef, ofa};", 0),
        ("src/lab/train/ofa.rs", "use crate::networks::ofa::Ofa;", 0),
        ("src/engine/runtime/mod.rs", "let tagger = bundle.tagger(place)?;", 0),
    ];
    for (path, text, count) in cases {
        assert_eq!(named_abroad(&Source::new(path, text)).len(), count, "{path}: {text}");
    }
}

/// The networks that a file names as modules, each once, where it may not.
fn named_abroad(source: &Source) -> Vec<String> {
    if ELSEWHERE.iter().any(|place| source.path.starts_with(place)) {
        return Vec::new();
    }
    let code = source.shipped();
    let imported: Vec<&str> =
        code.split("networks::{").skip(1).filter_map(|rest| rest.split('}').next()).collect();
    let names = |network: &&&str| {
        let is_home = source.path.starts_with(&format!("src/networks/{network}/"));
        let as_path = code.match_indices(&format!("{network}::")).any(|(at, _)| !continues_a_word(code, at));
        let in_list = imported.iter().any(|list| list.split(',').any(|name| name.trim() == **network));
        !is_home && (as_path || in_list)
    };
    NETWORKS.iter().filter(names).map(|network| format!("{}: names `{network}`", source.path)).collect()
}

fn continues_a_word(code: &str, at: usize) -> bool {
    code[..at].chars().next_back().is_some_and(|before| before.is_alphanumeric() || before == '_')
}
