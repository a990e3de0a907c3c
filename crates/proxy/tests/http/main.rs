//! The proxy over HTTP, from outside: guards, headers, documents, start and stop. The provider is the
//! sandbox; everything listens on free loopback ports.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails; clippy sees #[test] functions as tests, but not what they call"
)]

mod binary;
mod bodies;
mod cards;
mod cash_outs;
mod charges;
mod commands;
mod deposits;
mod documents;
mod flexiti;
mod guards;
mod hooks_in;
mod lifecycle;
mod openapi;
mod operating;
mod operations;
mod operations_table;
mod provider_api;
mod provider_errors;
mod receiver;
mod review;
mod sent_twice;
mod served;
mod several;
mod subscriptions;
mod support;
mod token_payments;
mod webhooks_out;
