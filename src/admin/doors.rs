//! Which handler answers a client: the user's the public, the admin routes the watchers.

use super::routes::Routes;
use crate::answer::handler::{ContentPlan, Handler, Needs, Reply, Sent};
use crate::door::Door;
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

    fn routes(&mut self) -> &mut Routes {
        self.admin.as_mut().expect("without an admin door no client comes in by it")
    }

    /// Apart from the public's way, which would have to carry its weight.
    #[cold]
    #[inline(never)]
    fn handle_admin(&mut self, request: &Request<'_>, reply: Reply<'_>) -> Sent {
        self.routes().handle(request, reply)
    }

    #[cold]
    #[inline(never)]
    fn handle_admin_fault(&mut self, fault: &Fault<'_>, reply: Reply<'_>) -> Sent {
        self.routes().handle_fault(fault, reply)
    }
}

impl<H: Handler> Handler for Doors<H> {
    fn handle(&mut self, request: &Request<'_>, reply: Reply<'_>) -> Sent {
        match request.door {
            Door::Public => self.public.handle(request, reply),
            Door::Admin => self.handle_admin(request, reply),
        }
    }

    fn handle_fault(&mut self, fault: &Fault<'_>, reply: Reply<'_>) -> Sent {
        match fault.door {
            Door::Public => self.public.handle_fault(fault, reply),
            Door::Admin => self.handle_admin_fault(fault, reply),
        }
    }

    fn content_plan(&mut self, request: &Request<'_>) -> ContentPlan {
        match request.door {
            Door::Public => self.public.content_plan(request),
            Door::Admin => self.routes().content_plan(request),
        }
    }

    /// Those of the public's handler: the admin listener's are the server's own.
    fn needs(&mut self, descriptors: usize) -> Needs {
        self.public.needs(descriptors)
    }

    fn release_descriptors(&mut self) -> bool {
        self.public.release_descriptors()
    }
}
