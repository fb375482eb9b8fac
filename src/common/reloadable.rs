//! Reloadable value: one that is replaced as a whole while others use it.

use std::sync::{Arc, PoisonError, RwLock};

/// A value that can be replaced. Whoever took it before keeps what it took.
#[derive(Debug, Default)]
pub struct Reloadable<T>(RwLock<Arc<T>>);

impl<T> Reloadable<T> {
    /// The first value.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self(RwLock::new(Arc::new(value)))
    }

    /// The value now.
    #[must_use]
    pub fn get(&self) -> Arc<T> {
        // Every change is one assignment: a panic leaves nothing half done.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the value.
    pub fn set(&self, value: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_took_a_value_keeps_it_when_it_is_replaced() {
        let value = Reloadable::new(1);
        let taken = value.get();
        value.set(2);
        assert_eq!((*taken, *value.get()), (1, 2));
    }
}
