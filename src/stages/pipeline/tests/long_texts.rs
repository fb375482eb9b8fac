//! Long texts: every stage tokenises them on a blocking worker, not on the async thread.

use std::sync::mpsc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::*;
use crate::domain::PhraseSource;
use crate::scheduler::CallError;
use crate::stages::knowledge;
use crate::stages::knowledge::PostEncoder;

/// Longer than any text that is tokenised on the async thread.
const LONG: usize = 10_000;

fn closed<Q: Clone + Send + 'static, R: Send + 'static>(stage: Stage) -> Handle<Q, R> {
    // The device ends before it starts, so that every call fails at once.
    lane(&mut Device::new("test", Arc::new(Metrics::new())), stage, |_: &Q| unreachable!("it never starts"))
}

fn phrase(text: &str) -> Phrase {
    Phrase { text: text.to_owned(), expansion: None, source: PhraseSource::NameOnly, answers: Vec::new() }
}

/// The stage whose network is called with the text; the call fails as soon as the text is tokenised.
async fn failed_stage(stage: Stage, text: &str) -> Option<Stage> {
    let picture = Picture::squashed(&post("", &[1]).media[0].frame, 16);
    let flow = Flow::default();
    let pipeline = joined(closed(Stage::Recognise), closed(Stage::Entail), closed(Stage::Ground), None);
    let encoder: Handle<knowledge::Request, knowledge::Reply> = closed(Stage::Retrieve);
    let encoder = PostEncoder::new(encoder, Box::new(|text| vec![text.len() as u32]), View::squashed(16));
    let call: BoxFuture<'_, Option<CallError>> = match stage {
        Stage::Retrieve => encoder.features(flow, text, None).map(Result::err).boxed(),
        Stage::Recognise => {
            let EntitiesBy::Tagger(recogniser) = &pipeline.entities else { return None };
            recogniser.mentions(flow, text, "").map(Result::err).boxed()
        }
        Stage::Entail => {
            let phrase = phrase(text);
            let AnsweredBy::Network(entailer, _) = &pipeline.looks.entailer else { return None };
            async move { entailer.depicts(flow, (&picture, ""), &phrase).await.err() }.boxed()
        }
        Stage::Ground => {
            let phrase = phrase(text);
            let AnsweredBy::Network(grounder, _) = &pipeline.looks.grounder else { return None };
            async move { grounder.locate(flow, (&picture, ""), &phrase).await.err() }.boxed()
        }
        Stage::Segment => return None,
    };
    call.await.map(|error| error.stage())
}

#[test]
fn no_stage_tokenises_a_long_text_on_the_async_thread() {
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        // The only worker waits until the test lets it go.
        let (release, released) = mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || released.recv());
        let long = "ann ".repeat(LONG / 4);
        let stages = [Stage::Retrieve, Stage::Recognise, Stage::Entail, Stage::Ground];
        let mut waiting = Vec::new();
        for stage in stages {
            assert_eq!(
                failed_stage(stage, "ann").now_or_never(),
                Some(Some(stage)),
                "a short text needs no worker"
            );
            let mut call = Box::pin(failed_stage(stage, &long));
            assert!(call.as_mut().now_or_never().is_none(), "`{stage}` tokenises a long text by itself");
            waiting.push(call);
        }
        release.send(()).unwrap();
        busy.await.unwrap().unwrap();
        for (stage, call) in stages.into_iter().zip(waiting) {
            assert_eq!(call.await, Some(stage));
        }
    });
}
