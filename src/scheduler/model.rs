//! What the scheduler asks of a network: the cost of one request, and answers for a batch of them.

/// What a request weighs, in the unit of its lane's budget: tokens or pixels.
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
}

/// Why a batch got no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The device's memory did not hold the batch: a smaller one may pass.
    #[error("the device is out of memory: {0}")]
    OutOfMemory(String),
    /// Some request in the batch cannot be answered: the others may.
    #[error("the network failed: {0}")]
    Failed(String),
    /// The device will not answer again in this process: stop, commit nothing more.
    #[error("the device is lost: {0}")]
    DeviceLost(String),
}

impl ModelError {
    /// What a message of libtorch means, whether it came as an error or as a panic.
    ///
    /// Memory that ran out is the one fault that a smaller batch may cure. After any other CUDA error the context is
    /// broken for good: the driver answers every later call with the same.
    #[must_use]
    pub fn from_message(message: String) -> Self {
        // The last is what libtorch's allocator for the processor says on Linux.
        let memory = ["out of memory", "not enough memory", "can't allocate memory"];
        if memory.iter().any(|words| message.contains(words)) {
            Self::OutOfMemory(message)
        } else if message.contains("CUDA error") || message.contains("device-side assert") {
            Self::DeviceLost(message)
        } else {
            Self::Failed(message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_memory_can_be_cured_and_only_cuda_is_lost() {
        let memory = "CUDA out of memory. Tried to allocate 2.00 GiB";
        let sticky = "CUDA error: an illegal memory access was encountered";
        let processor =
            "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes";
        assert!(matches!(ModelError::from_message(memory.to_owned()), ModelError::OutOfMemory(_)));
        assert!(matches!(
            ModelError::from_message("CUDA error: out of memory".to_owned()),
            ModelError::OutOfMemory(_)
        ));
        assert!(matches!(ModelError::from_message(processor.to_owned()), ModelError::OutOfMemory(_)));
        assert!(matches!(ModelError::from_message(sticky.to_owned()), ModelError::DeviceLost(_)));
        assert!(matches!(ModelError::from_message("size mismatch".to_owned()), ModelError::Failed(_)));
    }
}
