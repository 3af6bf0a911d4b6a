//! The handler that serves a directory: from a request to an answer.

use std::io;
use std::path::Path;

use super::coding::Preference;
use super::error_page::{self, Refusal};
use super::failure::Failure;
use super::files::{Files, Hit, RequestTime};
use super::html;
use super::listing::{Answer, Listings, PageRequest, View};
use super::path::{self, Astray, DotFiles};
use super::representation::{InvalidType, Representation};
use super::request_fields::RequestFields;
use super::root::Root;
use super::sending::{send, send_whole};
use crate::answer::handler::{
    ContentPlan, HEAD_BYTES, Handler, Needs, Reloaded, Reply, ReplyHead, Sent,
};
use crate::answer::source::{Next, Piece};
use crate::buffer::COPIED_BYTES_MAX;
use crate::http::encode::{FieldBlock, InvalidField};
use crate::http::fault::Fault;
use crate::http::method::Method;
use crate::http::request::Request;
use crate::http::status::Status;

/// What a site can be asked to do.
const ALLOWED: &str = "GET, HEAD, OPTIONS";

/// What says why something is not there, if there is such a file.
const NOT_FOUND_PAGE: &[u8] = b"404.html";

/// How soon it may be better, in seconds, if there were no descriptors for a file.
const RETRY_AFTER: &str = "1";

/// One in this many descriptors is for files that are kept open or being sent. Large files are few
/// and popular as a rule, and clients who are sent the same one share its descriptor.
const FILES_SHARE: usize = 8;

/// With fewer, one slow client could keep all others from every large file.
const FILES_MIN: usize = 2;

/// Fields that the site writes itself, because they depend on the file.
const OWN_FIELDS: [&str; 8] = [
    "Accept-Ranges",
    "Content-Encoding",
    "Content-Range",
    "Content-Type",
    "ETag",
    "Last-Modified",
    "Location",
    "Retry-After",
];

/// Serves the files of a directory: their states, parts and codings, the index of each directory,
/// `404.html` where there is nothing.
///
/// An answer shows a state that the file had at most a second ago. The directory may be exchanged
/// for another while it is served, by a link or by a rename, and so may everything in it.
///
/// ```no_run
/// use oneloop::handlers::Site;
/// use oneloop::{Config, Server};
///
/// let site = Site::open("public")?.cache_control("no-cache")?.listing();
/// Server::bind(&Config::default(), site)?.run()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Site {
    files: Files,
    listings: Listings,
    directories: Directories,
    unknown: Unknown,
    dot_files: DotFiles,
    /// Where names are decoded.
    scratch: Vec<u8>,
    /// What stands before the path of each file, without the last slash.
    prefix: String,
}

/// What is shown of a directory without an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Directories {
    Nothing,
    Listed,
}

/// What is answered where there is nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unknown {
    NotFound,
    /// The index of the root, if it could be a page's path.
    RootIndex,
}

impl Site {
    /// The memory that files may take unless [`Site::cache_bytes`] says otherwise, in bytes:
    /// 10,000 pages of a few KiB.
    pub const CACHE_BYTES: usize = 64 * 1024 * 1024;

