//! Who answers whom: the user's handler the public, the admin routes whoever watches.

use super::routes::Routes;
use crate::door::Door;
use crate::handler::{Handler, Reply, Sent};
use crate::http::fault::Fault;
use crate::http::request::Request;

/// The user's handler, and the routes of the admin door if there is one.
pub(crate) struct Doors<H> {
    public: H,
    admin: Option<Box<Routes>>,
}

impl<H> Doors<H> {
    /// `public` answers the public.
    pub(crate) fn new(public: H, admin: Option<Routes>) -> Doors<H> {
        Doors { public, admin: admin.map(Box::new) }
    }

    #[cold]
    fn admin(&mut self) -> &mut Routes {
        self.admin.as_mut().expect("without an admin door nobody comes in by it")
    }
}

impl<H: Handler> Handler for Doors<H> {
    fn handle(&mut self, request: &Request<'_>, reply: Reply<'_>) -> Sent {
        match request.door {
            Door::Public => self.public.handle(request, reply),
            Door::Admin => self.admin().handle(request, reply),
        }
    }

    fn handle_fault(&mut self, fault: &Fault<'_>, reply: Reply<'_>) -> Sent {
        match fault.door {
            Door::Public => self.public.handle_fault(fault, reply),
            Door::Admin => self.admin().handle_fault(fault, reply),
        }
    }
}
