//! Type erasure: models that answer the same requests have one type, whatever tensors pass between their halves.

use std::any::{Any, type_name};
use std::fmt;
use std::sync::Arc;

use super::model::{InputOf, OutputOf, ReplyOf, RequestOf};
use super::{Cost, Model, ModelError, Processor};

/// A prepared or computed batch of some network.
pub type Payload = Box<dyn Any + Send>;

/// The host half of some network that answers `Q` with `R`.
pub type AnyProcessor<Q, R> = dyn Processor<Request = Q, Reply = R, Input = Payload, Output = Payload>;

/// Some network that answers `Q` with `R`.
pub type AnyModel<Q, R> = Box<dyn Model<Processor = AnyProcessor<Q, R>>>;

impl<Q, R> fmt::Debug for dyn Model<Processor = AnyProcessor<Q, R>> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AnyModel").finish_non_exhaustive()
    }
}

/// Hides which network it is.
pub fn erase<M: Model>(model: M) -> AnyModel<RequestOf<M>, ReplyOf<M>> {
    Box::new(ErasedModel { processor: Arc::new(ErasedProcessor(model.processor())), model })
}

impl<M: Model + ?Sized> Model for Box<M> {
    type Processor = M::Processor;

    fn processor(&self) -> Arc<M::Processor> {
        (**self).processor()
    }

    fn forward(&mut self, input: InputOf<M>) -> Result<OutputOf<M>, ModelError> {
        (**self).forward(input)
    }

    fn free_memory(&mut self) {
        (**self).free_memory();
    }
}

/// The device half of any network, as its thread uses it.
pub(super) trait Forward: Send {
    fn forward(&mut self, input: Payload) -> Result<Payload, ModelError>;
    fn free_memory(&mut self);
}

impl<Q: Send + 'static, R: Send + 'static> Forward for AnyModel<Q, R> {
    fn forward(&mut self, input: Payload) -> Result<Payload, ModelError> {
        (**self).forward(input)
    }

    fn free_memory(&mut self) {
        (**self).free_memory();
    }
}

struct ErasedModel<M: Model> {
    model: M,
    processor: Arc<ErasedProcessor<M::Processor>>,
}

struct ErasedProcessor<P: ?Sized>(Arc<P>);

impl<M: Model> Model for ErasedModel<M> {
    type Processor = AnyProcessor<RequestOf<M>, ReplyOf<M>>;

    fn processor(&self) -> Arc<Self::Processor> {
        Arc::clone(&self.processor) as Arc<Self::Processor>
    }

    fn forward(&mut self, input: Payload) -> Result<Payload, ModelError> {
        Ok(Box::new(self.model.forward(downcast(input)?)?))
    }

    fn free_memory(&mut self) {
        self.model.free_memory();
    }
}

impl<P: Processor + ?Sized> Processor for ErasedProcessor<P> {
    type Request = P::Request;
    type Reply = P::Reply;
    type Input = Payload;
    type Output = Payload;

    fn cost(&self, request: &P::Request) -> Cost {
        self.0.cost(request)
    }

    fn prepare(&self, batch: &[P::Request]) -> Result<Payload, ModelError> {
        Ok(Box::new(self.0.prepare(batch)?))
    }

    fn finish(&self, batch: &[P::Request], output: Payload) -> Result<Vec<P::Reply>, ModelError> {
        self.0.finish(batch, downcast(output)?)
    }
}

fn downcast<T: 'static>(payload: Payload) -> Result<T, ModelError> {
    let payload = payload.downcast::<T>();
    payload.map(|payload| *payload).map_err(|_| {
        ModelError::Failed(format!("the batch was prepared for another network: no {}", type_name::<T>()))
    })
}
