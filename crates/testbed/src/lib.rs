//! What tests stand on, beside the code under test.
//!
//! | what | room |
//! |---|---|
//! | a PostgreSQL server of the tests' own | [`postgres`] |
//! | a TCP wire that can be cut, held and watched | [`relay`] |

pub mod postgres;
pub mod relay;
