//! Rules of who may do what with a topic or a group, which no client of ours can make: in Kafka's own protocol.

use super::kafka_request::{self, push_string};

/// What a rule is about, and how Kafka numbers its kind.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Resource<'a> {
    Topic(&'a str),
    Group(&'a str),
}

/// What is done, as Kafka numbers it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation {
    Read = 3,
    Write = 4,
    Describe = 8,
}

/// Grants a user an operation (CreateAcls, version 1), and with that denies everything else of the same resource to all who
/// have no rule of their own. To be sent by one who may make rules.
pub(crate) fn allow_only(bootstrap: &str, user: &str, operation: Operation, resource: Resource<'_>) {
    let (kind, name) = match resource {
        Resource::Topic(name) => (2, name),
        Resource::Group(name) => (3, name),
    };
    let mut request = [0, 30, 0, 1, 0, 0, 0, 7, 0xff, 0xff].to_vec(); // CreateAcls, its version, request 7 of nobody
    request.extend([0, 0, 0, 1, kind]); // one rule
    push_string(&mut request, name);
    request.push(3); // for exactly that name
    push_string(&mut request, &format!("User:{user}"));
    push_string(&mut request, "*"); // from everywhere
    request.extend([operation as u8, 3]); // granted

    let answer = kafka_request::answer(bootstrap, &request);
    // Request, throttling, number of rules, error.
    assert_eq!(answer[12..14], [0, 0], "the broker does not take the rule: {answer:?}");
}
