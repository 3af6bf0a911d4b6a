//! The network interfaces of this machine. The only file that names `if_addrs`.

use if_addrs::Interface;

/// All of them; none where the system does not say.
pub fn all() -> Vec<Interface> {
    if_addrs::get_if_addrs().unwrap_or_default()
}

/// The number of the interface with this name, which stands behind addresses such as `fe80::1%eth0`.
/// A number is taken as it is.
pub fn number(zone: &str) -> Option<u32> {
    if let Ok(number) = zone.parse() {
        return Some(number);
    }
    all().into_iter().find(|interface| interface.name == zone)?.index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_has_a_number() {
        assert_eq!(number("7"), Some(7));
        assert_eq!(number("no such interface"), None);
        let interfaces = all();
        assert!(!interfaces.is_empty(), "the system tells its interfaces");
        for interface in interfaces {
            assert_eq!(number(&interface.name), interface.index, "{}", interface.name);
        }
    }
}
