//! Captions in prompts: each picture is asked about with its own caption, and a repeated one once for each caption.

use super::*;
use crate::stages::caption::{CaptionFile, Captioner};

/// The ids of a prompt between both ends as the words that they are.
fn words(prompt: &[u32]) -> Vec<&'static str> {
    prompt.iter().filter_map(|&id| PEOPLE.get((id as usize).checked_sub(4)?).copied()).collect()
}

/// The words and the shade of each question, in their order.
type Asked = Arc<Mutex<Vec<(Vec<&'static str>, u8)>>>;

#[tokio::test]
async fn the_gate_is_asked_with_the_caption_of_each_picture() {
    let asked = Asked::default();
    let log = Arc::clone(&asked);
    let mut device = Device::new("test", Arc::new(Metrics::new()));
    let entailer = lane(&mut device, Stage::Entail, move |request: &entail::Request| {
        log.lock().unwrap().push((words(&request.prompt), grey(&request.picture)));
        Ok(entail::Reply { no: 1.0, yes: 0.0, maybe: 0.0 })
    });
    device.start().unwrap();
    let ask = async |template: &str, captioners: Captioners| {
        let prompts = PromptEncoder::new(tokenizer(), template, 50).unwrap();
        let mut asking = Pipeline { captioners, ..pipeline(None).0 };
        let entailer = Entailer::new(entailer.clone(), prompts, 0.5);
        asking.looks.entailer = AnsweredBy::Network(entailer, View::squashed(16));
        let mut post = post("ann", &[1, 1, 1, 2]);
        for (media, alt_text) in post.media.iter_mut().zip(["bob", "cid", "bob"]) {
            media.alt_text = Some(alt_text.to_owned());
        }
        let annotation = asking.annotate(&post).await.unwrap();
        assert_eq!(annotation.triples[0].verdicts.len(), 4);
        let mut asked = std::mem::take(&mut *asked.lock().unwrap());
        asked.sort_unstable();
        asked
    };
    let alt_texts = || Captioners::new(Vec::new(), Vec::new()).with_gate(vec![Captioner::AltText]);
    let none = || Captioners::new(vec![Captioner::AltText], vec![Captioner::AltText]);
    let captioned = [(vec!["ann"], 2), (vec!["ann", "bob"], 1), (vec!["ann", "cid"], 1)];
    assert_eq!(ask("{phrase} {caption}", alt_texts()).await, captioned);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "{\"post_id\":\"p\",\"caption\":\"bob\"}\n").unwrap();
    let told = Arc::new(CaptionFile::load(file.path()).unwrap());
    let published = || {
        let sources = vec![Captioner::File(Arc::clone(&told)), Captioner::AltText];
        Captioners::new(Vec::new(), Vec::new()).with_gate(sources)
    };
    let all_bob = [(vec!["ann", "bob"], 1), (vec!["ann", "bob"], 2)];
    assert_eq!(ask("{phrase} {caption}", published()).await, all_bob, "published captions go first here");
    let bare = [(vec!["ann"], 1), (vec!["ann"], 2)];
    assert_eq!(ask("{phrase} {caption}", none()).await, bare, "no source of captions for prompts");
    assert_eq!(ask("{phrase}", alt_texts()).await, bare, "the prompt has no place for one");
}
