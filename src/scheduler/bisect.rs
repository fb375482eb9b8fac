//! Failed batches: halved until the request at fault is alone.

use super::ModelError;

/// Preparation before a part of a batch runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing.
    Nothing,
    /// All networks of the device free their caches.
    FreeMemory,
}

/// Runs a batch and answers every request: with its reply, or with the error of its run alone.
///
/// A failed part is cut in two and both halves are run, so one request at fault among `n` costs at most
/// `2 * ceil(log2 n)` further runs and no other request its answer. Out-of-memory and library failures are handled the
/// same way, since a smaller batch may cure both. A single request that meets them is retried once after memory was
/// freed. If it still does not fit, the request is at fault; if a library still fails, it would fail with any request,
/// so the device is lost.
///
/// A lost device ends the run: requests without a reply get that error. A stop ends it between two runs: requests
/// without a reply get none.
pub(super) fn answer_all<Q, R>(
    requests: &[Q],
    is_to_stop: impl Fn() -> bool,
    mut run: impl FnMut(&[Q], Before) -> Result<Vec<R>, ModelError>,
) -> Vec<Result<R, ModelError>> {
    let mut answers = Vec::with_capacity(requests.len());
    // Parts to run, the first on top: answers come in the order of the requests.
    let mut parts = vec![requests];
    while let Some(part) = parts.pop() {
        if is_to_stop() {
            break;
        }
        match attempt(part, &mut run) {
            Ok(replies) => answers.extend(replies.into_iter().map(Ok)),
            Err(lost @ ModelError::DeviceLost(_)) => {
                answers.extend((answers.len()..requests.len()).map(|_| Err(lost.clone())));
                return answers;
            }
            Err(error) if part.len() == 1 => answers.push(Err(error)),
            Err(_) => {
                let (left, right) = part.split_at(part.len() / 2);
                parts.extend([right, left]);
            }
        }
    }
    answers
}

/// Runs a part; a single request a second time in freed memory, if that can help.
pub(super) fn attempt<Q, R>(
    part: &[Q],
    mut run: impl FnMut(&[Q], Before) -> Result<Vec<R>, ModelError>,
) -> Result<Vec<R>, ModelError> {
    let mut counted = |before| run(part, before).and_then(|replies| counted(replies, part.len()));
    let first = counted(Before::Nothing);
    let may_pass = matches!(first, Err(ModelError::OutOfMemory(_) | ModelError::LibraryFailed(_)));
    if part.len() != 1 || !may_pass {
        return first;
    }
    counted(Before::FreeMemory).map_err(|error| match error {
        ModelError::LibraryFailed(message) => ModelError::DeviceLost(message),
        error => error,
    })
}

