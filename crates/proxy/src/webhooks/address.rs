//! Which addresses a webhook may go to.
//!
//! The receiver's URL is the merchant's own, but what its name resolves to is up to whoever runs the
//! name's zone, at every moment anew. So each address is judged when it is about to be connected to,
//! and only the judged address is: a name that is public now and private a moment later gains nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// How far a webhook may go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// Addresses of the public Internet.
    Public,
    /// Any address.
    Anywhere,
    /// Loopback addresses: what is sent is not encrypted.
    ThisMachine,
}

impl Reach {
    /// Whether `address` may be connected to.
    #[must_use]
    pub fn covers(self, address: IpAddr) -> bool {
        match self {
            Self::Public => is_public(address),
            Self::Anywhere => true,
            Self::ThisMachine => address.to_canonical().is_loopback(),
        }
    }
}

/// Whether an address belongs to the public Internet, by the IANA registries of special-purpose
/// addresses (RFC 6890 and those after it). What wraps an IPv4 address is judged by that address.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Networks that are not public: first address and length of the prefix.
const NOT_PUBLIC_V4: [([u8; 4], u32); 16] = [
    // This network; 0.0.0.0 reaches this machine.
    ([0, 0, 0, 0], 8),
    // Private.
    ([10, 0, 0, 0], 8),
    // Shared by carriers and their customers.
    ([100, 64, 0, 0], 10),
    // Loopback.
    ([127, 0, 0, 0], 8),
    // Link-local; clouds hand out credentials there.
    ([169, 254, 0, 0], 16),
    // Private.
    ([172, 16, 0, 0], 12),
    // Protocol assignments.
    ([192, 0, 0, 0], 24),
    // Documentation.
    ([192, 0, 2, 0], 24),
    // Relays of 6to4, withdrawn.
    ([192, 88, 99, 0], 24),
    // Private.
    ([192, 168, 0, 0], 16),
    // Benchmarks.
    ([198, 18, 0, 0], 15),
    // Documentation.
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    // Multicast.
    ([224, 0, 0, 0], 4),
    // Reserved, broadcast among them.
    ([240, 0, 0, 0], 4),
    ([255, 255, 255, 255], 32),
];

/// As [`NOT_PUBLIC_V4`], inside 2000::/3. Nothing outside of that is public.
const NOT_PUBLIC_V6: [([u16; 8], u32); 3] = [
    // Protocol assignments, Teredo and benchmarks among them.
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    // Documentation.
    ([0x2001, 0xDB8, 0, 0, 0, 0, 0, 0], 32),
    ([0x3FFF, 0, 0, 0, 0, 0, 0, 0], 20),
];

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = u32::from(address);
    !NOT_PUBLIC_V4
        .iter()
        .any(|(network, length)| starts_alike(bits, u32::from_be_bytes(*network), *length))
}

fn starts_alike(address: u32, network: u32, length: u32) -> bool {
    let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
    address & mask == network & mask
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let last_two = || {
        let [.., a, b] = segments;
        v4_of(a, b)
    };
    match segments {
        // IPv4-mapped.
        [0, 0, 0, 0, 0, 0xFFFF, ..] => is_public_v4(last_two()),
        // NAT64: where there is no IPv4, public hosts look like this.
        [0x64, 0xFF9B, 0, 0, 0, 0, ..] => is_public_v4(last_two()),
        // 6to4.
        [0x2002, a, b, ..] => is_public_v4(v4_of(a, b)),
        [first, ..] => {
            let bits = u128::from(address);
            let special = NOT_PUBLIC_V6.iter().any(|(network, length)| {
                let network = u128::from(Ipv6Addr::from(*network));
                let mask = u128::MAX << (128 - length);
                bits & mask == network & mask
            });
            first & 0xE000 == 0x2000 && !special
        }
    }
}

fn v4_of(a: u16, b: u16) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(a) << 16) | u32::from(b))
}

/// No address of a name may be connected to.
#[derive(Debug)]
pub struct OutOfReach;

impl std::fmt::Display for OutOfReach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no address of this name may be connected to")
    }
}

impl std::error::Error for OutOfReach {}

/// Looks a name up.
type Lookup = dyn Fn(String) -> Pin<Box<dyn Future<Output = std::io::Result<Vec<SocketAddr>>> + Send>>
    + Send
    + Sync;

/// Resolves names to the addresses that are within reach, and to nothing else.
#[derive(Clone)]
pub struct ReachableOnly {
    reach: Reach,
    lookup: Arc<Lookup>,
}

