//! Which addresses are public: those that we may connect to when somebody else named the host. Pure.
//!
//! The ranges are those of the registries of special-purpose addresses at IANA that are not globally reachable, and every
//! form in which an IPv6 address stands for an IPv4 one, whatever that one is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Network, length of its prefix, what it is.
type Range<Address> = (Address, u32, &'static str);

const V4: [Range<Ipv4Addr>; 15] = [
    (Ipv4Addr::UNSPECIFIED, 8, "this network"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "shared by a provider"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "for protocols"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "for documentation"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "6to4"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "for benchmarks"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "for documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "for documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved"),
];

const V6: [Range<Ipv6Addr>; 12] = [
    (Ipv6Addr::UNSPECIFIED, 128, "unspecified"),
    (Ipv6Addr::LOCALHOST, 128, "loopback"),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, "IPv4-mapped"),
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96, "NAT64"),
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, "NAT64"),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "for protocols, such as Teredo"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "for documentation"),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, "6to4"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "for documentation"),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, "private"),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, "link-local"),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, "multicast"),
];

/// Where all public addresses of IPv6 are.
const GLOBAL: Range<Ipv6Addr> = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3, "global");

/// What an address is that is not public.
pub fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => {
            let within = |(network, length, _): &&Range<Ipv4Addr>| {
                let shift = 32 - length;
                address.to_bits() >> shift == network.to_bits() >> shift
            };
            V4.iter().find(within).map(|(_, _, what)| *what)
        }
        IpAddr::V6(address) => {
            let within = |(network, length, _): &&Range<Ipv6Addr>| {
                let shift = 128 - length;
                address.to_bits() >> shift == network.to_bits() >> shift
            };
            let named = V6.iter().find(within).map(|(_, _, what)| *what);
            named.or_else(|| (!within(&&GLOBAL)).then_some("not global"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_not_public_are_known_at_both_ends_of_their_range() {
        let table = [
            ("0.0.0.0", "0.255.255.255", "this network"),
            ("10.0.0.0", "10.255.255.255", "private"),
            ("100.64.0.0", "100.127.255.255", "shared by a provider"),
            ("127.0.0.0", "127.255.255.255", "loopback"),
            ("169.254.0.0", "169.254.169.254", "link-local"),
            ("172.16.0.0", "172.31.255.255", "private"),
            ("192.0.0.0", "192.0.0.255", "for protocols"),
            ("192.0.2.0", "192.0.2.255", "for documentation"),
            ("192.88.99.0", "192.88.99.255", "6to4"),
            ("192.168.0.0", "192.168.255.255", "private"),
            ("198.18.0.0", "198.19.255.255", "for benchmarks"),
            ("198.51.100.0", "198.51.100.255", "for documentation"),
            ("203.0.113.0", "203.0.113.255", "for documentation"),
            ("224.0.0.0", "239.255.255.255", "multicast"),
            ("240.0.0.0", "255.255.255.255", "reserved"),
            ("::", "::", "unspecified"),
            ("::1", "::1", "loopback"),
            ("::2", "::8.8.8.8", "not global"),
            ("::ffff:0.0.0.0", "::ffff:8.8.8.8", "IPv4-mapped"),
            ("64:ff9b::", "64:ff9b::8.8.8.8", "NAT64"),
            ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "NAT64"),
            ("100::", "1fff::1", "not global"),
            ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "for protocols, such as Teredo"),
            ("2001:db8::", "2001:db8:ffff::1", "for documentation"),
            ("2002::", "2002:808:808::1", "6to4"),
            ("3fff::", "3fff:fff::1", "for documentation"),
            ("4000::", "5f00::1", "not global"),
            ("fc00::", "fdff::1", "private"),
            ("fe80::", "febf::1", "link-local"),
            ("fec0::", "fec0::1", "not global"),
            ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"),
        ];
        for (first, last, what) in table {
            for text in [first, last] {
                assert_eq!(special(text.parse().unwrap()), Some(what), "{text}");
            }
        }
    }

    #[test]
    fn addresses_beside_those_are_public() {
        let table = [
            "1.0.0.0",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.101.0",
            "203.0.114.0",
            "223.255.255.255",
            "2000::1",
            "2001:200::",
            "2001:db7::",
            "2001:db9::",
            "2003::",
            "2600:1f00::1",
            "3ffe::1",
            "3fff:1000::",
        ];
        for text in table {
            assert_eq!(special(text.parse().unwrap()), None, "{text}");
        }
    }
}
