//! What the code that `utoipa` derives takes for granted, for a crate that does without it. It is no more than
//! this: names of `alloc` and `core`.

pub(crate) use alloc::format;
pub(crate) use alloc::string::String;
pub(crate) use alloc::vec::Vec;

pub(crate) mod std {
    pub(crate) use alloc::borrow;
    pub(crate) use core::iter;
}
