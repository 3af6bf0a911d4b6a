//! The floor by io_uring: the kernel is not asked to say when a call would work, but to do it and
//! say when it is done.
//!
//! One thread, one ring, made as cheap as the kernel allows it: connections are accepted and
//! received from by one request each that stays (multishot), into buffers that the kernel chooses
//! from a ring of them, descriptors are the ring's own (direct), and completions are only worked on
//! when they are waited for (`DEFER_TASKRUN`). As the floor does, it is told how long a request is
//! and looks at no byte. It closes no connection of its own accord.
#![allow(unsafe_code, reason = "the kernel writes into memory that an operation has named")]

use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};
use std::io::{self, ErrorKind};
use std::net::SocketAddrV4;
use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU16, Ordering};

use clap::Parser;
use io_uring::types::{BufRingEntry, Fd, Fixed};
use io_uring::{IoUring, cqueue, opcode, squeue};
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, bind, getsockname, listen, socket_with, sockopt,
};

use peers::peer::{self, Options as PeerOptions};
use peers::{placement, text};

/// The kernel cuts this down to `net.core.somaxconn`, whose default it is.
const BACKLOG: i32 = 4096;
/// More operations than this are submitted by two calls.
const SUBMISSIONS: u32 = 4096;
/// Two for each client of the largest scenario under load, a receive and a send.
const COMPLETIONS: u32 = 16 * 1024;
/// Direct descriptors, each of which costs eight bytes.
const CLIENTS_MAX: usize = 20_000;
/// One for each client of the largest scenario under load. A power of two, as the kernel wants it.
const BUFFERS: u16 = 4096;
/// What a client sends at a time; more comes in several.
const BUFFER_BYTES: usize = 2048;
/// Answers lie ready side by side up to this size, as the floor's do.
const ANSWERS_BYTES: usize = 64 * 1024;
/// The only group of buffers.
const GROUP: u16 = 0;

/// Answers every request with the same bytes and parses nothing.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    peer: PeerOptions,
    /// Every N bytes are a request.
    #[arg(long, value_name = "N")]
    request_bytes: NonZeroUsize,
}

/// What an operation was, in the upper half of its completion's number; the lower is the client.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Accept,
    Receive,
    Send,
    Close,
}

/// One connection, by its direct descriptor.
#[derive(Clone, Copy, Default)]
struct Client {
    /// Bytes of a request that has not come whole.
    progress: usize,
    /// Bytes of answers that are not sent yet.
    owed: usize,
    /// A send is under way.
    sending: bool,
    /// Its peer has gone.
    ended: bool,
}

fn main() -> io::Result<()> {
    placement::raise_descriptor_limit();
    Uring::bind(&Options::parse())?.run()
}

/// The whole server. The ring is dropped first: what it refers to is there until then.
struct Uring {
    ring: IoUring,
    buffers: Buffers,
    clients: Vec<Client>,
    listener: OwnedFd,
    /// The same answer many times over, so that a pipelined batch leaves with one send.
    answers: &'static [u8],
    answer_bytes: usize,
    request_bytes: usize,
}

