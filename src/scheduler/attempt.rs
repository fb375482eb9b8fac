//! What if a batch fails? It is halved until the request at fault stands alone.

use super::ModelError;

/// Runs a batch and answers every request: with its reply, or with the error it met when it stood alone.
///
/// A failed part is cut in two and both halves are run, so one request at fault among `n` costs at most
/// `2 * ceil(log2 n)` further runs and no other request its answer. Memory that ran out is met the same way. A lost
/// device ends it: whatever has no reply by then has that error.
pub(super) fn answer_all<Q, R>(
    requests: &[Q],
    mut run: impl FnMut(&[Q]) -> Result<Vec<R>, ModelError>,
) -> Vec<Result<R, ModelError>> {
    let mut answers = Vec::with_capacity(requests.len());
    // Parts yet to run, the first on top: answers come in the order of the requests.
    let mut parts = vec![requests];
    while let Some(part) = parts.pop() {
        match run(part).and_then(|replies| counted(replies, part.len())) {
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

    /// A network that fails where a batch holds one of these, and counts its runs.
    fn answers_with_poison(n: u32, poison: &[u32]) -> (Vec<Result<u32, ModelError>>, usize) {
        let requests: Vec<u32> = (0..n).collect();
        let mut runs = 0;
        let answers = answer_all(&requests, |part| {
            runs += 1;
            match part.iter().find(|request| poison.contains(request)) {
                Some(request) => Err(ModelError::Failed(format!("request {request}"))),
                None => Ok(part.iter().map(|request| request * 10).collect()),
            }
        });
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
    fn memory_that_holds_three_answers_any_number_but_no_request_larger_than_it() {
        let requests: Vec<u32> = vec![1, 1, 1, 4, 1, 1, 1];
        let answers = answer_all(&requests, |part| {
            if part.iter().sum::<u32>() <= 3 {
                Ok(part.to_vec())
            } else {
                Err(ModelError::OutOfMemory(String::new()))
            }
        });
        let fits: Vec<bool> = answers.iter().map(Result::is_ok).collect();
        assert_eq!(fits, [true, true, true, false, true, true, true]);
    }

    #[test]
    fn replies_too_few_or_too_many_are_a_fault_and_never_go_to_the_wrong_caller() {
        let short = answer_all(&[1, 2, 3, 4], |part: &[u32]| Ok(part[..part.len() / 2].to_vec()));
        assert!(short.iter().all(|answer| matches!(answer, Err(ModelError::Failed(_)))), "{short:?}");
        let long = answer_all(&[1, 2], |part: &[u32]| Ok([part, &[9]].concat()));
        assert_eq!(long[0], Err(ModelError::Failed("the network gave 2 replies to 1 requests".to_owned())));
    }

    #[test]
    fn a_lost_device_is_asked_no_more() {
        let mut runs = 0;
        let answers = answer_all(&[1, 2, 3, 4], |part: &[u32]| {
            runs += 1;
            match runs {
                1 => Err(ModelError::Failed("as a whole".to_owned())),
                2 => Ok(part.to_vec()),
                _ => Err(ModelError::DeviceLost("gone".to_owned())),
            }
        });
        let gone = Err(ModelError::DeviceLost("gone".to_owned()));
        assert_eq!(answers, [Ok(1), Ok(2), gone.clone(), gone]);
        assert_eq!(runs, 3);
    }
}
