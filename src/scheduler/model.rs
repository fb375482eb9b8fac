//! Model contract: the two halves of a network, and what a request costs.

use std::sync::Arc;

/// What a request weighs, in tokens: a piece of text is one, and so are 16 x 16 pixels of a picture. Anything else that
/// a request costs is given as the number of tokens that cost as much.
///
/// A batch is as wide as its widest member, so a batch of `n` weighs `n * max(cost)`: padding counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cost(pub u32);

/// The host half of a network: requests to tensors, and tensors to replies. It never touches the device, so it runs on
/// any thread while the device computes another batch.
pub trait Processor: Send + Sync + 'static {
    /// One request.
    type Request: Send + 'static;
    /// Its reply.
    type Reply: Send + 'static;
    /// A batch in host memory, ready for [`Model::forward`].
    type Input: Send + 'static;
    /// The result of the forward pass, in host memory again.
    type Output: Send + 'static;

    /// The cost of one request.
    fn cost(&self, request: &Self::Request) -> Cost;

    /// Turns a batch of at least one request into host tensors.
    ///
    /// # Errors
    /// One error for the whole batch; the scheduler finds the request at fault by halving.
    fn prepare(&self, batch: &[Self::Request]) -> Result<Self::Input, ModelError>;

    /// Turns what the forward pass computed for a batch into one reply a request, in the same order, each as the
    /// request alone would get.
    ///
    /// # Errors
    /// As [`Self::prepare`].
    fn finish(&self, batch: &[Self::Request], output: Self::Output) -> Result<Vec<Self::Reply>, ModelError>;
}

/// The device half of a network. `Send`, never `Sync`, as `tch::Tensor` is: the device's thread owns it.
pub trait Model: Send + 'static {
    /// The host half.
    type Processor: Processor + ?Sized;

    /// The host half of this network, which the scheduler's threads share.
    fn processor(&self) -> Arc<Self::Processor>;

    /// Computes a prepared batch. When it returns, the device is done with the batch.
    ///
    /// # Errors
    /// As [`Processor::prepare`].
    fn forward(&mut self, input: InputOf<Self>) -> Result<OutputOf<Self>, ModelError>;

    /// Frees the device memory that only caches earlier results. Later replies are the same and take longer. A network
    /// without a cache has nothing to do.
    fn free_memory(&mut self) {}

    /// Prepares, computes and finishes one batch on the calling thread.
    ///
    /// # Errors
    /// As [`Processor::prepare`].
    fn run(&mut self, batch: &[RequestOf<Self>]) -> Result<Vec<ReplyOf<Self>>, ModelError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let processor = self.processor();
        let output = self.forward(processor.prepare(batch)?)?;
        processor.finish(batch, output)
    }
}

/// The requests of a model.
pub type RequestOf<M> = <<M as Model>::Processor as Processor>::Request;
/// The replies of a model.
pub type ReplyOf<M> = <<M as Model>::Processor as Processor>::Reply;
/// The prepared batches of a model.
pub type InputOf<M> = <<M as Model>::Processor as Processor>::Input;
/// The computed batches of a model.
pub type OutputOf<M> = <<M as Model>::Processor as Processor>::Output;

/// Requests to warm a network up with, made as they are needed.
pub type Samples<Q> = Box<dyn Iterator<Item = Q> + Send>;

/// Why a batch got no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The device's memory did not hold the batch: a smaller one may fit.
    #[error("the device is out of memory: {0}")]
    OutOfMemory(String),
    /// A request in the batch cannot be answered: the others may be.
    #[error("the network failed: {0}")]
    Failed(String),
    /// A library of the device failed, which is no request's fault: a smaller batch, or another attempt, may pass.
    #[error("a library of the device failed: {0}")]
    LibraryFailed(String),
    /// The device will not answer again in this process: stop, commit nothing more.
    #[error("the device is lost: {0}")]
    DeviceLost(String),
}
