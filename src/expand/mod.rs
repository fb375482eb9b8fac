//! What would a picture of the entity show?
