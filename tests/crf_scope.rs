//! Scope of a tagger's CRF: over a text and the knowledge behind it, or over the text alone.

use riveg::domain::Stage;
use riveg::networks::blocks::crf::CrfScope;
use riveg::networks::bundle::Bundle;
use riveg::scheduler::Model;
use riveg::stages::recognise::{Reply, Request};
use tch::Device;

use crate::support::write_stage;

#[test]
fn a_text_with_knowledge_is_labelled_by_the_scope_of_the_crf() {
    let root = tempfile::tempdir().unwrap();
    let reply = |scope: CrfScope| -> Reply {
        let folder = root.path().join(format!("{scope:?}"));
        write_stage(&folder, (Stage::Recognise, "bert-base-cased"), 5, |manifest| {
            manifest.recognise.as_mut().unwrap().crf = scope;
        })
        .unwrap();
        let request = |context: &[u32]| Request {
            pieces: (2..20).collect(),
            first_pieces: vec![1, 2, 4, 5, 7],
            context_first_pieces: context.to_vec(),
        };
        let mut tagger = Bundle::open(&folder).unwrap().tagger(Device::Cpu).unwrap();
        let mut replies = tagger.run(&[request(&[9, 10, 12, 14])]).unwrap();
        replies.remove(0)
    };
    let (whole, tweet) = (reply(CrfScope::Whole), reply(CrfScope::Tweet));
    assert_eq!((whole.labels.len(), tweet.labels.len()), (5, 5));
    assert_ne!(whole.posteriors, tweet.posteriors, "what is known of a text weighs on its last words");
}
