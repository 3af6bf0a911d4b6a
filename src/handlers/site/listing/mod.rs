//! Pages of directories: sorted and filtered by links, readable without script.
//!
//! The cost of pages is bounded in each turn. A directory is read in slices, at most one slice a
//! turn for all clients and directories together; a page is made in a turn in which nothing is
//! read. A client whose page takes longer waits for it, like one that waits for a disk.
//!
//! [`view`] is what a query asks for, [`list`] what is known of one directory, [`reading`] how that
//! comes to be known, [`page`] the HTML, [`kept`] what is kept of all this, and [`listings`] gives
//! pages to the clients that ask for them.

mod kept;
mod list;
mod listings;
mod page;
mod reading;
mod view;

#[cfg(test)]
mod tests;

pub(super) use listings::{Answer, Listings, PageRequest};
pub(super) use view::View;
