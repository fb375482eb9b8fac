//! ACLs of topics, groups and transactional ids, in Kafka's wire protocol, because the client library cannot create them.

use super::kafka_request::{self, push_string};

/// The resource of a rule, with Kafka's number of its kind.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Resource<'a> {
    Topic(&'a str),
    Group(&'a str),
    /// All transactional ids that begin so.
    TransactionalIds(&'a str),
}

/// The operation of a rule, with Kafka's number.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation {
    Read = 3,
    Write = 4,
    Describe = 8,
    DescribeConfigs = 10,
}

/// Grants a user an operation (CreateAcls, version 1), which denies all operations on the resource to users without a
/// rule. The sender must be allowed to create rules.
pub(crate) fn allow_only(bootstrap: &str, user: &str, operation: Operation, resource: Resource<'_>) {
    // For exactly that name, or for all that begin with it.
    let (kind, name, pattern) = match resource {
        Resource::Topic(name) => (2, name, 3),
        Resource::Group(name) => (3, name, 3),
        Resource::TransactionalIds(prefix) => (5, prefix, 4),
    };
    let mut request = [0, 30, 0, 1, 0, 0, 0, 7, 0xff, 0xff].to_vec(); // CreateAcls, its version, request 7 without a client id
    request.extend([0, 0, 0, 1, kind]); // one rule
    push_string(&mut request, name);
    request.push(pattern);
    push_string(&mut request, &format!("User:{user}"));
    push_string(&mut request, "*"); // from everywhere
    request.extend([operation as u8, 3]); // granted

    let answer = kafka_request::answer(bootstrap, &request);
    // Request, throttling, number of rules, error.
    assert_eq!(answer[12..14], [0, 0], "the broker does not take the rule: {answer:?}");
}
