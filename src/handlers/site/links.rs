//! Where a name leads if links with absolute targets, or such that leave the root and come back,
//! are followed as far as they stay beneath the root.
//!
//! The kernel refuses all of these (`RESOLVE_BENEATH`), even if they end inside. So they are
//! followed here, one by one, to a name without links, which is then opened beneath the root like
//! any other: a link that is exchanged meanwhile cannot lead outside. Nothing outside the root is
//! looked at. A link that goes through other directories than those above the root is not
//! followed: to know where it ends, we would have to read there.

use std::path::{Component, Path};

/// How many links are followed for one name, as in the kernel.
const LINKS_MAX: usize = 40;

/// The longest name that is made, in bytes. The kernel opens none that is longer.
const NAME_BYTES_MAX: usize = 4096;

/// By which paths the root can be reached.
#[derive(Clone, Debug)]
pub(super) struct RootPaths {
    /// As the user wrote it, from `/` on.
    given: Vec<Vec<u8>>,
    /// The same, without links.
    real: Vec<Vec<u8>>,
}

impl RootPaths {
    /// Both of them absolute. If `given` has a `..` in it, only `real` counts: what lies above a
    /// link is not what stands before it.
    pub(super) fn new(given: &Path, real: &Path) -> RootPaths {
        let is_up = |component| component == Component::ParentDir;
        let given = if given.components().any(is_up) { real } else { given };
        RootPaths { given: segments(given), real: segments(real) }
    }

    /// The name without links that `name` leads to, or `None` if it leads outside or round in a
    /// circle. Both are relative to the root. A link is read by `read_link`, which is given a
    /// name relative to the root and without links before its last segment.
    pub(super) fn resolve(
        &self,
        name: &[u8],
        read_link: impl Fn(&[u8]) -> Option<Vec<u8>>,
    ) -> Option<Vec<u8>> {
        // What has been reached, from `/` on: no links. What is still to be walked, last one first.
        let mut reached = self.real.clone();
        let mut rest: Vec<Vec<u8>> = Vec::new();
        push_reversed(name, &mut rest);
        let mut links = 0;
        while let Some(segment) = rest.pop() {
            match &segment[..] {
                b"." => continue,
                b".." => {
                    // What the user wrote may have links in it, above which lies something else.
                    let is_real =
                        reached.starts_with(&self.real) || self.real.starts_with(&reached);
                    is_real.then(|| reached.pop())?;
                    continue;
                }
                _ => reached.push(segment),
            }
            if reached == self.given {
                reached.clone_from(&self.real);
            }
            let Some(inside) = reached.strip_prefix(&self.real[..]) else {
                let is_above = self.real.starts_with(&reached) || self.given.starts_with(&reached);
                is_above.then_some(())?;
                continue;
            };
            let inside = inside.join(&b'/');
            if inside.len() > NAME_BYTES_MAX {
                return None;
            }
            let Some(target) = (!inside.is_empty()).then(|| read_link(&inside)).flatten() else {
                continue;
            };
            links += 1;
            if links > LINKS_MAX {
                return None;
            }
            match target.first() {
                Some(b'/') => reached.clear(),
                _ => _ = reached.pop(),
            }
            push_reversed(&target, &mut rest);
        }
        let mut inside = reached.strip_prefix(&self.real[..])?.join(&b'/');
        if name.ends_with(b"/") && !inside.is_empty() {
            inside.push(b'/');
        }
        Some(inside)
    }
}

