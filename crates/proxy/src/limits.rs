//! How much one client may ask for, and who the client is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use http::{HeaderMap, HeaderName};
use ventanilla_core::problem::ProblemCode;

use crate::clock::SharedClock;
use crate::config;
use crate::error::{Error, Result};

/// The address at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub struct PeerAddr(pub SocketAddr);

/// Who a request is counted for: an IPv4 address, or the /64 network of an IPv6 address, because a
/// household has one of those and could otherwise count as 2⁶⁴ clients.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Client(IpAddr);

impl Client {
    /// The client at `address`.
    #[must_use]
    pub fn of_address(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self(IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)))
            }
            address => Self(address),
        }
    }

    /// The client of a request that came over `trusted_hops` reverse proxies, each of which appended
    /// to `X-Forwarded-For` the address that it saw.
    ///
    /// Only what our own proxies appended is believed: the entry `trusted_hops` from the right. What
    /// a client writes there itself stands further left and widens nothing. With fewer entries, or
    /// with one that is no address, the peer counts.
    #[must_use]
    pub fn of_request(headers: &HeaderMap, peer: Option<PeerAddr>, trusted_hops: u8) -> Self {
        const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
        let Some(from_right) = usize::from(trusted_hops).checked_sub(1) else {
            return Self::of_address(peer);
        };
        let entries: Vec<&str> = headers
            .get_all(FORWARDED)
            .iter()
            .flat_map(|value| value.to_str().unwrap_or("").split(','))
            .map(str::trim)
            .collect();
        let told = entries
            .iter()
            .rev()
            .nth(from_right)
            .and_then(|entry| parse_forwarded(entry));
        Self::of_address(told.unwrap_or(peer))
    }
}

/// An address with or without a port, as reverse proxies write it.
fn parse_forwarded(entry: &str) -> Option<IpAddr> {
    entry
        .parse::<IpAddr>()
        .ok()
        .or_else(|| {
            entry
                .parse::<SocketAddr>()
                .ok()
                .map(|with_port| with_port.ip())
        })
        .or_else(|| {
            let bare = entry.strip_prefix('[')?.strip_suffix(']')?;
            bare.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
        })
}

/// The counters.
pub struct Limits {
    requests: Bucket<Client>,
    session_requests: Bucket<String>,
    card_starts: Bucket<Client>,
    refused_keys: Bucket<Client>,
    notifications: Bucket<Client>,
}

/// Notifications of one IP address per minute: those of all the merchant's payments, several times over.
const NOTIFICATIONS_PER_MINUTE: NonZeroU32 =
    NonZeroU32::new(6_000).expect("six thousand is above zero");

impl Limits {
    /// Full allowances, which refill by `clock`.
    #[must_use]
    pub fn new(limits: &config::Limits, clock: &SharedClock) -> Self {
        const MINUTE: Duration = Duration::from_secs(60);
        const HOUR: Duration = Duration::from_secs(3600);
        Self {
            requests: Bucket::new(
                "requests_per_ip",
                limits.requests_per_ip_per_minute,
                MINUTE,
                clock,
            ),
            session_requests: Bucket::new(
                "requests_per_session",
                limits.requests_per_session_per_minute,
                MINUTE,
                clock,
            ),
            card_starts: Bucket::new(
                "card_starts_per_ip",
                limits.card_starts_per_ip_per_hour,
                HOUR,
                clock,
            ),
            refused_keys: Bucket::new(
                "refused_keys_per_ip",
                limits.refused_keys_per_ip_per_minute,
                MINUTE,
                clock,
            ),
            notifications: Bucket::new(
                "notifications_per_ip",
                NOTIFICATIONS_PER_MINUTE,
                MINUTE,
                clock,
            ),
        }
    }

    /// Counts a request of `client`.
    ///
    /// # Errors
    ///
    /// `rate-limited`, with the seconds until the next one is served.
    pub fn request(&self, client: Client) -> Result<()> {
        self.requests.take(&client)
    }

    /// Counts a request made with a client token of `session_id`.
    ///
    /// # Errors
    ///
    /// As [`Limits::request`].
    pub fn session_request(&self, session_id: &str) -> Result<()> {
        self.session_requests.take(&session_id.to_owned())
    }

    /// Counts a card attempt that `client` is about to start: the brake on whoever tries out stolen
    /// cards.
    ///
    /// # Errors
    ///
    /// As [`Limits::request`].
    pub fn card_start(&self, client: Client) -> Result<()> {
        self.card_starts.take(&client)
    }

    /// Counts an API key that was refused.
    ///
    /// # Errors
    ///
    /// As [`Limits::request`].
    pub fn refused_key(&self, client: Client) -> Result<()> {
        self.refused_keys.take(&client)
    }

    /// Counts a provider's notification, or what pretends to be one.
    ///
    /// # Errors
    ///
    /// As [`Limits::request`].
    pub fn notification(&self, client: Client) -> Result<()> {
        self.notifications.take(&client)
    }

    /// Forgets clients whose allowance is full again.
    pub fn forget_idle(&self) {
        self.requests.limiter.retain_recent();
        self.session_requests.limiter.retain_recent();
        self.card_starts.limiter.retain_recent();
        self.refused_keys.limiter.retain_recent();
        self.notifications.limiter.retain_recent();
    }
}

struct Bucket<K: std::hash::Hash + Eq + Clone> {
    name: &'static str,
    limiter: RateLimiter<K, DashMapStateStore<K>, GovernorClock, NoOpMiddleware<Duration>>,
    clock: GovernorClock,
}

