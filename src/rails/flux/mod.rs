//! Paying with a code that the buyer's wallet shows.
//!
//! | file | what |
//! |---|---|
//! | `form` | the rail's form: tip first, then the code, then the charge at once |
//! | `tip_step` | the tip on screen; `tip` is its rules |
//! | `reader` | the ways to give a code on screen; `reading` is its rules |
//! | `lens` | the camera |
//! | `picture` | pictures from files and the clipboard |
//! | `words` | what is said about a camera, and about what was read |
//! | `decoder` | what finds a code in pixels, outside this module |

#[cfg(feature = "flux")]
mod decoder;
#[cfg(feature = "flux")]
mod form;
#[cfg(feature = "flux")]
mod lens;
#[cfg(feature = "flux")]
mod picture;
#[cfg(feature = "flux")]
mod reader;
pub mod reading;
pub mod tip;
#[cfg(feature = "flux")]
mod tip_step;
#[cfg(feature = "flux")]
mod words;

#[cfg(feature = "flux")]
pub use form::open;
