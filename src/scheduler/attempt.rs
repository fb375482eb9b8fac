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