    /// Serves the directory at `path`, without dot-files and without listings. Caches are told to
    /// ask each time whether what they have is still good: see [`Site::cache_control`].
    ///
    /// # Errors
    /// If there is no directory at `path`, or it cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Site> {
        let mut site = Site {
            files: Files::new(Root::open(path.as_ref())?, Site::CACHE_BYTES),
            listings: Listings::default(),
            directories: Directories::Nothing,
            unknown: Unknown::NotFound,
            dot_files: DotFiles::Absent,
            scratch: Vec::new(),
            prefix: String::new(),
        };
        let nosniff = FieldBlock::new().with("X-Content-Type-Options", "nosniff");
        site.files.common.nosniff = nosniff.expect("this is a valid field");
        Ok(site.cache_control("no-cache").expect("this is a valid field"))
    }

    /// Says this to caches, with files and with the ways to directories, but not with errors.
    /// Nothing is said if `value` is empty; then browsers guess for how long a file stays good.
    ///
    /// # Errors
    /// If it cannot be a field's value.
    pub fn cache_control(mut self, value: &str) -> Result<Site, InvalidField> {
        self.files.common.cache_control = match value.is_empty() {
            true => FieldBlock::new(),
            false => FieldBlock::new().with("Cache-Control", value)?,
        };
        Ok(self)
    }

    /// Adds a field to every answer. `X-Content-Type-Options` comes instead of the `nosniff` that is
    /// said with files and pages otherwise; `Cache-Control` is [`Site::cache_control`].
    ///
    /// # Errors
    /// If it cannot be a field, or is one that the server or the site writes itself.
    pub fn header(mut self, name: &str, value: &str) -> Result<Site, InvalidField> {
        if name.eq_ignore_ascii_case("Cache-Control") {
            return self.cache_control(value);
        }
        if OWN_FIELDS.iter().any(|own| own.eq_ignore_ascii_case(name)) {
            return Err(InvalidField::Reserved);
        }
        self.files.common.fields = self.files.common.fields.with(name, value)?;
        if name.eq_ignore_ascii_case("X-Content-Type-Options") {
            self.files.common.nosniff = FieldBlock::new();
        }
        Ok(self)
    }

    /// Says this type of files whose names end in a dot and `extension`, in letters of either case:
    /// for `log` of `a.log`, for `tar.gz` of `a.tar.gz`. The longest end decides; what is said last
    /// of one end holds. The type is sent as it is written here, so a text should have a `charset`.
    ///
    /// # Errors
    /// If no file's name can end so, or `media_type` is none.
    pub fn media_type(mut self, extension: &str, media_type: &str) -> Result<Site, InvalidType> {
        self.files.types.set(extension, media_type)?;
        Ok(self)
    }

    /// Lists directories that have no index.
    pub fn listing(self) -> Site {
        Site { directories: Directories::Listed, ..self }
    }

    /// Answers with the root's index where there is nothing, unless the path has an extension: for
    /// applications of a single page that make the paths of their views themselves.
    pub fn single_page(self) -> Site {
        Site { unknown: Unknown::RootIndex, ..self }
    }

    /// Serves dot-files, too. Otherwise they are absent, but for `/.well-known`.
    pub fn hidden(self) -> Site {
        Site { dot_files: DotFiles::Present, ..self }
    }

    /// Says where it is served, if not at the root: what a redirect's path begins with, without the last
    /// slash.
    #[cfg(feature = "routes")]
    pub(crate) fn beneath(mut self, prefix: &str) -> Site {
        prefix.clone_into(&mut self.prefix);
        self
    }

    /// Takes about so much memory for files, in bytes, their names and fields included. What has
    /// no room is read anew for each answer.
    pub fn cache_bytes(mut self, bytes: usize) -> Site {
        self.files.cache.set_bytes_max(bytes);
        self
    }

    /// The most memory that listings take, in bytes: what is known of directories, their pages,
    /// those that are being sent included, and what clients wait for. Nothing without
    /// [`Site::listing`].
    pub fn listing_bytes_max(&self) -> usize {
        match self.directories {
            Directories::Nothing => 0,
            Directories::Listed => Listings::BYTES_MAX,
        }
    }

    /// The directory that is served.
    pub fn directory(&self) -> &Path {
        self.files.root.path()
    }

    /// Answers a GET or a HEAD for the file of this name.
    fn answer(&mut self, name: &[u8], request: &Request<'_>, reply: Reply<'_>) -> Sent {
        let request_time = RequestTime { now: request.received_at(), date: request.date() };
        let asked = RequestFields::of(request.fields());
        let preference = Preference::of(&asked.accept_encoding);
        let codings_bytes: usize = asked.accept_encoding.values().map(<[u8]>::len).sum();
        self.files.note_reading(name.len() + codings_bytes);
        let failure = match self.files.find(name, &preference, request_time) {
            Ok(Hit::File(variant, _)) => return send(variant, &asked, request, reply),
            Ok(Hit::Unslashed) => return self.redirect(name, request, reply),
            Ok(Hit::Nothing) => Failure::Missing,
            Err(failure) => failure,
        };
        if failure != Failure::Missing {
            return self.refuse(failure, request, reply);
        }
        let is_directory = name.is_empty() || name.ends_with(b"/");
        let reply = match is_directory && self.directories == Directories::Listed {
            true => match self.list(name, request, reply) {
                Ok(sent) => return sent,
                Err((Failure::Missing, reply)) => reply,
                Err((failure, reply)) => return self.refuse(failure, request, reply),
            },
            false => reply,
        };
        if self.unknown == Unknown::RootIndex
            && !path::has_extension(name)
            && let Ok(Hit::File(variant, _)) = self.files.find(b"", &preference, request_time)
        {
            return send(variant, &asked, request, reply);
        }
        self.not_found(request, reply)
    }

    /// Answers with the page of a directory, unless there is none.
    fn list<'r>(
        &mut self,
        name: &[u8],
        request: &Request<'_>,
        reply: Reply<'r>,
    ) -> Result<Sent, (Failure, Reply<'r>)> {
        let wanted = PageRequest {
            root: &self.files.root,
            name,
            view: View::of(request.query()),
            dot_files: self.dot_files,
            now: request.received_at(),
        };
        let answer = match request.method() == Method::Head {
            true => self.listings.look(&wanted),
            false => self.listings.answer(wanted),
        };
        self.files.note_effort(self.listings.take_effort());
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => return Err((failure, reply)),
        };
        // It changes with any of its files, and says nothing by which it could be told apart.
        let reply = reply.status(Status::OK).field("Cache-Control", "no-cache");
        let reply = self.with_common(reply).fields_if_absent(html::fields());
        Ok(match answer {
            Answer::Page(page) => reply.send(&page),
            Answer::Later(page) => reply.stream(page),
            // Its length is not known, and it is not to be sent (RFC 9110 §9.3.2).
            Answer::Unmade => reply.stream(|_: &mut Piece<'_>| Next::Done),
        })
    }

    /// Tells where a directory is.
    fn redirect(&self, name: &[u8], request: &Request<'_>, reply: Reply<'_>) -> Sent {
        // Made of the decoded name, so it begins with one slash and names no host.
        let mut location = self.prefix.as_bytes().to_vec();
        location.push(b'/');
        path::encode(name, &mut location);
        location.push(b'/');
        if let Some(query) = request.query() {
            location.push(b'?');
            location.extend_from_slice(query.as_bytes());
        }
        if location.len() > COPIED_BYTES_MAX {
            // Encoding makes a name up to three times as long, and no client could ask for that.
            return self.refuse(Failure::Missing, request, reply);
        }
        let reply = reply.status(Status::PERMANENT_REDIRECT).field("Location", location);
        self.with_common(reply.fields(&self.files.common.cache_control)).send("")
    }

    /// Says 404, with the page that the site has for it.
    fn not_found(&mut self, request: &Request<'_>, reply: Reply<'_>) -> Sent {
        let request_time = RequestTime { now: request.received_at(), date: request.date() };
        match self.files.find(NOT_FOUND_PAGE, &Preference::IDENTITY, request_time) {
            Ok(Hit::File(variant, Representation { media_type, .. })) => {
                let reply = reply.status(Status::NOT_FOUND).field("Content-Type", media_type);
                // Borrowed from the same files as the page.
                send_whole(variant, reply.fields(&variant.fields_common))
            }
            Ok(Hit::Unslashed | Hit::Nothing) | Err(_) => {
                self.refuse(Failure::Missing, request, reply)
            }
        }
    }

    /// Whether a 404 to this request should say how directories are shown: the user who has just
    /// started the server looks at its root, and there is no index.
    fn owes_hint(&self, request: &Request<'_>) -> bool {
        self.directories == Directories::Nothing
            && request.path() == "/"
            && request.peer().ip().is_some_and(|ip| ip.is_loopback())
    }

    fn refuse(&self, failure: Failure, request: &Request<'_>, reply: Reply<'_>) -> Sent {
        let reply = reply.status(failure.status());
        let reply = match failure {
            Failure::Exhausted => reply.field("Retry-After", RETRY_AFTER),
            Failure::NotAcceptable => reply.field("Vary", "Accept-Encoding"),
            Failure::Malformed | Failure::Missing | Failure::Forbidden | Failure::Broken => reply,
        };
        let refusal = match failure == Failure::Missing && self.owes_hint(request) {
            true => Refusal::NO_INDEX,
            false => Refusal::of(failure),
        };
        refusal.send(request, self.with_common(reply))
    }

    /// Adds what is said with every page that the site writes itself.
    fn with_common<'r>(&self, reply: ReplyHead<'r>) -> ReplyHead<'r> {
        reply.fields(&self.files.common.nosniff).fields(&self.files.common.fields)
    }
}

