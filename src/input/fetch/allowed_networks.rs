//! Allowed networks: addresses of the public Internet, and those that the operator adds. Others belong to this machine,
//! its network or its cloud.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Networks that are no part of the public Internet (IANA's registries of special-purpose addresses), with what
/// each is.
const NOT_PUBLIC_V4: [(Ipv4Net, &str); 18] = [
    (v4([0, 0, 0, 0], 8), "this network"),
    (v4([10, 0, 0, 0], 8), "private"),
    (v4([100, 64, 0, 0], 10), "shared by a carrier"),
    (v4([127, 0, 0, 0], 8), "loopback"),
    // Cloud metadata at 169.254.169.254 among them.
    (v4([169, 254, 0, 0], 16), "link-local"),
    (v4([172, 16, 0, 0], 12), "private"),
    (v4([192, 0, 0, 0], 24), "reserved for protocols"),
    (v4([192, 0, 2, 0], 24), "for documentation"),
    (v4([192, 88, 99, 0], 24), "a relay to IPv6"),
    (v4([192, 168, 0, 0], 16), "private"),
    (v4([198, 18, 0, 0], 15), "for benchmarks"),
    (v4([198, 51, 100, 0], 24), "for documentation"),
    (v4([203, 0, 113, 0], 24), "for documentation"),
    (v4([224, 0, 0, 0], 4), "multicast"),
    (v4([255, 255, 255, 255], 32), "broadcast"),
    (v4([240, 0, 0, 0], 4), "reserved"),
    // In a public range, but every machine in Azure reaches its host there.
    (v4([168, 63, 129, 16], 32), "a cloud's own"),
    (v4([192, 52, 193, 0], 24), "a relay of multicast"),
];

/// The same within `2000::/3`, the only part of IPv6 from which public addresses are given out.
const NOT_PUBLIC_V6: [(Ipv6Net, &str); 3] = [
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), "reserved for protocols"),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), "for documentation"),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), "for documentation"),
];

/// What is outside `2000::/3`, where it has a name.
const NAMED_V6: [(Ipv6Net, &str); 7] = [
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), "unspecified"),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), "loopback"),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), "a translation to private IPv4"),
    // Amazon's metadata at fd00:ec2::254 among them.
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), "private"),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), "link-local"),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), "site-local"),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), "multicast"),
];

const PUBLIC_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);
const MAPPED: Ipv6Net = v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96);
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);
const SIX_TO_FOUR: Ipv6Net = v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16);
const TEREDO: Ipv6Net = v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32);

/// Which addresses may be connected to.
#[derive(Debug, Clone, Default)]
pub(super) struct AllowedNetworks {
    /// Networks that may be connected to although they are not public.
    pub(super) allowed: Vec<IpNet>,
    /// Prefixes under which a gateway puts IPv4 addresses into IPv6, besides the well-known one.
    pub(super) nat64: Vec<Ipv6Net>,
}

impl AllowedNetworks {
    /// Whether an address may be connected to.
    ///
    /// # Errors
    /// What the address is, if it is not public and not allowed.
    pub(super) fn check(&self, address: IpAddr) -> Result<(), &'static str> {
        if self.allowed.iter().any(|network| network.contains(&address)) {
            return Ok(());
        }
        match address {
            IpAddr::V4(address) => public_v4(address),
            // A mapped address is the IPv4 address itself to the system that connects.
            IpAddr::V6(address) => match address.to_ipv4_mapped() {
                Some(mapped) => self.check(IpAddr::V4(mapped)),
                None => match self.nat64.iter().find_map(|&prefix| embedded_v4(prefix, address)) {
                    Some(embedded) => public_v4(embedded),
                    None => public_v6(address),
                },
            },
        }
    }
}

/// The IPv4 address that a translator's prefix carries to (RFC 6052, section 2.2): behind the prefix, around the bits
/// 64 to 71, which are zero. None if the address has another prefix, or the prefix a length that no translator's has.
pub(super) fn embedded_v4(prefix: Ipv6Net, address: Ipv6Addr) -> Option<Ipv4Addr> {
    let places = match prefix.prefix_len() {
        32 => [4, 5, 6, 7],
        40 => [5, 6, 7, 9],
        48 => [6, 7, 9, 10],
        56 => [7, 9, 10, 11],
        64 => [9, 10, 11, 12],
        96 => [12, 13, 14, 15],
        _ => return None,
    };
    let octets = address.octets();
    prefix.contains(&address).then(|| places.map(|place| octets[place]).into())
}

fn public_v4(address: Ipv4Addr) -> Result<(), &'static str> {
    match NOT_PUBLIC_V4.iter().find(|(network, _)| network.contains(&address)) {
        Some((_, what)) => Err(what),
        None => Ok(()),
    }
}

fn public_v6(address: Ipv6Addr) -> Result<(), &'static str> {
    let [_, first, second, third, .., sixth, seventh] = address.segments();
    let embedded = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    if MAPPED.contains(&address) || NAT64.contains(&address) {
        return public_v4(embedded(sixth, seventh));
    }
    if SIX_TO_FOUR.contains(&address) {
        return public_v4(embedded(first, second));
    }
    if TEREDO.contains(&address) {
        // The tunnel's server, and its client with all bits turned (RFC 4380).
        return public_v4(embedded(second, third)).and(public_v4(embedded(!sixth, !seventh)));
    }
    let named = NOT_PUBLIC_V6.iter().chain(&NAMED_V6).find(|(network, _)| network.contains(&address));
    match named {
        Some((_, what)) => Err(what),
        None if !PUBLIC_V6.contains(&address) => Err("not given out"),
        None => Ok(()),
    }
}

