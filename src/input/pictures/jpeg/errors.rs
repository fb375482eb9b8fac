//! Faults of the JPEG decoder: every error and every warning ends decoding.
//!
//! libjpeg goes on after a warning and fills what it could not read with grey, which would be searched like any other
//! picture. Its faults unwind through its frames, which the package compiles for that.

use std::ffi::c_int;
use std::panic::resume_unwind;
use std::ptr::null;

use mozjpeg_sys::{jpeg_common_struct, jpeg_error_mgr};

/// What ended decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    /// Data that no decoder can read, or an end within a segment.
    Error,
    /// Data that decoders replace or skip.
    Warning,
}

impl Damage {
    pub(super) fn explained(self) -> &'static str {
        match self {
            Self::Error => "a segment or a scan cannot be read",
            Self::Warning => "data of its scans is missing or wrong",
        }
    }
}

/// Functions that the decoder calls for its faults. They cannot read the fault's number, which lies behind a pointer.
pub(super) fn strict() -> jpeg_error_mgr {
    jpeg_error_mgr {
        error_exit: Some(error),
        emit_message: Some(message),
        output_message: Some(ignored),
        format_message: Some(unformatted),
        reset_error_mgr: Some(ignored),
        msg_code: 0,
        msg_parm: Default::default(),
        trace_level: 0,
        num_warnings: 0,
        jpeg_message_table: null(),
        last_jpeg_message: 0,
        addon_message_table: null(),
        first_addon_message: 0,
        last_addon_message: 0,
    }
}

// `resume_unwind` and not `panic!`: damaged pictures are ordinary, and no panic is reported for them.
extern "C-unwind" fn error(_: &mut jpeg_common_struct) {
    resume_unwind(Box::new(Damage::Error))
}

/// Warnings have a negative level, traces another.
extern "C-unwind" fn message(_: &mut jpeg_common_struct, level: c_int) {
    if level < 0 {
        resume_unwind(Box::new(Damage::Warning))
    }
}

extern "C-unwind" fn ignored(_: &mut jpeg_common_struct) {}

extern "C-unwind" fn unformatted(_: &mut jpeg_common_struct, _: &[u8; 80]) {}
