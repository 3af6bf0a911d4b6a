//! By which listener a client has come in: the public's, or that of the watchers.
//!
//! Both kinds of clients live in the same slab and are driven by the same code. What differs is who
//! answers them, and that the public's can be held still while a person looks at them.

/// A client's listener. One byte in its slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Door {
    /// One of [`Config::listen`](crate::Config::listen).
    #[default]
    Public,
    /// That of [`Config::admin`](crate::Config::admin).
    Admin,
}

impl Door {
    /// Both, in the order of their numbers.
    pub(crate) const ALL: [Door; 2] = [Door::Public, Door::Admin];
}
