//! Where a name leads through links that are absolute, or that leave the root and come back, if
//! they end beneath the root.
//!
//! The kernel refuses all of these (`RESOLVE_BENEATH`), even if they end inside. So they are
//! followed here, one by one, to a name without links, which is then opened beneath the root like
//! any other: a link that is exchanged meanwhile cannot lead outside. Nothing outside the root is
//! opened. Where a link goes through other directories, only their links are read, to know where
//! it ends: they may be other ways to the root.

use std::path::{Component, Path};

/// How many links are followed for one name, as in the kernel.
const LINKS_MAX: usize = 40;

/// The longest name that is made, in bytes. The kernel opens none that is longer.
const NAME_BYTES_MAX: usize = 4096;

/// A place on the way that may be a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step<'s> {
    /// A name relative to the root.
    Inside(&'s [u8]),
    /// A path from `/` on.
    Outside(&'s [u8]),
}

/// The name without links that `name` leads to, or `None` if it leads outside or round in a circle.
/// Both are relative to the root, whose path without links is `root`. `read_link` gives a link's
/// target, and nothing for what is no link. There are no links before the last segment of a step.
pub(super) fn resolve(
    root: &Path,
    name: &[u8],
    read_link: impl Fn(Step<'_>) -> Option<Vec<u8>>,
) -> Option<Vec<u8>> {
    let root = segments(root);
    // What has been reached, from `/` on: no links. What is still to be walked, last one first.
    let mut reached = root.clone();
    let mut rest: Vec<Vec<u8>> = Vec::new();
    push_reversed(name, &mut rest);
    let mut links = 0;
    while let Some(segment) = rest.pop() {
        match &segment[..] {
            b"." => continue,
            b".." => {
                // Above `/` is `/`.
                reached.pop();
                continue;
            }
            _ => reached.push(segment),
        }
        let Some(target) = target_of(&root, &reached, &read_link)? else { continue };
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
    let mut inside = reached.strip_prefix(&root[..])?.join(&b'/');
    if name.ends_with(b"/") && !inside.is_empty() {
        inside.push(b'/');
    }
    Some(inside)
}

/// The target of the link that has been reached, or nothing if it is none; `None` if its name is too
/// long for one.
fn target_of(
    root: &[Vec<u8>],
    reached: &[Vec<u8>],
    read_link: impl Fn(Step<'_>) -> Option<Vec<u8>>,
) -> Option<Option<Vec<u8>>> {
    if root.starts_with(reached) {
        // The root, or on the way to it: no link.
        return Some(None);
    }
    let inside = reached.strip_prefix(root);
    let path = match inside {
        Some(inside) => inside.join(&b'/'),
        None => [b"/", &reached.join(&b'/')[..]].concat(),
    };
    if path.len() > NAME_BYTES_MAX {
        return None;
    }
    Some(read_link(if inside.is_some() { Step::Inside(&path) } else { Step::Outside(&path) }))
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

    /// Those of a root at `/srv/v1`, and of what is beside it.
    const LINKS: [(&str, &str); 27] = [
        ("/srv/v1/absolute", "/srv/v1/a"),
        ("/srv/v1/by-other", "/home/www/a"),
        ("/srv/v1/directory", "/srv/v1/sub"),
        ("/srv/v1/sub/deep/back", "../../../v1/a"),
        ("/srv/v1/out-and-in", "../v1/a"),
        ("/srv/v1/chain", "absolute"),
        ("/srv/v1/up-chain", "../v1/chain"),
        ("/srv/v1/slashes", "//srv/./v1//sub/"),
        ("/srv/v1/itself", "/srv/v1"),
        ("/srv/v1/outside", "/etc/passwd"),
        ("/srv/v1/beside", "/srv/v10/a"),
        ("/srv/v1/above", "/srv"),
        ("/srv/v1/through", "/tmp/../srv/v1/a"),
        ("/srv/v1/other-up", "/home/www/../v1/a"),
        ("/srv/v1/half-up", "/home/../home/www/a"),
        ("/srv/v1/far", "/mnt/far/away/a"),
        ("/srv/v1/far-out", "/mnt/far/a"),
        ("/srv/v1/far-loop", "/mnt/loop/a"),
        ("/srv/v1/too-far-up", "/../../srv/v1/a"),
        ("/srv/v1/loop", "/srv/v1/loop"),
        ("/srv/v1/chain-out", "../v1/outside"),
        // Outside.
        ("/home/www", "/srv/v1"),
        ("/mnt/far", "../data/./"),
        ("/data/away", "../home/www"),
        ("/mnt/loop", "loop"),
        ("/etc/passwd", "/srv/v1x/a"),
        ("/srv", "/elsewhere"),
    ];

    fn read_link(step: Step<'_>) -> Option<Vec<u8>> {
        let path = match step {
            Step::Inside(name) => [b"/srv/v1/", name].concat(),
            Step::Outside(path) => path.to_vec(),
        };
        let found = LINKS.iter().find(|(link, _)| link.as_bytes() == path)?;
        Some(found.1.as_bytes().to_vec())
    }

    fn resolved(name: &str) -> Option<String> {
        let name = resolve(Path::new("/srv/v1"), name.as_bytes(), read_link)?;
        Some(String::from_utf8(name).expect("a name of these"))
    }

    #[test]
    fn links_that_end_inside_are_followed_and_no_others() {
        for (name, expected) in [
            ("a", Some("a")),
            ("sub/b/", Some("sub/b/")),
            ("", Some("")),
            ("absolute", Some("a")),
            ("by-other", Some("a")),
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
            ("above/v1/a", Some("a")),
            // Through what is outside.
            ("through", Some("a")),
            ("other-up", Some("a")),
            ("half-up", Some("a")),
            ("far", Some("a")),
            ("too-far-up", Some("a")),
            // They lead outside.
            ("outside", None),
            ("beside", None),
            ("above", None),
            ("above/v2/a", None),
            ("far-out", None),
            ("far-loop", None),
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
        let tail = vec![b'x'; 255];
        for target in ["/r/link/", "/o/link/"] {
            let grows = |step: Step<'_>| {
                let (Step::Inside(path) | Step::Outside(path)) = step;
                let target = [target.as_bytes(), &tail[..]].concat();
                path.ends_with(b"link").then_some(target)
            };
            assert_eq!(resolve(Path::new("/r"), b"link", grows), None);
        }
        let long = b"y/".repeat(NAME_BYTES_MAX);
        assert_eq!(resolve(Path::new("/r"), &long, |_| None), None);
    }

    #[test]
    fn a_root_that_is_everything_has_nothing_outside() {
        let read_link =
            |step: Step<'_>| (step == Step::Inside(b"l")).then(|| b"/../etc/x".to_vec());
        assert_eq!(resolve(Path::new("/"), b"l", read_link), Some(b"etc/x".to_vec()));
    }
}
