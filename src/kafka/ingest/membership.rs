//! Membership: the group metadata that a transaction needs to commit offsets, as seen from outside the reading thread.

use std::sync::Weak;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerGroupMetadata};

use super::Fence;
use super::context::Context;

/// The engine's membership in the consumer group.
#[derive(Clone)]
pub struct Membership {
    /// Weak: the reading thread alone decides when to leave the group.
    consumer: Weak<BaseConsumer<Context>>,
    fence: Fence,
}

impl Membership {
    pub(super) fn new(consumer: Weak<BaseConsumer<Context>>, fence: Fence) -> Self {
        Self { consumer, fence }
    }

    /// The group metadata for a transaction. None if the group has removed this member or reading has ended.
    ///
    /// The broker refuses offsets of an unknown member or generation, but accepts offsets without a member, and that is
    /// how a removed client identifies itself until its partitions are unassigned. So the metadata is fetched first,
    /// then the client is asked whether it was removed, and only then may [`fence`](Self::fence) be asked for
    /// partitions.
    #[must_use]
    pub fn metadata(&self) -> Option<ConsumerGroupMetadata> {
        let consumer = self.consumer.upgrade()?;
        let metadata = consumer.group_metadata()?;
        (!consumer.assignment_lost()).then_some(metadata)
    }

    /// The fence of revoked partitions.
    #[must_use]
    pub fn fence(&self) -> &Fence {
        &self.fence
    }
}
