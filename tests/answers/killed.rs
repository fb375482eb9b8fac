//! Killed processes: an answer is durable before it is returned, so the next process has all answers.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Replica, asked, config};
use crate::support::Process;

/// Passes the file to the process that is killed, which is this test, run as a child process.
const FILE: &str = "RIVEG_TEST_ANSWERS_FILE";
const NAME: &str = "answers::killed::answers_returned_before_a_kill_are_there_after_it";
/// Answers that are returned before the kill.
const RETURNED: usize = 120;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn answers_returned_before_a_kill_are_there_after_it() {
    if let Some(file) = std::env::var_os(FILE) {
        return print_answers(file.into()).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("answers.redb");
    for round in 0..3 {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", NAME, "--nocapture", "--test-threads", "1"]).env(FILE, &file);
        let mut process = Process(command.stdout(Stdio::piped()).spawn().unwrap());
        let output = BufReader::new(process.0.stdout.take().unwrap());
        let given = output.lines().map_while(Result::ok);
        let given = given.filter_map(|line| line.strip_prefix("given ")?.parse().ok());
        let given: Vec<usize> = given.take(RETURNED * (round + 1)).collect();
        // By SIGKILL, while further questions are asked.
        drop(process);
        assert_eq!(given.len(), RETURNED * (round + 1));
        let replica = Replica::open(&config("", Some(&file))).await;
        let calls = Arc::new(AtomicUsize::new(0));
        for &number in &given {
            assert_eq!(replica.ask(&asked(number), &calls).await, format!("answer to subject {number}"));
        }
        assert_eq!(calls.load(Ordering::SeqCst), 0, "asked again after round {round}");
        assert_eq!(replica.count("riveg_answer_faults_total{class=\"broken\",tier=\"disk\"}"), 0);
        replica.answers.close().await;
    }
}

/// Asks questions continuously, eight at a time, and prints the numbers of the answers.
async fn print_answers(file: PathBuf) {
    let replica = Arc::new(Replica::open(&config("", Some(&file))).await);
    let (next, calls) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let callers = (0..8).map(|_| {
        let (replica, next, calls) = (Arc::clone(&replica), Arc::clone(&next), Arc::clone(&calls));
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::SeqCst);
                replica.ask(&asked(number), &calls).await;
                println!("given {number}");
            }
        })
    });
    futures_util::future::join_all(callers).await;
}