impl<K: std::hash::Hash + Eq + Clone> Bucket<K> {
    fn new(name: &'static str, burst: NonZeroU32, refill: Duration, clock: &SharedClock) -> Self {
        let clock = GovernorClock(clock.clone());
        let quota = Quota::with_period(refill / burst.get())
            .unwrap_or_else(|| Quota::per_second(burst))
            .allow_burst(burst);
        Self {
            name,
            limiter: RateLimiter::dashmap_with_clock(quota, clock.clone()),
            clock,
        }
    }

    fn take(&self, key: &K) -> Result<()> {
        self.limiter.check_key(key).map(|_| ()).map_err(|refused| {
            metrics::counter!("ventanilla_rate_limited_total", "limit" => self.name).increment(1);
            let wait = refused.wait_time_from(self.clock.now());
            let secs = u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
            Error::new(ProblemCode::RateLimited).retry_after(secs.max(1))
        })
    }
}

/// Our clock, as governor wants it.
#[derive(Clone)]
struct GovernorClock(SharedClock);

impl governor::clock::Clock for GovernorClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.monotonic()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::HandClock;
    use std::sync::Arc;

    fn forwarded(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        headers
    }

    fn client(text: &str) -> Client {
        Client::of_address(text.parse().unwrap())
    }

    const PEER: Option<PeerAddr> = Some(PeerAddr(SocketAddr::new(
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, 9)),
        4000,
    )));

    #[test]
    fn without_trusted_proxies_the_peer_is_the_client_whatever_it_claims() {
        let headers = forwarded(&["203.0.113.7"]);
        assert_eq!(Client::of_request(&headers, PEER, 0), client("10.0.0.9"));
    }

    #[test]
    fn with_trusted_proxies_only_what_they_appended_counts() {
        // The client wrote 9.9.9.9 itself; one proxy of ours appended what it saw.
        for headers in [
            forwarded(&["9.9.9.9, 203.0.113.7"]),
            forwarded(&["9.9.9.9", "203.0.113.7"]),
            forwarded(&["junk, 9.9.9.9,203.0.113.7:4711"]),
        ] {
            assert_eq!(Client::of_request(&headers, PEER, 1), client("203.0.113.7"));
        }
        let two = forwarded(&["9.9.9.9, 203.0.113.7, 10.0.0.1"]);
        assert_eq!(Client::of_request(&two, PEER, 2), client("203.0.113.7"));
    }

    #[test]
    fn a_header_that_our_proxies_cannot_have_written_counts_for_the_peer() {
        for headers in [
            forwarded(&[]),
            forwarded(&["203.0.113.7"]),
            forwarded(&["unknown, x"]),
        ] {
            assert_eq!(Client::of_request(&headers, PEER, 2), client("10.0.0.9"));
        }
    }

    #[test]
    fn a_household_of_ipv6_addresses_is_one_client() {
        assert_eq!(client("2001:db8:1:2::1"), client("2001:db8:1:2:ffff::9"));
        assert_ne!(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
        assert_eq!(client("::ffff:203.0.113.7"), client("203.0.113.7"));
        let headers = forwarded(&["[2001:db8:1:2::1]:443"]);
        assert_eq!(
            Client::of_request(&headers, PEER, 1),
            client("2001:db8:1:2::5")
        );
        let headers = forwarded(&["[2001:db8:1:2::1]"]);
        assert_eq!(
            Client::of_request(&headers, PEER, 1),
            client("2001:db8:1:2::5")
        );
    }

    #[test]
    fn an_allowance_is_used_up_per_client_and_comes_back_with_time() {
        let clock = Arc::new(HandClock::default());
        let shared: SharedClock = clock.clone();
        let limits = Limits::new(&config::Limits::default(), &shared);
        let allowed = config::Limits::default().card_starts_per_ip_per_hour.get();
        let (one, other) = (client("203.0.113.7"), client("203.0.113.8"));
        for _ in 0..allowed {
            limits.card_start(one).unwrap();
        }
        let refused = limits.card_start(one).unwrap_err();
        assert_eq!(refused.code(), ProblemCode::RateLimited);
        limits.card_start(other).unwrap();
        limits.request(one).unwrap();

        clock.advance(Duration::from_secs(3600 / u64::from(allowed)));
        limits.card_start(one).unwrap();
        assert!(limits.card_start(one).is_err());

        clock.advance(Duration::from_secs(7200));
        limits.forget_idle();
        assert_eq!(limits.card_starts.limiter.len(), 0);
    }

    #[test]
    fn a_provider_that_notifies_a_lot_is_not_taken_for_a_client() {
        let clock: SharedClock = Arc::new(HandClock::default());
        let limits = Limits::new(&config::Limits::default(), &clock);
        let one = client("203.0.113.7");
        for _ in 0..NOTIFICATIONS_PER_MINUTE.get() {
            limits.notification(one).unwrap();
        }
        assert!(limits.notification(one).is_err());
        limits.request(one).unwrap();
    }

    #[test]
    fn a_refusal_says_when_to_come_back() {
        use axum::response::IntoResponse as _;
        let clock: SharedClock = Arc::new(HandClock::default());
        let limits = Limits::new(&config::Limits::default(), &clock);
        let one = client("203.0.113.7");
        let refused = std::iter::repeat_with(|| limits.card_start(one))
            .find_map(Result::err)
            .unwrap();
        let response = refused.into_response();
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "180");
    }
}
