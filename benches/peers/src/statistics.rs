//! Many numbers made into a few.

use serde::Serialize;

/// The middle of some numbers, and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The middle one; of an even count, the mean of the middle two.
    pub median: f64,
    /// A quarter of them lie below.
    pub lower: f64,
    /// A quarter of them lie above.
    pub upper: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// None of no numbers.
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut sorted: Vec<f64> = numbers.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        Some(Spread {
            median: quantile(&sorted, 0.5),
            lower: quantile(&sorted, 0.25),
            upper: quantile(&sorted, 0.75),
            min,
            max,
        })
    }
}

/// Between two numbers it lies as far as its place does.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_found_whatever_the_order() {
        let spread = |numbers: &[f64]| Spread::of(numbers.iter().copied());
        assert_eq!(spread(&[]), None);
        let three = Spread { median: 2.0, lower: 1.5, upper: 2.5, min: 1.0, max: 3.0 };
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Some(three));
        let two = Spread { median: 2.5, lower: 1.75, upper: 3.25, min: 1.0, max: 4.0 };
        assert_eq!(spread(&[4.0, 1.0]), Some(two));
    }
}