impl Uring {
    fn bind(options: &Options) -> io::Result<Uring> {
        let listener =
            socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        sockopt::set_socket_reuseaddr(&listener, true)?;
        // Accepted sockets inherit it.
        sockopt::set_tcp_nodelay(&listener, true)?;
        bind(&listener, &options.peer.listen)?;
        listen(&listener, BACKLOG)?;
        peer::announce(SocketAddrV4::try_from(getsockname(&listener)?)?.into());

        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_cqsize(COMPLETIONS)
            .build(SUBMISSIONS)?;
        ring.submitter().register_files_sparse(CLIENTS_MAX as u32)?;
        let buffers = Buffers::register(&ring)?;
        let body = options.peer.body();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 15:00:00 GMT\r\nContent-Type: {}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            text::CONTENT_TYPE,
            body.len(),
        );
        Ok(Uring {
            ring,
            buffers,
            clients: vec![Client::default(); CLIENTS_MAX],
            listener,
            answers: answer.repeat((ANSWERS_BYTES / answer.len()).max(1)).leak().as_bytes(),
            answer_bytes: answer.len(),
            request_bytes: options.request_bytes.get(),
        })
    }

    fn run(&mut self) -> io::Result<()> {
        self.accept()?;
        let mut completions = Vec::with_capacity(COMPLETIONS as usize);
        loop {
            match self.ring.submit_and_wait(1) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            completions.extend(self.ring.completion());
            for completion in completions.drain(..) {
                self.on_completion(&completion)?;
            }
            self.buffers.publish();
        }
    }

    fn on_completion(&mut self, completion: &cqueue::Entry) -> io::Result<()> {
        let (result, flags) = (completion.result(), completion.flags());
        let number = completion.user_data() as u32;
        let stays = cqueue::more(flags);
        match completion.user_data() >> 32 {
            it if it == Operation::Accept as u64 => {
                if let Ok(number) = u32::try_from(result) {
                    self.clients[number as usize] = Client::default();
                    self.receive(number)?;
                }
                if stays { Ok(()) } else { self.accept() }
            }
            it if it == Operation::Receive as u64 => {
                self.on_received(number, result, flags)?;
                let ended = self.clients[number as usize].ended;
                if stays || ended { Ok(()) } else { self.receive(number) }
            }
            it if it == Operation::Send as u64 => self.on_sent(number, result),
            _ => Ok(()),
        }
    }

    fn on_received(&mut self, number: u32, result: i32, flags: u32) -> io::Result<()> {
        if let Some(buffer) = cqueue::buffer_select(flags) {
            self.buffers.give_back(buffer);
        }
        let client = &mut self.clients[number as usize];
        match result {
            bytes @ 1.. => {
                let bytes = client.progress + bytes as usize;
                client.progress = bytes % self.request_bytes;
                client.owed += bytes / self.request_bytes * self.answer_bytes;
            }
            // All buffers are in use: it asks again.
            result if result == -libc::ENOBUFS => {}
            _ => client.ended = true,
        }
        match (client.ended, client.sending) {
            (false, false) if client.owed > 0 => self.send(number),
            (true, false) => self.close(number),
            _ => Ok(()),
        }
    }

    fn on_sent(&mut self, number: u32, result: i32) -> io::Result<()> {
        let client = &mut self.clients[number as usize];
        client.sending = false;
        match usize::try_from(result) {
            Ok(bytes) => client.owed -= bytes,
            // The receive that is under way learns it, too.
            Err(_) => client.owed = 0,
        }
        match client {
            Client { ended: true, .. } => self.close(number),
            Client { owed: 1.., .. } => self.send(number),
            Client { .. } => Ok(()),
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        let accept = opcode::AcceptMulti::new(Fd(self.listener.as_raw_fd()));
        self.submit(accept.allocate_file_index(true).build(), Operation::Accept, 0)
    }

    fn receive(&mut self, number: u32) -> io::Result<()> {
        let receive = opcode::RecvMulti::new(Fixed(number), GROUP).build();
        self.submit(receive, Operation::Receive, number)
    }

    /// Sends the end of an answer of which a part is sent, and whole ones behind it.
    fn send(&mut self, number: u32) -> io::Result<()> {
        let client = &mut self.clients[number as usize];
        client.sending = true;
        let one = self.answer_bytes;
        let sent_of_one = (one - client.owed % one) % one;
        let end = (sent_of_one + client.owed).min(self.answers.len());
        let bytes = &self.answers[sent_of_one..end];
        let send = opcode::Send::new(Fixed(number), bytes.as_ptr(), bytes.len() as u32);
        self.submit(send.flags(libc::MSG_NOSIGNAL).build(), Operation::Send, number)
    }

    fn close(&mut self, number: u32) -> io::Result<()> {
        self.submit(opcode::Close::new(Fixed(number)).build(), Operation::Close, number)
    }

    fn submit(&mut self, entry: squeue::Entry, what: Operation, client: u32) -> io::Result<()> {
        let entry = entry.user_data((what as u64) << 32 | u64::from(client));
        loop {
            // SAFETY: what an entry points to, buffers and the answer, outlives the ring.
            if unsafe { self.ring.submission().push(&entry) }.is_ok() {
                return Ok(());
            }
            self.ring.submit()?;
        }
    }
}

/// The buffers that the kernel receives into, and the ring by which it is given them.
struct Buffers {
    ring: *mut BufRingEntry,
    tail: u16,
    memory: Vec<u8>,
}

impl Buffers {
    fn register(ring: &IoUring) -> io::Result<Buffers> {
        let layout = Layout::array::<BufRingEntry>(usize::from(BUFFERS))
            .and_then(|layout| layout.align_to(4096))
            .expect("64 KiB are a layout");
        // SAFETY: the layout's size is not zero.
        let entries = unsafe { alloc_zeroed(layout) };
        if entries.is_null() {
            handle_alloc_error(layout);
        }
        // SAFETY: the entries are never freed.
        unsafe {
            ring.submitter().register_buf_ring_with_flags(entries as u64, BUFFERS, GROUP, 0)?;
        }
        let memory = vec![0; usize::from(BUFFERS) * BUFFER_BYTES];
        let mut buffers = Buffers { ring: entries.cast(), tail: 0, memory };
        (0..BUFFERS).for_each(|buffer| buffers.give_back(buffer));
        buffers.publish();
        Ok(buffers)
    }

    /// The kernel may use this one again, once that is published.
    fn give_back(&mut self, buffer: u16) {
        let place = usize::from(self.tail % BUFFERS);
        let start = usize::from(buffer) * BUFFER_BYTES;
        let memory = &mut self.memory[start..start + BUFFER_BYTES];
        // SAFETY: the place lies among the entries, and the kernel does not read it before the tail
        // has passed it.
        let entry = unsafe { &mut *self.ring.add(place) };
        entry.set_addr(memory.as_mut_ptr() as u64);
        entry.set_len(BUFFER_BYTES as u32);
        entry.set_bid(buffer);
        self.tail = self.tail.wrapping_add(1);
    }

    fn publish(&self) {
        // SAFETY: this is the first of the entries, they are aligned, and only we write the tail.
        let tail = unsafe { &*BufRingEntry::tail(self.ring).cast::<AtomicU16>() };
        tail.store(self.tail, Ordering::Release);
    }
}