fn counted<R>(replies: Vec<R>, requests: usize) -> Result<Vec<R>, ModelError> {
    if replies.len() == requests {
        Ok(replies)
    } else {
        Err(ModelError::Failed(format!("the network gave {} replies to {requests} requests", replies.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of a network that fails on batches with one of `poison`, and the number of its runs.
    fn answers_with_poison(n: u32, poison: &[u32]) -> (Vec<Result<u32, ModelError>>, usize) {
        let requests: Vec<u32> = (0..n).collect();
        let mut runs = 0;
        let answers = answer_all(
            &requests,
            || false,
            |part, _| {
                runs += 1;
                match part.iter().find(|request| poison.contains(request)) {
                    Some(request) => Err(ModelError::Failed(format!("request {request}"))),
                    None => Ok(part.iter().map(|request| request * 10).collect()),
                }
            },
        );
        (answers, runs)
    }

    #[test]
    fn a_clean_batch_is_one_run() {
        let (answers, runs) = answers_with_poison(64, &[]);
        assert_eq!(runs, 1);
        assert_eq!(answers, (0..64).map(|request| Ok(request * 10)).collect::<Vec<_>>());
    }

    #[test]
    fn one_request_at_fault_fails_alone_within_the_promised_runs() {
        for n in 1..=70_u32 {
            let promised = 1 + 2 * n.next_power_of_two().ilog2() as usize + 1;
            for poison in 0..n {
                let (answers, runs) = answers_with_poison(n, &[poison]);
                assert!(runs <= promised, "{runs} runs for request {poison} of {n}");
                for (request, answer) in (0..n).zip(answers) {
                    let failed = Err(ModelError::Failed(format!("request {poison}")));
                    assert_eq!(answer, if request == poison { failed } else { Ok(request * 10) });
                }
            }
        }
    }

    #[test]
    fn several_requests_at_fault_each_fail_alone() {
        let (answers, _) = answers_with_poison(32, &[0, 7, 8, 31]);
        let failed: Vec<usize> = (0..32).filter(|&request| answers[request].is_err()).collect();
        assert_eq!(failed, [0, 7, 8, 31]);
    }

    #[test]
    fn only_a_request_larger_than_the_memory_fails() {
        let requests: Vec<u32> = vec![1, 1, 1, 4, 1, 1, 1];
        let answers = answer_all(
            &requests,
            || false,
            |part, _| {
                if part.iter().sum::<u32>() <= 3 {
                    Ok(part.to_vec())
                } else {
                    Err(ModelError::OutOfMemory(String::new()))
                }
            },
        );
        let fits: Vec<bool> = answers.iter().map(Result::is_ok).collect();
        assert_eq!(fits, [true, true, true, false, true, true, true]);
    }

    #[test]
    fn a_wrong_number_of_replies_is_an_error_and_no_reply_goes_to_the_wrong_caller() {
        let short =
            answer_all(&[1, 2, 3, 4], || false, |part: &[u32], _| Ok(part[..part.len() / 2].to_vec()));
        assert!(short.iter().all(|answer| matches!(answer, Err(ModelError::Failed(_)))), "{short:?}");
        let long = answer_all(&[1, 2], || false, |part: &[u32], _| Ok([part, &[9]].concat()));
        assert_eq!(long[0], Err(ModelError::Failed("the network gave 2 replies to 1 requests".to_owned())));
    }

    #[test]
    fn nothing_runs_on_a_lost_device() {
        let mut runs = 0;
        let answers = answer_all(
            &[1, 2, 3, 4],
            || false,
            |part: &[u32], _| {
                runs += 1;
                match runs {
                    1 => Err(ModelError::Failed("as a whole".to_owned())),
                    2 => Ok(part.to_vec()),
                    _ => Err(ModelError::DeviceLost("gone".to_owned())),
                }
            },
        );
        let gone = Err(ModelError::DeviceLost("gone".to_owned()));
        assert_eq!(answers, [Ok(1), Ok(2), gone.clone(), gone]);
        assert_eq!(runs, 3);
    }

    #[test]
    fn a_request_that_does_not_fit_alone_is_tried_once_more_in_freed_memory() {
        let mut before = Vec::new();
        let mut is_freed = false;
        let answers = answer_all(
            &[1, 2],
            || false,
            |part: &[u32], first| {
                before.push((part.to_vec(), first));
                is_freed |= first == Before::FreeMemory;
                if is_freed { Ok(part.to_vec()) } else { Err(ModelError::OutOfMemory("full".to_owned())) }
            },
        );
        assert_eq!(answers, [Ok(1), Ok(2)]);
        let expected = [
            (vec![1, 2], Before::Nothing),
            (vec![1], Before::Nothing),
            (vec![1], Before::FreeMemory),
            (vec![2], Before::Nothing),
        ];
        assert_eq!(before, expected);
    }

    #[test]
    fn after_memory_is_freed_out_of_memory_is_the_requests_fault_and_a_library_failure_the_devices() {
        let fails = |error: fn(String) -> ModelError| {
            let mut runs = 0;
            let answers = answer_all(
                &[1, 2],
                || false,
                |part: &[u32], _| {
                    runs += 1;
                    if part.contains(&1) { Err(error("why".to_owned())) } else { Ok(part.to_vec()) }
                },
            );
            (answers, runs)
        };
        let (answers, runs) = fails(ModelError::OutOfMemory);
        assert_eq!((answers, runs), (vec![Err(ModelError::OutOfMemory("why".to_owned())), Ok(2)], 4));
        let lost = Err(ModelError::DeviceLost("why".to_owned()));
        let (answers, runs) = fails(ModelError::LibraryFailed);
        assert_eq!((answers, runs), (vec![lost.clone(), lost], 3), "good requests are not answered with it");
        let (answers, runs) = fails(ModelError::Failed);
        assert_eq!((answers, runs), (vec![Err(ModelError::Failed("why".to_owned())), Ok(2)], 3));
    }

    #[test]
    fn a_library_that_fails_once_costs_no_request_its_answer() {
        let mut runs = 0;
        let answers = answer_all(
            &[1, 2, 3, 4],
            || false,
            |part: &[u32], _| {
                runs += 1;
                let is_first = runs == 1;
                if is_first { Err(ModelError::LibraryFailed("once".to_owned())) } else { Ok(part.to_vec()) }
            },
        );
        assert_eq!((answers, runs), (vec![Ok(1), Ok(2), Ok(3), Ok(4)], 3));
    }

    #[test]
    fn a_stop_ends_a_halved_batch_between_two_runs() {
        let runs = std::cell::Cell::new(0);
        let run = |part: &[u32], _| {
            runs.set(runs.get() + 1);
            if part.len() > 2 { Err(ModelError::Failed("as a whole".to_owned())) } else { Ok(part.to_vec()) }
        };
        let answers = answer_all(&[1, 2, 3, 4], || runs.get() == 2, run);
        assert_eq!(answers, [Ok(1), Ok(2)], "the other half is not run");
    }
}
