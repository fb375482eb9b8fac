//! From the bytes of a record to a post with its pictures as pixels.
