//! What the engine tells its operators: metrics by name, and whether it is well.
