//! Places of a lane per flow. As many of each flow as it has places; a flow's further requests wait outside.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Flow;

/// A request's place in a lane's queue, given back when it is dropped.
pub(super) type Place = OwnedSemaphorePermit;

/// The places of a lane, as many for each flow. Who waits for one waits behind requests of its own flow alone.
pub(super) struct Rooms {
    places: usize,
    by_flow: Mutex<ByFlow>,
}

struct ByFlow {
    /// Held by those who wait in them or for them: a flow that has ended leaves nothing but an empty entry.
    rooms: HashMap<Flow, Weak<Semaphore>>,
    /// Empty entries are cleared when there are so many entries, which costs each flow the same, however many there are.
    clear_at: usize,
    is_closed: bool,
}

/// Entries that are not worth clearing: a few times the posts in flight.
const MIN_ENTRIES: usize = 256;

impl Rooms {
    /// So many places for each flow.
    pub(super) fn new(places: usize) -> Self {
        let by_flow = ByFlow { rooms: HashMap::new(), clear_at: MIN_ENTRIES, is_closed: false };
        Self { places, by_flow: Mutex::new(by_flow) }
    }

    /// Waits for a place; none where the lane is closed.
    pub(super) async fn place(&self, flow: Flow) -> Option<Place> {
        let room = self.by_flow().room(flow, self.places)?;
        room.acquire_owned().await.ok()
    }

    /// Gives no places any more, and turns away those who wait for one.
    pub(super) fn close(&self) {
        let mut by_flow = self.by_flow();
        by_flow.is_closed = true;
        by_flow.rooms.drain().filter_map(|(_, room)| room.upgrade()).for_each(|room| room.close());
    }

    fn by_flow(&self) -> MutexGuard<'_, ByFlow> {
        // Nothing between lock and unlock can leave it half changed.
        self.by_flow.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ByFlow {
    fn room(&mut self, flow: Flow, places: usize) -> Option<Arc<Semaphore>> {
        if self.is_closed {
            return None;
        }
        if let Some(room) = self.rooms.get(&flow).and_then(Weak::upgrade) {
            return Some(room);
        }
        if self.rooms.len() >= self.clear_at {
            self.rooms.retain(|_, room| room.strong_count() > 0);
            self.clear_at = MIN_ENTRIES.max(2 * self.rooms.len());
        }
        let room = Arc::new(Semaphore::new(places));
        self.rooms.insert(flow, Arc::downgrade(&room));
        Some(room)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::super::Flows;
    use super::*;

    #[test]
    fn a_flow_that_has_all_its_places_takes_none_of_another() {
        let (rooms, flows) = (Rooms::new(2), Flows::default());
        let (crowd, newcomer) = (flows.begin(), flows.begin());
        let place = |flow| rooms.place(flow).now_or_never();
        let held = [place(crowd), place(crowd)];
        assert!(held.iter().all(|place| matches!(place, Some(Some(_)))));
        let mut third = pin!(rooms.place(crowd));
        assert!(third.as_mut().now_or_never().is_none());
        assert!(matches!(place(newcomer), Some(Some(_))));
        drop(held);
        assert!(matches!(third.now_or_never(), Some(Some(_))));
    }

    #[test]
    fn those_who_wait_are_turned_away_when_the_lane_closes() {
        let (rooms, flow) = (Rooms::new(1), Flow::default());
        let held = rooms.place(flow).now_or_never();
        let mut waiting = pin!(rooms.place(flow));
        assert!(waiting.as_mut().now_or_never().is_none());
        rooms.close();
        assert!(matches!(waiting.now_or_never(), Some(None)));
        drop(held);
        assert!(matches!(rooms.place(Flow::default()).now_or_never(), Some(None)));
    }

    #[test]
    fn flows_that_have_ended_are_forgotten() {
        let (rooms, flows) = (Rooms::new(1), Flows::default());
        let stays = flows.begin();
        let held = rooms.place(stays).now_or_never();
        for _ in 0..100_000 {
            assert!(matches!(rooms.place(flows.begin()).now_or_never(), Some(Some(_))));
        }
        assert!(rooms.by_flow().rooms.len() <= MIN_ENTRIES);
        assert!(rooms.by_flow().rooms.contains_key(&stays));
        drop(held);
    }
}
