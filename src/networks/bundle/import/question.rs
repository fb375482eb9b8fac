//! Question of an imported stage in words: its templates, and the example as the network will read it.

use super::chosen::Chosen;
use crate::domain::Stage;
use crate::networks::bundle::manifest::Manifest;
use crate::networks::bundle::self_test_question::SelfTestQuestion;
use crate::networks::bundle::stages::Part;
use crate::networks::descriptor::VocabularyKind;
use crate::stages::expand::PhraseFormat;
use crate::stages::prompt::{QuestionTemplate, WordList};

/// The templates of a stage with a prompt, the example after cleaning, and a warning where the phrases of other stages
/// change with them.
pub(super) fn notes(old: &Manifest, alone: &Manifest, chosen: &Chosen) -> Vec<String> {
    let mut notes = Vec::new();
    let parts = alone.parts();
    let Some((part, prompt)) = parts.first().and_then(|part| Some((part, part.prompt?))) else {
        return notes;
    };
    let why = chosen.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    let PhraseFormat { expanded, name_only, .. } = alone.phrase.clone().into();
    notes.push(format!("prompt: `{prompt}`{why}"));
    notes.push(format!("phrases: `{expanded}`, without an expansion `{name_only}`"));
    notes.push(format!("example: `{}`", wording(part, prompt, &SelfTestQuestion::example(&alone.phrase))));
    let reads_phrases = |stage| stage == Stage::Entail || stage == Stage::Ground;
    let others = old.parts();
    let other = others.iter().find(|other| other.stage != part.stage && reads_phrases(other.stage));
    if let Some(other) = other.filter(|_| old.phrase != alone.phrase) {
        notes.push(format!(
            "warning: the stage `{}` of this bundle reads the same phrases, which were `{}` before",
            other.stage,
            PhraseFormat::from(old.phrase.clone()).expanded
        ));
    }
    notes
}

/// A phrase about a picture with a caption as the network reads it.
pub(super) fn wording(part: &Part<'_>, prompt: &str, question: &SelfTestQuestion) -> String {
    if part.reads.is_some_and(|reads| reads.vocabulary == VocabularyKind::Words) {
        return WordList::clean(&question.phrase);
    }
    let clean = |text: &str| part.style.clean(text);
    // What was checked with the manifest can be parsed.
    QuestionTemplate::parse(prompt)
        .map(|template| template.fill(&clean(&question.phrase), &clean(&question.caption)))
        .unwrap_or_default()
}
