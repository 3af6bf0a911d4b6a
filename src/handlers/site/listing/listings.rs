//! Gives pages of directories to the clients that ask for them: at once, or when their turn comes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::super::directory::Directory;
use super::super::failure::Failure;
use super::super::path::DotFiles;
use super::super::root::Root;
use super::kept::{self, Kept, Key};
use super::list::{LIST_BYTES_MAX, Remaining};
use super::page;
use super::reading::{Reading, SLICE_COST};
use super::view::View;
use crate::answer::source::{Next, Piece, Source};
use crate::time::Time;

/// How long a client waits before it is looked again whether its page is there.
const PAUSE: Duration = Duration::from_millis(1);

/// The memory that those take that wait, in bytes: ten thousand with usual names. Others are told
/// to come again.
const WAITING_BYTES_MAX: usize = 2 * 1024 * 1024;

/// How long it takes to answer with a page that is kept, or to say that there is one.
pub(super) const LOOKUP: Duration = Duration::from_micros(2);

/// How long it takes to open a directory, and to close it again.
const OPENING: Duration = Duration::from_micros(6);

/// A reading that has been left alone for this long is dropped: what it has found is too old.
const ABANDONED_AFTER: Duration = Duration::from_secs(1);

/// The pages of a root's directories.
#[derive(Debug, Default)]
pub(in super::super) struct Listings {
    shared: Arc<Mutex<Shared>>,
}

/// What the handler shares with the sources of clients that wait for a page.
#[derive(Debug, Default)]
struct Shared {
    kept: Kept,
    /// At most one directory is being read.
    reading: Option<Reading>,
    last_work: Option<Work>,
    waiting: usize,
    waiting_bytes: usize,
    /// How long opening and reading directories has taken since that was last asked.
    effort: Duration,
}

/// When something was last read or made, and how long that has taken.
#[derive(Clone, Copy, Debug)]
struct Work {
    at: Time,
    effort: Duration,
}

impl Work {
    /// Whether something may be read or made again. That is done at most once in a turn, and for at
    /// most half of the time: a turn that reads or makes something serves few others, and one in
    /// which it is not done serves them all.
    fn leaves_time(self, now: Time) -> bool {
        now != self.at && now.since(self.at) >= 2 * self.effort
    }
}

/// Which page a client asks for.
#[derive(Clone, Debug)]
pub(in super::super) struct PageRequest<'r> {
    pub(in super::super) root: &'r Root,
    /// Empty, or ends in a slash.
    pub(in super::super) name: &'r [u8],
    pub(in super::super) view: View,
    pub(in super::super) dot_files: DotFiles,
    /// When its turn began.
    pub(in super::super) now: Time,
}

impl<'r> PageRequest<'r> {
    fn key(&self) -> Key<'r> {
        Key { root: self.root, name: self.name, since: self.now }
    }
}

/// What a client gets.
#[derive(Debug)]
pub(in super::super) enum Answer {
    Page(Arc<[u8]>),
    /// The page comes as the body that this source gives.
    Later(AwaitedPage),
    /// There is such a page, and the client has not asked for what is in it.
    Unmade,
}

impl Listings {
    /// The most memory that listings take, in bytes.
    pub(in super::super) const BYTES_MAX: usize =
        kept::BYTES_MAX + LIST_BYTES_MAX + page::BYTES_MAX + WAITING_BYTES_MAX;

    /// The page, if it is known or can be made in this turn, or else a source that waits for it.
    pub(in super::super) fn answer(&self, request: PageRequest<'_>) -> Result<Answer, Failure> {
        let mut shared = self.shared();
        if let Some(page) = shared.page_for_new(&request)? {
            return Ok(Answer::Page(page));
        }
        let awaited = Awaited::new(request);
        if shared.waiting_bytes + awaited.bytes() > WAITING_BYTES_MAX {
            return Err(Failure::Exhausted);
        }
        shared.waiting += 1;
        shared.waiting_bytes += awaited.bytes();
        drop(shared);
        let shared = Arc::clone(&self.shared);
        Ok(Answer::Later(AwaitedPage { shared, state: State::Waits(Box::new(awaited)) }))
    }

    /// Whether there is such a page, and the page itself if that costs little: for HEAD.
    pub(in super::super) fn look(&self, request: &PageRequest<'_>) -> Result<Answer, Failure> {
        let page = self.shared().page_for_new(request)?;
        Ok(page.map_or(Answer::Unmade, Answer::Page))
    }

    /// How long what was done for clients that asked has taken since the last call. What is done
    /// for those that wait, their sources say.
    pub(in super::super) fn take_effort(&self) -> Duration {
        self.shared().take_effort()
    }

    /// Closes the directory that is being read, and says whether there is one.
    pub(in super::super) fn give_way(&self) -> bool {
        self.shared().reading.take().is_some()
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        lock(&self.shared)
    }
}

