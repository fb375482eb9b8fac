//! What the scheduler asks of a network: the cost of one request, and answers for a batch of them.

/// What a request weighs, in tokens: a piece of text is one, and so are 16 x 16 pixels of a picture, as most networks that
/// see read them. What else a request takes of a network is given in as many tokens as take the same.
///
/// A batch is as wide as its widest member, so a batch of `n` weighs `n * max(cost)`: the padding is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cost(pub u32);

/// A network that answers batches. `Send`, never `Sync`, as `tch::Tensor` is: one thread owns it.
pub trait Model: Send + 'static {
    /// One question.
    type Request: Send + 'static;
    /// Its answer.
    type Reply: Send + 'static;

    /// What one request weighs.
    fn cost(request: &Self::Request) -> Cost;

    /// Answers a batch: one reply a request, in the same order, each as the request alone would get.
    ///
    /// # Errors
    /// One error for the whole batch; the scheduler finds the request at fault by halving.
    fn run(&mut self, batch: &[Self::Request]) -> Result<Vec<Self::Reply>, ModelError>;

    /// Gives the device's memory back that holds nothing but what is remembered of earlier requests. Later answers are
    /// the same and take longer. A network that remembers nothing has nothing to do.
    fn free_memory(&mut self) {}
}

/// Requests to warm a network up with, made as they are needed.
pub type Samples<Q> = Box<dyn Iterator<Item = Q> + Send>;

/// Why a batch got no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The device's memory did not hold the batch: a smaller one may pass.
    #[error("the device is out of memory: {0}")]
    OutOfMemory(String),
    /// Some request in the batch cannot be answered: the others may.
    #[error("the network failed: {0}")]
    Failed(String),
    /// A library of the device failed, which is no request's fault: less at a time, or another attempt, may pass.
    #[error("a library of the device failed: {0}")]
    LibraryFailed(String),
    /// The device will not answer again in this process: stop, commit nothing more.
    #[error("the device is lost: {0}")]
    DeviceLost(String),
}
