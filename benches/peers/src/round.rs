//! One round of one scenario: every server, in groups that are measured side by side, slice by
//! slice in turn.

use std::path::Path;

use crate::failure::Failure;
use crate::measure::{Measurement, Sample};
use crate::placement::Placement;
use crate::scenario::Scenario;
use crate::servers::{FLOOR, ONELOOP, Server};

/// Neighbours in time are what a ratio needs, so few take turns; and 4 × 4096 clients are what one
/// process may hold where the limit is 20,000 descriptors.
const GROUP_MAX: usize = 4;

/// How much of it, and where.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Which round: another server begins each time.
    pub number: usize,
    /// How many slices.
    pub slices: usize,
    /// Where.
    pub placement: Placement,
}

/// The groups that are measured side by side: the floor and oneloop, which every ratio is taken to,
/// are in each of them.
pub fn groups<'a>(servers: &[(&'a Server, &'a Path)]) -> Vec<Vec<(&'a Server, &'a Path)>> {
    let (everywhere, once): (Vec<_>, Vec<_>) =
        servers.iter().copied().partition(|(server, _)| [FLOOR, ONELOOP].contains(&server.name));
    if once.is_empty() {
        return vec![everywhere];
    }
    once.chunks(GROUP_MAX - everywhere.len())
        .map(|some| everywhere.iter().chain(some).copied().collect())
        .collect()
}

/// Starts a group's servers, has each measured for the extent's slices, and ends them. One result a
/// server, in their order. A server that fails drops out; the others go on.
pub fn round(
    servers: &[(&Server, &Path)],
    scenario: &Scenario,
    extent: Extent,
) -> Vec<Result<Sample, Failure>> {
    let mut measurements: Vec<Option<Result<Measurement, Failure>>> = Vec::new();
    measurements.resize_with(servers.len(), || None);
    for index in order(extent.number, servers.len()) {
        let (server, program) = servers[index];
        let measurement = Measurement::open(server, program, scenario, extent.placement);
        measurements[index] = Some(measurement);
    }
    let mut measurements: Vec<_> = measurements.into_iter().flatten().collect();
    for slice in 0..extent.slices {
        for index in order(extent.number * extent.slices + slice, measurements.len()) {
            let place = &mut measurements[index];
            if let Ok(measurement) = place
                && let Err(failure) = measurement.slice()
            {
                *place = Err(failure);
            }
        }
    }
    measurements.into_iter().map(|measurement| measurement?.finish()).collect()
}

/// The order of `count` servers in a row of turns.
///
/// A server inherits the caches as its predecessor left them, which is worth some per cent. In a
/// Williams design, over `count` rows (twice as many if it is odd), everyone stands in every place
/// and follows everyone else equally often.
fn order(row: usize, count: usize) -> impl Iterator<Item = usize> {
    let zigzag = (0..count).map(move |place| match place % 2 {
        0 => place / 2,
        _ => count - place.div_ceil(2),
    });
    // An odd count balances only together with its mirror image.
    let mirrored = count % 2 == 1 && row % 2 == 1;
    let turned = zigzag.map(move |index| (index + row) % count);
    turned.map(move |index| if mirrored { count - 1 - index } else { index })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_stands_everywhere_and_follows_everyone_equally_often() {
        for count in 1..8 {
            let rows = if count % 2 == 0 { count } else { 2 * count };
            let mut stood = vec![vec![0; count]; count];
            let mut followed = vec![vec![0; count]; count];
            for row in 0..rows {
                let order: Vec<usize> = order(row, count).collect();
                order.iter().enumerate().for_each(|(place, index)| stood[place][*index] += 1);
                order.windows(2).for_each(|pair| followed[pair[0]][pair[1]] += 1);
            }
            let each = rows / count;
            assert!(stood.iter().flatten().all(|times| *times == each), "{count}: {stood:?}");
            for (index, times) in followed.iter().enumerate() {
                for (other, times) in times.iter().enumerate() {
                    let expected = if index == other { 0 } else { each };
                    assert_eq!(*times, expected, "{count}: {other} after {index}");
                }
            }
        }
    }
}
