//! Is this engine still a member of its group? Whoever writes offsets into a transaction must say as whom.

use std::sync::Weak;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerGroupMetadata};

use super::Fence;
use super::context::Context;

/// The engine's place in the consumer group, seen from outside the reading thread.
#[derive(Clone)]
pub struct Membership {
    /// Weak: the reading thread alone decides when the group is left.
    consumer: Weak<BaseConsumer<Context>>,
    fence: Fence,
}

impl Membership {
    pub(super) fn new(consumer: Weak<BaseConsumer<Context>>, fence: Fence) -> Self {
        Self { consumer, fence }
    }

    /// As whom offsets are committed; none where the group has thrown this member out or reading has ended.
    ///
    /// The broker refuses offsets of a member or generation that it no longer knows, but takes those of nobody: a client
    /// that was thrown out calls itself nobody until its partitions are let go. So the client is asked for its name
    /// first and then whether it was thrown out, and only then may [`fence`](Self::fence) be asked for partitions.
    #[must_use]
    pub fn metadata(&self) -> Option<ConsumerGroupMetadata> {
        let consumer = self.consumer.upgrade()?;
        let metadata = consumer.group_metadata()?;
        (!consumer.assignment_lost()).then_some(metadata)
    }

    /// Which readings are over.
    #[must_use]
    pub fn fence(&self) -> &Fence {
        &self.fence
    }
}
