//! Trace of one post: its root span, and one span for each stage. It is sent when the last holder of it is gone.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::context::{SpanContext, TraceParent};
use super::sender::Sender;
use super::span::{Kind, Span, Value};

/// Spans of one trace besides its root: those of a record of some posts. Further ones are left out, and the root says how
/// many.
const MOST_SPANS: usize = 128;

/// The trace of a record on its way through the engine. Clones are the same; the default records nothing.
#[derive(Debug, Clone, Default)]
pub struct PostTrace {
    /// What the record belongs to, traced or not.
    parent: Option<TraceParent>,
    active: Option<Arc<Active>>,
    /// The post that the spans are of, where a record has several.
    post: Option<Arc<str>>,
}

/// What is recorded.
struct Active {
    sender: Sender,
    context: SpanContext,
    parent: u64,
    name: String,
    kind: Kind,
    begun: SystemTime,
    recorded: Mutex<Recorded>,
}

#[derive(Default)]
struct Recorded {
    attributes: Vec<(&'static str, Value)>,
    failure: Option<&'static str>,
    /// Since when its answer is written.
    publishing: Option<SystemTime>,
    spans: Vec<Span>,
    left_out: i64,
}

impl PostTrace {
    /// A trace that is not recorded, of a record that belongs to `parent`.
    pub(super) fn unrecorded(parent: Option<TraceParent>) -> Self {
        Self { parent, ..Self::default() }
    }

    /// A trace that is recorded from now on.
    pub(super) fn begin(
        sender: Sender,
        (context, parent): (SpanContext, Option<TraceParent>),
        (name, kind): (String, Kind),
    ) -> Self {
        let above = parent.map_or(0, |parent| parent.context.span);
        let active = Active {
            sender,
            context,
            parent: above,
            name,
            kind,
            begun: SystemTime::now(),
            recorded: Mutex::default(),
        };
        Self { parent, active: Some(Arc::new(active)), post: None }
    }

    /// Whether spans are recorded, so that attributes are worth making.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.active.is_some()
    }

    /// The header that says which span came before, for what is sent on; none where nothing is recorded.
    #[must_use]
    pub fn header(&self) -> Option<String> {
        let active = self.active.as_ref()?;
        Some(TraceParent { context: active.context, is_sampled: true }.to_string())
    }

    /// The id of the trace, recorded or not; none where the record belongs to none.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        let recorded = self.active.as_ref().map(|active| active.context);
        recorded.or(self.parent.map(|parent| parent.context)).map(SpanContext::trace_id)
    }

    /// The id of the trace where it is recorded.
    #[must_use]
    pub fn recorded_id(&self) -> Option<String> {
        self.active.as_ref().map(|active| active.context.trace_id())
    }

    /// Adds an attribute to the root span.
    pub fn set(&self, name: &'static str, value: impl Into<Value>) {
        if let Some(active) = &self.active {
            active.recorded().attributes.push((name, value.into()));
        }
    }

    /// The post failed, by the class of its rejection.
    pub fn failed(&self, class: &'static str) {
        if let Some(active) = &self.active {
            active.recorded().failure = Some(class);
        }
    }

    /// The answer is written from now on, until the end of the trace.
    pub fn publishing(&self) {
        if let Some(active) = &self.active {
            active.recorded().publishing = Some(SystemTime::now());
        }
    }

    /// The same trace for one of several posts of a record: its stages are labelled with the post.
    #[must_use]
    pub fn of_post(&self, id: &str) -> Self {
        if self.active.is_none() {
            return self.clone();
        }
        Self { post: Some(id.into()), ..self.clone() }
    }

    /// A stage of the post. Its span begins with the first work and ends with the last; without work there is none.
    #[must_use]
    pub fn stage(&self, name: &'static str) -> StageSpan {
        let active = self.active.clone();
        let context = active.as_ref().map(|active| active.context.sibling());
        StageSpan { trace: active, name, context, post: self.post.clone(), worked: Mutex::default() }
    }
}

impl Active {
    fn recorded(&self) -> MutexGuard<'_, Recorded> {
        // Every change is one assignment: a panic leaves nothing half done.
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Active {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Active").field("context", &self.context).finish_non_exhaustive()
    }
}

impl Drop for Active {
    /// Nobody works on the post any more: its trace is sent.
    fn drop(&mut self) {
        let recorded = std::mem::take(&mut *self.recorded());
        let Recorded { mut attributes, failure, publishing, mut spans, left_out } = recorded;
        let ended = SystemTime::now();
        spans.extend(publishing.map(|begun| Span {
            context: self.context.sibling(),
            parent: self.context.span,
            name: "publish".to_owned(),
            kind: Kind::Internal,
            begun,
            ended,
            attributes: Vec::new(),
            links: Vec::new(),
            failure: None,
        }));
        if left_out > 0 {
            attributes.push(("riveg.spans_left_out", left_out.into()));
        }
        spans.push(Span {
            context: self.context,
            parent: self.parent,
            name: std::mem::take(&mut self.name),
            kind: self.kind,
            begun: self.begun,
            ended,
            attributes,
            links: Vec::new(),
            failure,
        });
        self.sender.send(spans);
    }
}

/// The span of one stage of a post, while it is worked on. Dropping it ends it.
pub struct StageSpan {
    trace: Option<Arc<Active>>,
    name: &'static str,
    context: Option<SpanContext>,
    post: Option<Arc<str>>,
    worked: Mutex<Option<Worked>>,
}

/// The time from the first work to the last, and the pieces of work.
#[derive(Debug, Clone, Copy)]
struct Worked {
    begun: SystemTime,
    ended: SystemTime,
    pieces: i64,
}

impl StageSpan {
    /// The span, for batches that work for it; none where nothing is recorded.
    #[must_use]
    pub fn context(&self) -> Option<SpanContext> {
        self.context
    }

    /// Does a piece of work of this stage. Several pieces may be done at one time.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        if self.trace.is_none() {
            return work.await;
        }
        let begun = SystemTime::now();
        let done = work.await;
        self.worked(begun, SystemTime::now());
        done
    }

    fn worked(&self, begun: SystemTime, ended: SystemTime) {
        let mut worked = self.worked.lock().unwrap_or_else(PoisonError::into_inner);
        let so_far = worked.unwrap_or(Worked { begun, ended, pieces: 0 });
        *worked = Some(Worked {
            begun: so_far.begun.min(begun),
            ended: so_far.ended.max(ended),
            pieces: so_far.pieces + 1,
        });
    }
}

impl Drop for StageSpan {
    fn drop(&mut self) {
        let worked = self.worked.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (Some(trace), Some(context), Some(worked)) = (&self.trace, self.context, worked) else { return };
        let Worked { begun, ended, pieces } = worked;
        let post = self.post.as_deref().map(|id| ("riveg.post.id", id.into()));
        let span = Span {
            context,
            parent: trace.context.span,
            name: self.name.to_owned(),
            kind: Kind::Internal,
            begun,
            ended,
            attributes: post.into_iter().chain([("riveg.pieces", pieces.into())]).collect(),
            links: Vec::new(),
            failure: None,
        };
        let mut recorded = trace.recorded();
        if recorded.spans.len() < MOST_SPANS {
            recorded.spans.push(span);
        } else {
            recorded.left_out += 1;
        }
    }
}
