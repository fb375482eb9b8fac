//! Model doubles: networks made of a closure over a batch, for tests.

use std::marker::PhantomData;
use std::sync::Arc;

use super::{Cost, Model, ModelError, Processor};

type Run<Q, R> = Box<dyn FnMut(&[Q]) -> Result<Vec<R>, ModelError> + Send>;

/// A network whose forward pass is a closure over the requests themselves.
pub(crate) struct FnModel<Q, R> {
    forward: Run<Q, R>,
    processor: Arc<FnProcessor<Q, R>>,
}

/// Its host half, which hands requests and replies on as they are.
pub(crate) struct FnProcessor<Q, R> {
    cost: fn(&Q) -> Cost,
    answers: PhantomData<fn(Q) -> R>,
}

impl<Q, R> FnModel<Q, R> {
    /// Every request costs 1.
    pub(crate) fn new(forward: impl FnMut(&[Q]) -> Result<Vec<R>, ModelError> + Send + 'static) -> Self {
        Self::weighed(|_| Cost(1), forward)
    }

    pub(crate) fn weighed(
        cost: fn(&Q) -> Cost,
        forward: impl FnMut(&[Q]) -> Result<Vec<R>, ModelError> + Send + 'static,
    ) -> Self {
        let processor = Arc::new(FnProcessor { cost, answers: PhantomData });
        Self { forward: Box::new(forward), processor }
    }
}

impl<Q: Clone + Send + 'static, R: Send + 'static> Model for FnModel<Q, R> {
    type Processor = FnProcessor<Q, R>;

    fn processor(&self) -> Arc<FnProcessor<Q, R>> {
        Arc::clone(&self.processor)
    }

    fn forward(&mut self, input: Vec<Q>) -> Result<Vec<R>, ModelError> {
        (self.forward)(&input)
    }
}

impl<Q: Clone + Send + 'static, R: Send + 'static> Processor for FnProcessor<Q, R> {
    type Request = Q;
    type Reply = R;
    type Input = Vec<Q>;
    type Output = Vec<R>;

    fn cost(&self, request: &Q) -> Cost {
        (self.cost)(request)
    }

    fn prepare(&self, batch: &[Q]) -> Result<Vec<Q>, ModelError> {
        Ok(batch.to_vec())
    }

    fn finish(&self, _: &[Q], output: Vec<R>) -> Result<Vec<R>, ModelError> {
        Ok(output)
    }
}
