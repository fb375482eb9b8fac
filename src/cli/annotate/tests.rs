//! Tests of `annotate`: lines in, lines out, with a stub instead of networks.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::domain::RejectionClass;

fn line_of(text: &str) -> io::Result<Line> {
    LineReader::new(text.as_bytes(), 100).next().unwrap()
}

/// Says a line in capitals, later the shorter it is; a line with a `!` is refused.
async fn shout(line: Line) -> Result<Answers, Failure> {
    for _ in line.record.len()..10 {
        tokio::task::yield_now().await;
    }
    let text = String::from_utf8(line.record.to_vec()).unwrap();
    let refusal = || Rejection { stage: "decode", class: RejectionClass::Malformed, message: text.clone() };
    Ok(vec![if text.contains('!') { Err(refusal()) } else { Ok(text.to_uppercase().into_bytes()) }])
}

#[tokio::test]
async fn answers_leave_in_the_order_of_the_lines() {
    let lines = read_lines("one\na longer one\nbad!\n\nx\n".as_bytes(), 100, 2).unwrap();
    let mut out = Vec::new();
    let tally = answer_all(lines, 3, CancellationToken::new(), shout, |line, answers| {
        let told = |answer: Result<_, Rejection>| (line.number, answer.map_err(|refusal| refusal.message));
        out.extend(answers.into_iter().map(told));
        Ok(())
    })
    .await
    .unwrap();
    let expected = [(1, Ok("ONE")), (2, Ok("A LONGER ONE")), (3, Err("bad!")), (5, Ok("X"))];
    assert_eq!(
        out,
        expected.map(|(line, answer)| (
            line,
            answer.map(|text: &str| text.as_bytes().to_vec()).map_err(str::to_owned)
        ))
    );
    assert_eq!(tally, Tally { annotated: 3, refused: 1 });
}

#[tokio::test]
async fn no_more_lines_are_worked_on_at_once_than_asked_for() {
    let text = "line\n".repeat(50);
    let lines = read_lines(io::Cursor::new(text.into_bytes()), 100, 2).unwrap();
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let answer = |line| async {
        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let answer = shout(line).await;
        now.fetch_sub(1, Ordering::SeqCst);
        answer
    };
    answer_all(lines, 4, CancellationToken::new(), answer, |_, _| Ok(())).await.unwrap();
    assert!((2..=4).contains(&most.load(Ordering::SeqCst)), "{most:?}");
}

#[tokio::test]
async fn a_stop_ends_the_reading_and_what_has_begun_is_answered() {
    let (sender, lines) = mpsc::channel(8);
    for _ in 0..3 {
        sender.send(line_of("line")).await.unwrap();
    }
    let stop = CancellationToken::new();
    let told = stop.clone();
    let answer = move |line| {
        // Told while the first line is worked on; the input stays open.
        told.cancel();
        shout(line)
    };
    let tally = answer_all(lines, 1, stop, answer, |_, _| Ok(())).await.unwrap();
    assert_eq!(tally, Tally { annotated: 1, refused: 0 });
    drop(sender);
}

#[tokio::test]
async fn a_fault_of_the_input_ends_the_command() {
    let (sender, lines) = mpsc::channel(8);
    sender.send(line_of("line")).await.unwrap();
    sender.send(Err(io::Error::other("the disk is gone"))).await.unwrap();
    let failure = answer_all(lines, 2, CancellationToken::new(), shout, |_, _| Ok(())).await.unwrap_err();
    assert_eq!(failure.to_string(), "the disk is gone");
}
