//! How a client wants to see a directory: what its query says.

use crate::http::query;

/// The longest filter, in bytes: as long as a name. Of a longer one the rest is ignored.
const FILTER_BYTES_MAX: usize = 255;

/// What of a directory is shown, and in which order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct View {
    pub(super) order: Order,
    /// As the client wrote it, decoded. Empty: everything is shown.
    pub(super) filter: String,
}

/// How a page is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) column: Column,
    pub(super) direction: Direction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Name,
    Size,
    Date,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Ascending,
    Descending,
}

impl View {
    /// What the query asks for: `sort=name`, `size` or `date`, `order=asc` or `desc`, and `q=` with
    /// a part of the names. Everything by name, if it asks for nothing that there is.
    pub(in super::super) fn of(query: Option<&str>) -> View {
        let mut view = View { order: Order::BY_NAME, filter: String::new() };
        for (name, value) in query::pairs(query.unwrap_or_default()) {
            match (&*name, &*value) {
                ("sort", "name") => view.order.column = Column::Name,
                ("sort", "size") => view.order.column = Column::Size,
                ("sort", "date") => view.order.column = Column::Date,
                ("order", "asc") => view.order.direction = Direction::Ascending,
                ("order", "desc") => view.order.direction = Direction::Descending,
                ("q", filter) => {
                    let end = (0..=FILTER_BYTES_MAX).rfind(|at| filter.is_char_boundary(*at));
                    view.filter = filter[..end.unwrap_or(0)].to_owned();
                }
                _ => {}
            }
        }
        view
    }

    /// The filter as names are compared with it: see [`fold`].
    pub(super) fn folded_filter(&self) -> String {
        fold(self.filter.as_bytes())
    }
}

impl Order {
    pub(super) const BY_NAME: Order =
        Order { column: Column::Name, direction: Direction::Ascending };

    pub(super) const ALL: [Order; 6] = {
        let [name, size, date] = [Column::Name, Column::Size, Column::Date];
        let (up, down) = (Direction::Ascending, Direction::Descending);
        [
            Order { column: name, direction: up },
            Order { column: name, direction: down },
            Order { column: size, direction: up },
            Order { column: size, direction: down },
            Order { column: date, direction: up },
            Order { column: date, direction: down },
        ]
    };

    /// Its part of a query.
    pub(super) fn query(self) -> &'static str {
        match (self.column, self.direction) {
            (Column::Name, Direction::Ascending) => "sort=name&amp;order=asc",
            (Column::Name, Direction::Descending) => "sort=name&amp;order=desc",
            (Column::Size, Direction::Ascending) => "sort=size&amp;order=asc",
            (Column::Size, Direction::Descending) => "sort=size&amp;order=desc",
            (Column::Date, Direction::Ascending) => "sort=date&amp;order=asc",
            (Column::Date, Direction::Descending) => "sort=date&amp;order=desc",
        }
    }
}

/// `text` with the case of its letters left out of account. What is no UTF-8 in it becomes the
/// replacement character.
pub(super) fn fold(text: &[u8]) -> String {
    match str::from_utf8(text) {
        Ok(text) if text.is_ascii() => text.to_ascii_lowercase(),
        Ok(text) => text.to_lowercase(),
        Err(_) => String::from_utf8_lossy(text).to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_says_how_to_sort_and_nonsense_says_nothing() {
        let order = |column, direction| Order { column, direction };
        for (query, expected) in [
            (None, order(Column::Name, Direction::Ascending)),
            (Some(""), order(Column::Name, Direction::Ascending)),
            (Some("sort=size"), order(Column::Size, Direction::Ascending)),
            (Some("order=desc&sort=date"), order(Column::Date, Direction::Descending)),
            (Some("sort=date&x=1&order=asc"), order(Column::Date, Direction::Ascending)),
            (Some("sort=%3Cscript%3E&order"), order(Column::Name, Direction::Ascending)),
        ] {
            assert_eq!(
                View::of(query),
                View { order: expected, filter: String::new() },
                "{query:?}"
            );
        }
    }

    #[test]
    fn an_order_is_what_its_own_query_says() {
        for order in Order::ALL {
            let query = order.query().replace("&amp;", "&");
            assert_eq!(View::of(Some(&query)).order, order);
        }
    }

    #[test]
    fn a_filter_is_decoded_as_a_form_encodes_it_and_is_bounded() {
        let long = format!("q={}", "x".repeat(FILTER_BYTES_MAX + 1));
        let longest = "x".repeat(FILTER_BYTES_MAX);
        for (query, filter) in [
            ("q=", ""),
            ("q=a+b%20c%2Bd", "a b c+d"),
            ("sort=size&q=%C3%84pfel&order=desc", "\u{c4}pfel"),
            ("q=100%", "100%"),
            ("q=%zz%4", "%zz%4"),
            ("q=a=b", "a=b"),
            ("q=%ff", "\u{fffd}"),
            ("xq=a", ""),
            (&long, &longest),
        ] {
            assert_eq!(View::of(Some(query)).filter, filter, "{query}");
        }
    }

    #[test]
    fn the_case_of_letters_does_not_count() {
        for (text, folded) in
            [("README", "readme"), ("\u{c4}PFEL 2", "\u{e4}pfel 2"), ("stra\u{df}e", "stra\u{df}e")]
        {
            assert_eq!(fold(text.as_bytes()), folded);
        }
        assert_eq!(fold(b"A\xff"), "a\u{fffd}");
    }
}
