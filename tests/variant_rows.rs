//! Rows of the paper in `config/variants`: there are 14, each names its weights, its row and the paper's scores.

use std::collections::BTreeSet;
use std::fs;

use riveg::domain::Stage;
use riveg::networks::bundle::{Manifest, Precision, stage_template};
use riveg::networks::descriptor::VocabularyKind;
use riveg::stages::knowledge::Mode;

use super::variants::{Named, config_file, folders, named, settings, variants};

/// The five F1 of the overlay's row in the README.
fn f1_of_readme(name: &str) -> [String; 5] {
    let readme = fs::read_to_string(config_file("variants/README.md")).unwrap();
    let begins = format!("| `{name}` | ");
    let rows: Vec<&str> = readme.lines().filter(|line| line.starts_with(&begins)).collect();
    assert_eq!(rows.len(), 1, "{name}");
    let cells: Vec<&str> = rows[0].trim_matches('|').split('|').map(str::trim).collect();
    cells[3..].iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>().try_into().unwrap()
}

#[test]
fn there_are_14_variants_of_published_networks() {
    let variants = variants();
    assert_eq!(variants.len(), 14, "{:?}", variants.keys());
    let all: BTreeSet<_> = variants.values().map(|overlay| folders(&settings(overlay))).collect();
    assert_eq!(all.len(), 14, "no two name the same networks");
    let weights = all.into_iter().flatten().flatten().collect::<BTreeSet<_>>();
    for (stage, sets) in [(Stage::Recognise, 6), (Stage::Entail, 4), (Stage::Ground, 4), (Stage::Segment, 1)]
    {
        assert_eq!(weights.iter().filter(|folder| named(folder).stage == stage).count(), sets, "{stage}");
    }
    for folder in weights {
        let Named { stage, preset } = named(&folder);
        let manifest = stage_template(stage, &preset, Precision::F32, 7).unwrap();
        let written = toml::to_string_pretty(&manifest).unwrap();
        assert_eq!(Manifest::parse(&folder, &written).unwrap(), manifest, "{preset}");
        let part = &manifest.parts()[0];
        assert_eq!((part.network.fault.as_deref(), part.stage), (None, stage), "{preset}");
        assert!(part.network.parameters > 50_000_000, "{preset} has {}", part.network.parameters);
        let words = part.reads.filter(|reads| reads.vocabulary == VocabularyKind::Words);
        assert!(words.is_none_or(|reads| reads.longest == 30), "RiVEG's SeqTR reads 30 words");
    }
}

#[test]
fn each_variant_names_its_row_and_the_papers_scores() {
    let names = ["GMNER", "MNER", "EEG", "EES", "SMNER"];
    let mut scores = BTreeSet::new();
    for (name, overlay) in variants() {
        let f1 = f1_of_readme(&name);
        assert!(
            f1.iter().all(|score| (50.0..90.0).contains(&score.parse::<f32>().unwrap())),
            "{name}: {f1:?}"
        );
        let listed: Vec<String> = names.iter().zip(&f1).map(|(name, f1)| format!("{name} {f1}")).collect();
        let text = fs::read_to_string(&overlay).unwrap();
        assert!(text.contains(&format!("# F1 in the paper: {}.\n", listed.join(", "))), "{name}: {f1:?}");
        assert!(text.starts_with("# Table VIII, ") || text.starts_with("# Table IX, "), "{name}");
        let knows = settings(&overlay).knowledge.mode != Mode::Off;
        assert_eq!(knows, !name.contains("-crf"), "{name}: the taggers without PLIM read no knowledge");
        scores.insert(f1);
    }
    assert_eq!(scores.len(), 14, "no two rows of the paper are equal");
}