impl ReachableOnly {
    /// Asks the operating system.
    #[must_use]
    pub fn new(reach: Reach) -> Self {
        Self::asking(reach, |name| {
            Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) })
        })
    }

    fn asking(
        reach: Reach,
        lookup: impl Fn(
            String,
        )
            -> Pin<Box<dyn Future<Output = std::io::Result<Vec<SocketAddr>>> + Send>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self {
            reach,
            lookup: Arc::new(lookup),
        }
    }

    /// The addresses of `name` that may be connected to; at least one.
    ///
    /// # Errors
    ///
    /// [`OutOfReach`] when it has others only; the operating system's words when it has none.
    pub async fn addresses(
        &self,
        name: &str,
    ) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
        let mut found = (self.lookup)(name.to_owned()).await?;
        found.retain(|address| self.reach.covers(address.ip()));
        if found.is_empty() {
            return Err(Box::new(OutOfReach));
        }
        Ok(found)
    }
}

impl Resolve for ReachableOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let this = self.clone();
        Box::pin(async move {
            let found = this.addresses(name.as_str()).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    #[test]
    fn addresses_of_the_public_internet_are_public() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00:1450::1",
            "2001:200::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
        ] {
            assert!(public(text), "{text}");
        }
    }

    // The first and the last address of each network of the IANA registries.
    #[test]
    fn no_address_of_a_special_network_is_public() {
        for text in [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.0",
            "127.255.255.255",
            "169.254.0.0",
            "169.254.169.254",
            "169.254.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.0",
            "192.0.0.255",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.0",
            "192.168.255.255",
            "198.18.0.0",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.0",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:1ff:ffff::1",
            "2001:db8::1",
            "2001:db8:ffff::1",
            "3fff::1",
            "3fff:fff::1",
            "5f00::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!public(text), "{text}");
        }
    }

    #[test]
    fn an_address_in_a_wrapping_is_judged_by_what_is_inside() {
        for inside in ["127.0.0.1", "10.1.2.3", "169.254.169.254", "0.0.0.0"] {
            let [a, b, c, d] = inside.parse::<Ipv4Addr>().unwrap().octets();
            for text in [
                format!("::ffff:{inside}"),
                format!("64:ff9b::{inside}"),
                format!("2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1"),
            ] {
                assert!(!public(&text), "{text}");
            }
        }
    }

    #[test]
    fn in_the_clear_only_this_machine_is_in_reach() {
        for (text, covered) in [
            ("127.0.0.1", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("10.0.0.1", false),
            ("8.8.8.8", false),
        ] {
            let address = text.parse().unwrap();
            assert_eq!(Reach::ThisMachine.covers(address), covered, "{text}");
            assert!(Reach::Anywhere.covers(address), "{text}");
        }
    }

    fn answering(reach: Reach, addresses: &'static [&'static str]) -> ReachableOnly {
        ReachableOnly::asking(reach, move |_| {
            let addresses = addresses
                .iter()
                .map(|text| SocketAddr::new(text.parse().unwrap(), 0))
                .collect();
            Box::pin(std::future::ready(Ok(addresses)))
        })
    }

    #[tokio::test]
    async fn of_a_name_with_public_and_private_addresses_only_the_public_ones_are_left() {
        let resolver = answering(Reach::Public, &["10.0.0.1", "8.8.8.8", "::1"]);
        let found = resolver.addresses("hooks.example").await.unwrap();
        assert_eq!(found, ["8.8.8.8:0".parse().unwrap()]);
        let resolver = answering(Reach::Public, &["10.0.0.1", "::ffff:127.0.0.1"]);
        let error = resolver.addresses("hooks.example").await.unwrap_err();
        assert!(error.is::<OutOfReach>(), "{error}");
    }

    #[tokio::test]
    async fn a_name_that_becomes_private_later_is_refused_then() {
        let asked_before = Arc::new(AtomicBool::new(false));
        let resolver = ReachableOnly::asking(Reach::Public, move |_| {
            let address = if asked_before.swap(true, Ordering::Relaxed) {
                "127.0.0.1:0"
            } else {
                "8.8.8.8:0"
            };
            Box::pin(std::future::ready(Ok(vec![address.parse().unwrap()])))
        });
        assert!(resolver.addresses("rebound.example").await.is_ok());
        let error = resolver.addresses("rebound.example").await.unwrap_err();
        assert!(error.is::<OutOfReach>());
    }
}
