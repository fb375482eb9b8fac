//! Writer: one thread that writes events in order, so that no async worker waits for a disk. Events that wait together
//! are written together.

use std::io;
use std::thread::{self, JoinHandle};

use tokio::sync::{mpsc, oneshot};
use tracing::debug;

use super::event::Event;

/// Events that wait to be written; as many are written together. A longer queue would not make anything faster.
const QUEUE: usize = 64;

/// Writes events on its own thread, which ends when this value is dropped and all events are written.
#[derive(Debug)]
pub(super) struct Writer {
    /// None while it is dropped.
    queue: Option<mpsc::Sender<Entry>>,
    thread: Option<JoinHandle<()>>,
}

struct Entry {
    event: Event,
    /// Who waits until it is written.
    written: Option<oneshot::Sender<()>>,
}

impl Writer {
    /// Starts the thread, which calls `write` with the events that wait, at least one.
    pub(super) fn start(mut write: impl FnMut(Vec<Event>) + Send + 'static) -> io::Result<Self> {
        let (queue, mut entries) = mpsc::channel::<Entry>(QUEUE);
        let thread = thread::Builder::new().name("riveg-attempts".to_owned()).spawn(move || {
            let mut waiting = Vec::with_capacity(QUEUE);
            while entries.blocking_recv_many(&mut waiting, QUEUE) > 0 {
                let (events, written): (Vec<_>, Vec<_>) =
                    waiting.drain(..).map(|Entry { event, written }| (event, written)).unzip();
                write(events);
                // A sender may have been cancelled. Its event is written all the same.
                for sender in written.into_iter().flatten() {
                    let _ = sender.send(());
                }
            }
        })?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Returns when the event is written, and with it all events that were queued before.
    pub(super) async fn write(&self, event: Event) {
        let (written, done) = oneshot::channel();
        self.send(Entry { event, written: Some(written) }).await;
        if done.await.is_err() {
            debug!("the thread that logs attempts has panicked");
        }
    }

    /// Returns when the event is in the queue. It is written before any event that is queued later.
    pub(super) async fn queue(&self, event: Event) {
        self.send(Entry { event, written: None }).await;
    }

    async fn send(&self, entry: Entry) {
        let Some(queue) = &self.queue else { return };
        if queue.send(entry).await.is_err() {
            debug!("the thread that logs attempts has panicked");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        // The log's file is unlocked when this returns: the next process, or the next log of this one, takes it over.
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            debug!("the thread that logs attempts has panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, sync_channel};
    use std::sync::{Arc, Mutex};

    use super::super::event::RecordId;
    use super::*;

    fn begun(offset: i64) -> Event {
        Event::Begun(RecordId { topic: "posts".into(), partition: 0, offset, timestamp: 0 })
    }

    /// A writer whose disk needs one permit for each event, and the events that are on the disk.
    fn slow(permits: Receiver<()>) -> (Arc<Writer>, Arc<Mutex<Vec<Event>>>) {
        let disk = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&disk);
        let write = move |events| {
            for event in events {
                permits.recv().unwrap();
                written.lock().unwrap().push(event);
            }
        };
        (Arc::new(Writer::start(write).unwrap()), disk)
    }

    #[tokio::test]
    async fn a_slow_disk_delays_the_post_whose_event_it_writes_and_blocks_no_async_worker() {
        let (disk_permits, permits) = sync_channel(QUEUE);
        let (writer, disk) = slow(permits);
        let writing = tokio::spawn({
            let writer = Arc::clone(&writer);
            async move { writer.write(begun(1)).await }
        });
        // On the only worker of this runtime: were it blocked, this would never end.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(!writing.is_finished(), "it returned before the event was on the disk");
        assert!(disk.lock().unwrap().is_empty());
        disk_permits.send(()).unwrap();
        writing.await.unwrap();
        assert_eq!(*disk.lock().unwrap(), [begun(1)]);
    }

    #[tokio::test]
    async fn more_events_than_the_queue_holds_wait_and_are_written_in_order() {
        let (disk_permits, permits) = sync_channel(2 * QUEUE);
        let (writer, disk) = slow(permits);
        let count = 2 * QUEUE as i64;
        let writes: Vec<_> = (0..count)
            .map(|offset| {
                let writer = Arc::clone(&writer);
                tokio::spawn(async move { writer.write(begun(offset)).await })
            })
            .collect();
        // The runtime may come back here before all tasks have begun, and one that begins later could overtake others.
        for _ in 0..count {
            tokio::task::yield_now().await;
        }
        assert!(writes.iter().all(|write| !write.is_finished()));
        (0..count).for_each(|_| disk_permits.send(()).unwrap());
        for write in writes {
            write.await.unwrap();
        }
        assert_eq!(*disk.lock().unwrap(), (0..count).map(begun).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn what_is_only_queued_is_written_before_what_comes_later() {
        let (disk_permits, permits) = sync_channel(QUEUE);
        let (writer, disk) = slow(permits);
        writer.queue(begun(1)).await;
        writer.queue(begun(2)).await;
        assert!(disk.lock().unwrap().is_empty(), "nobody waits for the disk");
        (0..3).for_each(|_| disk_permits.send(()).unwrap());
        writer.write(begun(3)).await;
        assert_eq!(*disk.lock().unwrap(), [begun(1), begun(2), begun(3)]);
    }

    #[test]
    fn events_that_wait_together_are_written_together() {
        let (first, begin) = sync_channel(0);
        let (sizes, written) = sync_channel(QUEUE);
        let writer = Writer::start(move |events: Vec<Event>| {
            begin.recv().unwrap();
            sizes.send(events.len()).unwrap();
        });
        let writer = writer.unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for offset in 0..5 {
                writer.queue(begun(offset)).await;
            }
        });
        // The first write begins with what was there when the thread came; all others are in the second.
        first.send(()).unwrap();
        let begun_with = written.recv().unwrap();
        if begun_with < 5 {
            first.send(()).unwrap();
            assert_eq!(begun_with + written.recv().unwrap(), 5);
        }
    }

    #[test]
    fn an_event_whose_sender_is_cancelled_is_written_before_the_writer_ends() {
        let (disk_permits, permits) = sync_channel(1);
        let (writer, disk) = slow(permits);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            tokio::select! {
                biased;
                () = writer.write(begun(1)) => panic!("the disk has no permit yet"),
                () = tokio::task::yield_now() => {}
            }
        });
        disk_permits.send(()).unwrap();
        drop(writer);
        assert_eq!(*disk.lock().unwrap(), [begun(1)]);
    }
}
