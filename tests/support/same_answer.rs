//! Comparison of answers whose networks ran in different batches.

use serde_json::Value;

/// The last digits of a score depend on how requests fall into batches, which time decides.
const NEAR: f64 = 2e-4;

/// Panics unless both are the same but for the last digits of numbers with a fraction.
pub(crate) fn assert_same_answer(left: &Value, right: &Value, what: &str) {
    match (left, right) {
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            left.iter().zip(right).for_each(|(left, right)| assert_same_answer(left, right, what));
        }
        (Value::Object(left), Value::Object(right)) if left.keys().eq(right.keys()) => {
            for (key, left) in left {
                assert_same_answer(left, &right[key], &format!("{what}: {key}"));
            }
        }
        (Value::Number(left), Value::Number(right)) if left.is_f64() && right.is_f64() => {
            let apart = left.as_f64().unwrap() - right.as_f64().unwrap();
            assert!(apart.abs() < NEAR, "{left} and {right} in {what}");
        }
        _ => assert_eq!(left, right, "{what}"),
    }
}