fn segments(path: &Path) -> Vec<Vec<u8>> {
    let normal = path.components().filter_map(|component| match component {
        Component::Normal(segment) => Some(segment.as_encoded_bytes().to_vec()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => {
            None
        }
    });
    normal.collect()
}

fn push_reversed(path: &[u8], rest: &mut Vec<Vec<u8>>) {
    let segments = path.split(|byte| *byte == b'/').filter(|segment| !segment.is_empty());
    rest.extend(segments.rev().map(<[u8]>::to_vec));
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINKS: [(&str, &str); 17] = [
        ("absolute", "/srv/v1/a"),
        ("by-given", "/home/www/a"),
        ("directory", "/srv/v1/sub"),
        ("sub/deep/back", "../../../v1/a"),
        ("out-and-in", "../v1/a"),
        ("chain", "absolute"),
        ("up-chain", "../v1/chain"),
        ("slashes", "//srv/./v1//sub/"),
        ("itself", "/srv/v1"),
        ("outside", "/etc/passwd"),
        ("beside", "/srv/v10/a"),
        ("above", "/srv"),
        ("through", "/tmp/../srv/v1/a"),
        ("given-up", "/home/www/../v1/a"),
        ("given-half-up", "/home/../home/www/a"),
        ("loop", "/srv/v1/loop"),
        ("chain-out", "../v1/outside"),
    ];

    fn resolved(name: &str) -> Option<String> {
        let paths = RootPaths::new(Path::new("/home/www"), Path::new("/srv/v1"));
        let read_link = |name: &[u8]| {
            let found = LINKS.iter().find(|(link, _)| link.as_bytes() == name)?;
            Some(found.1.as_bytes().to_vec())
        };
        let name = paths.resolve(name.as_bytes(), read_link)?;
        Some(String::from_utf8(name).expect("a name of these"))
    }

    #[test]
    fn links_that_end_inside_are_followed_and_no_others() {
        for (name, expected) in [
            ("a", Some("a")),
            ("sub/b/", Some("sub/b/")),
            ("", Some("")),
            ("absolute", Some("a")),
            ("by-given", Some("a")),
            ("directory/b", Some("sub/b")),
            ("directory/", Some("sub/")),
            ("directory/deep/back", Some("a")),
            ("out-and-in", Some("a")),
            ("chain", Some("a")),
            ("up-chain", Some("a")),
            ("slashes/b", Some("sub/b")),
            ("itself", Some("")),
            ("itself/itself/a", Some("a")),
            ("absolute/x", Some("a/x")),
            // They lead outside, or through what is outside.
            ("outside", None),
            ("beside", None),
            ("above", None),
            ("above/v1/a", Some("a")),
            ("above/v2/a", None),
            ("through", None),
            // Above the real root, not above what the user wrote.
            ("given-up", Some("a")),
            ("given-half-up", None),
            ("chain-out", None),
            ("../secret", None),
            ("..", None),
            ("loop", None),
        ] {
            assert_eq!(resolved(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn a_name_that_grows_with_each_link_ends() {
        let paths = RootPaths::new(Path::new("/r"), Path::new("/r"));
        let tail = vec![b'x'; 255];
        let grows = |name: &[u8]| {
            let target = [b"/r/link/", &tail[..]].concat();
            name.ends_with(b"link").then_some(target)
        };
        assert_eq!(paths.resolve(b"link", grows), None);
        let long = b"y/".repeat(NAME_BYTES_MAX);
        assert_eq!(paths.resolve(&long, |_| None), None);
    }

    #[test]
    fn a_root_that_is_everything_has_nothing_outside() {
        let paths = RootPaths::new(Path::new("/"), Path::new("/"));
        let read_link = |name: &[u8]| (name == b"l").then(|| b"/../etc/x".to_vec());
        assert_eq!(paths.resolve(b"l", read_link), Some(b"etc/x".to_vec()));
    }

    #[test]
    fn of_a_root_that_was_written_with_a_way_up_only_the_real_path_counts() {
        let paths = RootPaths::new(Path::new("/srv/current/../v1"), Path::new("/data/v1"));
        let target = |text: &'static [u8]| move |name: &[u8]| (name == b"l").then(|| text.to_vec());
        assert_eq!(paths.resolve(b"l", target(b"/data/v1/a")), Some(b"a".to_vec()));
        assert_eq!(paths.resolve(b"l", target(b"/srv/current/v1/a")), None);
    }
}
