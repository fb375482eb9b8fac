//! The pocket world: invents entities, posts, pictures and the truth about them, all from one seed.
