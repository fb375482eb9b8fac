//! Single requests in, batches out. Knows nothing of posts.

mod model;

pub use model::{Cost, Model, ModelError};
