//! Crew: the executors of a device that work, and what the device's owner is told of them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::ModelError;

/// State of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceState {
    /// Its networks run samples. Calls queue.
    Warming,
    /// It answers calls.
    Ready,
    /// All handles are dropped and all calls are answered, or it was stopped.
    Ended,
    /// Its last executor will not answer again in this process: commit nothing more and exit.
    Lost(ModelError),
}

/// The executors of a device.
pub(super) struct Crew {
    report: watch::Sender<DeviceState>,
    members: Mutex<Members>,
}

struct Members {
    /// Not yet warm.
    warming: usize,
    /// Not yet ended or lost.
    working: usize,
}

impl Crew {
    /// So many executors, none of them warm, and the state of their device.
    pub(super) fn new(executors: usize) -> (Self, watch::Receiver<DeviceState>) {
        let (report, state) = watch::channel(DeviceState::Warming);
        let members = Mutex::new(Members { warming: executors, working: executors });
        (Self { report, members }, state)
    }

    /// One is warm. The device answers calls once all are, so that all posts see the same rates.
    pub(super) fn is_warm(&self) {
        self.warmed(&mut self.members());
    }

    /// One has ended as it should.
    pub(super) fn has_ended(&self) {
        let mut members = self.members();
        members.working -= 1;
        if members.working == 0 {
            self.report.send_replace(DeviceState::Ended);
        }
    }

    /// One is lost, before it was warm or later. Whether others go on; if not, the device is lost.
    pub(super) fn is_lost(&self, error: &ModelError, was_warm: bool) -> bool {
        let mut members = self.members();
        members.working -= 1;
        if members.working == 0 {
            self.report.send_replace(DeviceState::Lost(error.clone()));
            return false;
        }
        if !was_warm {
            self.warmed(&mut members);
        }
        true
    }

    fn warmed(&self, members: &mut Members) {
        members.warming -= 1;
        if members.warming == 0 {
            self.report.send_replace(DeviceState::Ready);
        }
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        // Every change is one assignment: a panic leaves nothing half done.
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_ready_with_its_last_executor_and_lost_with_its_last() {
        let lost = ModelError::DeviceLost("gone".to_owned());
        let (crew, state) = Crew::new(3);
        crew.is_warm();
        assert!(crew.is_lost(&lost, false), "two are left");
        assert_eq!(*state.borrow(), DeviceState::Warming);
        crew.is_warm();
        assert_eq!(*state.borrow(), DeviceState::Ready);
        assert!(crew.is_lost(&lost, true));
        assert_eq!(*state.borrow(), DeviceState::Ready, "the device goes on with one");
        assert!(!crew.is_lost(&lost, true));
        assert_eq!(*state.borrow(), DeviceState::Lost(lost.clone()));

        let (crew, state) = Crew::new(2);
        crew.is_warm();
        crew.is_warm();
        assert!(crew.is_lost(&lost, true));
        crew.has_ended();
        assert_eq!(*state.borrow(), DeviceState::Ended);
    }
}