impl Handler for Site {
    fn handle(&mut self, request: &Request<'_>, reply: Reply<'_>) -> Sent {
        match request.method() {
            Method::Get | Method::Head => {}
            Method::Options => {
                let reply = reply.status(Status::NO_CONTENT).field("Allow", ALLOWED);
                return reply.fields(&self.files.common.fields).send("");
            }
            Method::Post
            | Method::Put
            | Method::Patch
            | Method::Delete
            | Method::Connect
            | Method::Trace => {
                let reply = reply.status(Status::METHOD_NOT_ALLOWED).field("Allow", ALLOWED);
                return Refusal::METHOD.send(request, self.with_common(reply));
            }
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let sent = match path::name(request.path(), self.dot_files, &mut scratch) {
            Ok(name) => self.answer(name, request, reply),
            Err(Astray::Malformed) => self.refuse(Failure::Malformed, request, reply),
            Err(Astray::Nowhere) => self.not_found(request, reply),
        };
        self.scratch = scratch;
        let effort = self.files.take_effort();
        match effort.is_zero() {
            true => sent,
            false => sent.took(effort),
        }
    }

    fn handle_fault(&mut self, fault: &Fault<'_>, reply: Reply<'_>) -> Sent {
        error_page::explain(fault, &self.files.common, reply.allow(ALLOWED))
    }

    /// A site uses no content. It answers at once what it would refuse in the end, and a client
    /// that waits for leave to send.
    fn content_plan(&mut self, request: &Request<'_>) -> ContentPlan {
        match request.method() {
            Method::Get | Method::Head | Method::Options if request.field("Expect").is_none() => {
                ContentPlan::Drop
            }
            Method::Get
            | Method::Head
            | Method::Options
            | Method::Post
            | Method::Put
            | Method::Patch
            | Method::Delete
            | Method::Connect
            | Method::Trace => ContentPlan::Refuse,
        }
    }

    /// One descriptor in eight is for files, at least two. Of further large files none is opened until
    /// one of these is out: 503. Small ones are read, and closed at once.
    fn needs(&mut self, descriptors: usize) -> Needs {
        let files = (descriptors / FILES_SHARE).max(FILES_MIN);
        self.files.cache.set_files_max(files);
        let memory_bytes = self.files.cache.bytes_max().saturating_add(self.listing_bytes_max());
        let common = &self.files.common;
        let fields = common.fields.lines().len() + common.cache_control.lines().len();
        let answer_bytes = HEAD_BYTES + fields + COPIED_BYTES_MAX;
        Needs { files, memory_bytes, answer_bytes, content: ContentPlan::Drop }
    }

    /// Files and directories are kept open only as long as no client needs their descriptors.
    fn release_descriptors(&mut self) -> bool {
        let closed = self.listings.give_way();
        self.files.cache.close_files() || closed
    }

    fn reload(&mut self) -> Reloaded {
        self.files.reload()
    }
}
