//! Thousands of checkouts under faults, kills and cut wires, held against the sandbox's ledger.
//!
//! It sees what a shop, a browser, a provider's ledger and a webhook receiver see, and the files on disk;
//! it depends on neither the proxy nor its clients, so that a mistake of theirs is not its own.
//!
//! | question | room |
//! |---|---|
//! | how are proxy, sandbox, shop, buyer and receiver run and asked | [`harness`] |
//! | what does a campaign do | [`run`] |
//! | what do ledger, merchant API and webhooks say together | [`verdict`] |
//! | is anything secret on disk | [`leak`] |
//! | what becomes of a payment when its proxy fails at each place of its way | [`matrix`] |
//! | does a store slow down as it fills | [`size`] |
//! | what does a checkout cost, beside other servers | [`load`] |
//!
//! The parts of [`harness`] know nothing of campaigns: any test that needs a real process to be killed
//! stands on them as well.

pub mod args;
pub mod clock;
pub mod failure;
pub mod harness;
pub mod leak;
pub mod load;
pub mod matrix;
pub mod random;
pub mod report;
pub mod run;
pub mod size;
pub mod verdict;