/// A panic in here would leave at worst a page or a directory unkept, which is made again.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn take_effort(&mut self) -> Duration {
        std::mem::take(&mut self.effort) + self.kept.take_effort()
    }

    fn open(&mut self, request: &PageRequest<'_>) -> Result<Directory, Failure> {
        self.effort += OPENING;
        Directory::open(request.root, request.name)
    }

    /// The page for a client that has just come. It does not pass those that wait, unless its page
    /// is kept.
    fn page_for_new(&mut self, request: &PageRequest<'_>) -> Result<Option<Arc<[u8]>>, Failure> {
        let now = request.now;
        self.effort += LOOKUP;
        let opened = match self.kept.find(request.key(), now) {
            true => None,
            // A client that has to wait is sent a status before.
            false => Some(self.open(request)?),
        };
        match self.waiting {
            0 => self.page(request, opened, now),
            _ if opened.is_none() => Ok(self.kept.page(&request.view)),
            _ => Ok(None),
        }
    }

    /// The page if it is kept, or if it could be made within what one turn may take. If not, one
    /// step is done towards it, or towards the directory that is being read.
    fn page(
        &mut self,
        request: &PageRequest<'_>,
        opened: Option<Directory>,
        now: Time,
    ) -> Result<Option<Arc<[u8]>>, Failure> {
        let is_known = self.kept.find(request.key(), now);
        if is_known && let Some(page) = self.kept.page(&request.view) {
            return Ok(Some(page));
        }
        let has_time = self.last_work.is_none_or(|work| work.leaves_time(now));
        if !has_time || is_known && !self.kept.has_room() {
            return Ok(None);
        }
        let before = self.take_effort();
        let can_be_made = if is_known { Ok(true) } else { self.read_slice(request, opened, now) };
        let page = can_be_made.map(|it_can| it_can.then(|| self.kept.make_page(&request.view)));
        let effort = self.take_effort();
        self.last_work = Some(Work { at: now, effort });
        self.effort = before + effort;
        page
    }

    /// Reads a slice, and says whether that was all of this client's directory, so that its page
    /// can be made in the same turn.
    fn read_slice(
        &mut self,
        request: &PageRequest<'_>,
        opened: Option<Directory>,
        now: Time,
    ) -> Result<bool, Failure> {
        let going_on = self.reading.take().filter(|it| now.since(it.at) < ABANDONED_AFTER);
        let mut reading = match (going_on, opened) {
            (Some(reading), _) => reading,
            (None, Some(opened)) => Reading::new(opened, request.dot_files, now),
            (None, None) => Reading::new(self.open(request)?, request.dot_files, now),
        };
        let remaining = reading.read_slice(now);
        self.effort += reading.take_effort();
        if remaining == Remaining::More {
            self.reading = Some(reading);
            return Ok(false);
        }
        let is_small = reading.looked_at <= SLICE_COST;
        self.kept.keep(reading, remaining);
        Ok(is_small && self.kept.find(request.key(), now) && self.kept.has_room())
    }
}

/// A page as a client waits for it.
#[derive(Debug)]
struct Awaited {
    root: Root,
    name: Box<[u8]>,
    view: View,
    dot_files: DotFiles,
    now: Time,
}

impl Awaited {
    fn new(request: PageRequest<'_>) -> Awaited {
        let PageRequest { root, name, view, dot_files, now } = request;
        Awaited { root: root.clone(), name: name.into(), view, dot_files, now }
    }

    fn bytes(&self) -> usize {
        let path = self.root.path().as_os_str().len();
        size_of::<Awaited>() + path + self.name.len() + self.view.filter.len()
    }
}

/// A page that is sent when it is there.
#[derive(Debug)]
pub(in super::super) struct AwaitedPage {
    shared: Arc<Mutex<Shared>>,
    state: State,
}

#[derive(Debug)]
enum State {
    Waits(Box<Awaited>),
    /// The page, and how many bytes of it have been sent.
    Comes(Arc<[u8]>, usize),
}

impl AwaitedPage {
    /// The page, if it is there.
    fn look(&mut self, piece: &mut Piece<'_>) -> Option<Arc<[u8]>> {
        let State::Waits(awaited) = &self.state else { return None };
        let now = piece.asked_at();
        let request = PageRequest {
            root: &awaited.root,
            name: &awaited.name,
            view: awaited.view.clone(),
            dot_files: awaited.dot_files,
            now: awaited.now,
        };
        let mut shared = lock(&self.shared);
        let page = shared.page(&request, None, now);
        piece.took(shared.take_effort());
        match page {
            Ok(page) => page,
            // Descriptors come back.
            Err(Failure::Exhausted) => None,
            // Its status has been sent.
            Err(_) => Some(page::unreadable(&awaited.name).into_bytes().into()),
        }
    }

    fn leave(&self) {
        if let State::Waits(awaited) = &self.state {
            let mut shared = lock(&self.shared);
            shared.waiting -= 1;
            shared.waiting_bytes -= awaited.bytes();
        }
    }
}

impl Source for AwaitedPage {
    fn next(&mut self, piece: &mut Piece<'_>) -> Next {
        if let Some(page) = self.look(piece) {
            self.leave();
            self.state = State::Comes(page, 0);
        }
        let State::Comes(page, sent) = &mut self.state else { return Next::After(PAUSE) };
        let end = page.len().min(*sent + piece.room());
        piece.append(&page[*sent..end]);
        *sent = end;
        if end == page.len() { Next::Done } else { Next::More }
    }
}

impl Drop for AwaitedPage {
    fn drop(&mut self) {
        self.leave();
    }
}
