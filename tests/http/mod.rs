//! Posts over HTTP: through the real binary, with curl and with a client in Python.

mod answers;
mod curl;
mod limits;
mod pictures;
mod process;