const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_public_internet_may_be_connected_to() {
        for address in [
            "1.1.1.1",
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
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00:1450:4001::1",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2002:101:101::1",
        ] {
            assert_eq!(AllowedNetworks::default().check(address.parse().unwrap()), Ok(()), "{address}");
        }
    }

    #[test]
    fn no_other_address_may_be() {
        for (address, what) in [
            ("0.0.0.0", "this network"),
            ("0.255.255.255", "this network"),
            ("10.0.0.0", "private"),
            ("10.255.255.255", "private"),
            ("100.64.0.0", "shared by a carrier"),
            ("100.100.100.200", "shared by a carrier"),
            ("100.127.255.255", "shared by a carrier"),
            ("127.0.0.1", "loopback"),
            ("127.255.255.255", "loopback"),
            ("168.63.129.16", "a cloud's own"),
            ("169.254.0.0", "link-local"),
            ("169.254.169.254", "link-local"),
            ("172.16.0.0", "private"),
            ("172.31.255.255", "private"),
            ("192.0.0.192", "reserved for protocols"),
            ("192.0.2.1", "for documentation"),
            ("192.88.99.1", "a relay to IPv6"),
            ("192.168.0.0", "private"),
            ("192.168.255.255", "private"),
            ("198.18.0.0", "for benchmarks"),
            ("198.19.255.255", "for benchmarks"),
            ("198.51.100.7", "for documentation"),
            ("203.0.113.7", "for documentation"),
            ("224.0.0.1", "multicast"),
            ("239.255.255.255", "multicast"),
            ("240.0.0.0", "reserved"),
            ("255.255.255.255", "broadcast"),
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("::127.0.0.1", "not given out"),
            ("::ffff:127.0.0.1", "loopback"),
            ("::ffff:169.254.169.254", "link-local"),
            ("64:ff9b::a00:1", "private"),
            ("64:ff9b::a9fe:a9fe", "link-local"),
            ("64:ff9b:1::101:101", "a translation to private IPv4"),
            ("100::1", "not given out"),
            ("2001::1", "this network"),
            ("2001:0:a00:1::f5ff:fffe", "private"),
            ("2001:0:101:101::f5ff:fffe", "private"),
            ("2001:10::1", "reserved for protocols"),
            ("2001:db8::1", "for documentation"),
            ("2002:a00:1::1", "private"),
            ("2002:7f00:1::1", "loopback"),
            ("3fff::1", "for documentation"),
            ("4000::1", "not given out"),
            ("5f00::1", "not given out"),
            ("fc00::1", "private"),
            ("fd00:ec2::254", "private"),
            ("fe80::1", "link-local"),
            ("fec0::1", "site-local"),
            ("ff02::1", "multicast"),
        ] {
            assert_eq!(AllowedNetworks::default().check(address.parse().unwrap()), Err(what), "{address}");
        }
    }

    #[test]
    fn an_allowed_network_opens_itself_alone_under_every_spelling() {
        let networks = AllowedNetworks {
            allowed: vec!["10.1.0.0/16".parse().unwrap(), "fd12::/48".parse().unwrap()],
            nat64: vec![],
        };
        let check = |address: &str| networks.check(address.parse().unwrap()).is_ok();
        assert!(check("10.1.2.3") && check("::ffff:10.1.2.3") && check("fd12::7") && check("1.1.1.1"));
        assert!(!check("10.2.0.0") && !check("127.0.0.1") && !check("fd13::7"));
        // A detour to an allowed network is still a detour.
        assert!(!check("64:ff9b::a01:203") && !check("2002:a01:203::1"));
    }

    /// The examples of RFC 6052, section 2.4, with an address that is private and one that is public.
    #[test]
    fn a_gateways_prefix_that_is_listed_leads_where_its_ipv4_address_leads() {
        for (prefix, private, public) in [
            ("2a00:db8::/32", "2a00:db8:c0a8:221::", "2a00:db8:101:101::"),
            ("2a00:db8:100::/40", "2a00:db8:1c0:a802:21::", "2a00:db8:101:101:1::"),
            ("2a00:db8:122::/48", "2a00:db8:122:c0a8:2:2100::", "2a00:db8:122:101:1:100::"),
            ("2a00:db8:122:300::/56", "2a00:db8:122:3c0:a8:221::", "2a00:db8:122:301:1:101::"),
            ("2a00:db8:122:344::/64", "2a00:db8:122:344:c0:a802:2100::", "2a00:db8:122:344:1:101:100::"),
            ("2a00:db8:122:344::/96", "2a00:db8:122:344::192.168.2.33", "2a00:db8:122:344::1.1.1.1"),
        ] {
            let networks = AllowedNetworks { allowed: vec![], nat64: vec![prefix.parse().unwrap()] };
            let [private, public] = [private, public].map(|address| address.parse::<IpAddr>().unwrap());
            assert_eq!(networks.check(private), Err("private"), "{prefix}");
            assert_eq!(networks.check(public), Ok(()), "{prefix}");
            assert_eq!(AllowedNetworks::default().check(private), Ok(()), "nobody can know: {prefix}");
        }
    }
}
