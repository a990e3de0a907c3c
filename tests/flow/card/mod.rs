//! The card rail.

mod campaign;
mod doubt;
mod paying;
mod refused;
mod restart;
mod saved;
mod secrecy;
mod two_proxies;

const VISA: &str = "4242424242424242";
const MASTERCARD: &str = "5555555555554444";
const AMEX: &str = "378282246310005";
const NO_FUNDS: &str = "4000000000044828";

/// Beyond the moment after which a call can no longer be executed at the provider.
const BEHIND_THE_FENCE: std::time::Duration = std::time::Duration::from_secs(36 * 60);
