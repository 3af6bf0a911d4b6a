//! What good clients request: one URL, or several with weights, of one server.
//!
//! A list of them is a file with a line for each: `[WEIGHT] [METHOD] URL`, and comments behind `#`.

use std::fs;
use std::io;
use std::path::Path;
use std::rc::Rc;

use crate::arguments::Refusal;
use crate::load::random::Random;
use crate::payloads::Request;
use crate::request;
use crate::server::Asked;

/// More are no test of a server but a copy of its site: each is asked for once before the run.
const RESOURCES_MAX: usize = 1000;

/// The choices among resources have numbers of their own, beside those that the seed makes for others.
const SEED: u64 = 0x7265_736f;

/// One thing that clients request, with all that a request for it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// How often it is requested, in proportion to the others.
    pub weight: u32,
    pub method: String,
    pub path: String,
    /// The fields, a line each.
    pub fields: String,
    /// The content of the request, if it has any.
    pub body: Option<Rc<[u8]>>,
}

impl Resource {
    /// A request for it.
    pub fn request(&self) -> Request<'_> {
        Request { method: &self.method, path: &self.path, body: self.body.as_deref() }
    }

    /// What it is called in reports.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Whether its answers have no content, whatever their heads say (RFC 9110 §9.3.2).
    pub fn is_head(&self) -> bool {
        self.method == "HEAD"
    }
}

/// A resource as it is written: what it leaves out, other options say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    pub weight: u32,
    pub method: Option<String>,
    /// A URL, or a path of the server that is named elsewhere.
    pub place: Wished,
}

/// Where that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wished {
    Url(Asked),
    Path(String),
}

/// The lines of a file; `-` is standard input.
pub fn read(file: &Path) -> Result<Vec<Wish>, Refusal> {
    let (name, text) = match file.as_os_str() == "-" {
        true => ("standard input".to_owned(), io::read_to_string(io::stdin())),
        false => (file.display().to_string(), fs::read_to_string(file)),
    };
    let text = text.map_err(|reason| {
        Refusal::Mistake(format!("cannot read --urls '{name}': {reason}; name a file of lines"))
    })?;
    listed(&text).map_err(|(line, why)| Refusal::Mistake(format!("{name}, line {line}: {why}")))
}

/// The lines of a list. A line that is refused has a number.
fn listed(text: &str) -> Result<Vec<Wish>, (usize, String)> {
    let mut wishes = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        wishes.push(wish(line).map_err(|why| (index + 1, why))?);
        if wishes.len() > RESOURCES_MAX {
            return Err((index + 1, format!("there are more than {RESOURCES_MAX} URLs")));
        }
    }
    match wishes.is_empty() {
        true => Err((1, format!("there is no URL; {FORM}"))),
        false => Ok(wishes),
    }
}

/// How a line is written.
const FORM: &str = "write [WEIGHT] [METHOD] URL, as in '3 GET /index.html'";

fn wish(line: &str) -> Result<Wish, String> {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    let place = words.pop().unwrap_or_default();
    if line.split_once(": ").is_some_and(|(name, _)| !name.contains(['/', ' '])) {
        return Err(format!("'{line}' looks like a field; write it as -H '{line}' instead"));
    }
    let weight = match words.first().filter(|word| word.starts_with(|c: char| c.is_ascii_digit())) {
        Some(word) => {
            let weight = word.parse().ok().filter(|weight| (1..=1_000_000).contains(weight));
            let weight = weight.ok_or_else(|| {
                format!("'{word}' is no weight; write a whole number from 1 to 1000000")
            })?;
            words.remove(0);
            weight
        }
        None => 1,
    };
    let method = match words[..] {
        [] => None,
        [method] => Some(request::method(method).map_err(|why| format!("'{method}': {why}"))?),
        [..] => return Err(format!("there are too many words; {FORM}")),
    };
    let place = match place.starts_with('/') {
        true => request::path(place).map(Wished::Path).map_err(str::to_owned),
        false => place.parse().map(Wished::Url),
    };
    let place = place.map_err(|why| format!("{why}; {FORM}"))?;
    Ok(Wish { weight, method, place })
}

/// The server that all of these are of, where the user names it or the first URL does.
///
/// # Errors
/// When there is none, or there are several.
pub fn server_of(named: Option<&Asked>, wishes: &[Wish]) -> Result<Asked, Refusal> {
    let urls = wishes.iter().filter_map(|wish| match &wish.place {
        Wished::Url(url) => Some(url),
        Wished::Path(_) => None,
    });
    let all: Vec<&Asked> = named.into_iter().chain(urls).collect();
    let Some(first) = all.first() else {
        return Err(Refusal::Mistake(
            "no URL of the list names a server; write it before --urls, as in herd 8888".into(),
        ));
    };
    match all.iter().find(|other| other.server != first.server) {
        Some(other) => Err(Refusal::Mistake(format!(
            "there are two servers, {} and {}; start a herd for each, or compare them: herd \
             compare {} {}",
            first.server, other.server, first.server, other.server
        ))),
        None => Ok((*first).clone()),
    }
}

/// What stands at one server, for lines that name a path only.
impl Wished {
    /// The URL, with the path that is meant.
    pub fn at(&self, server: &Asked) -> Asked {
        match self {
            Wished::Url(url) => url.clone(),
            Wished::Path(path) => Asked { path: Some(path.clone()), ..server.clone() },
        }
    }
}

/// Chooses among resources by their weights. A seed repeats its choices.
#[derive(Debug)]
pub struct Choices {
    /// The sum of the weights up to each resource.
    sums: Vec<usize>,
    random: Random,
}

impl Choices {
    /// Among these, of which there is at least one.
    pub fn new(resources: &[Resource], seed: u64) -> Choices {
        let mut sum = 0;
        let sums = resources.iter().map(|resource| {
            sum += resource.weight as usize;
            sum
        });
        Choices { sums: sums.collect(), random: Random::new(seed ^ SEED) }
    }

    /// The place of the next one.
    pub fn next(&mut self) -> usize {
        // One is no choice, and costs nothing.
        let [.., sum] = self.sums[..] else { return 0 };
        if self.sums.len() == 1 {
            return 0;
        }
        let number = self.random.below(sum);
        self.sums.partition_point(|sum| *sum <= number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_weight_and_a_method_if_they_are_written() {
        let text = "# the site\n\n/a\n3 /b?c\nhead /d\n 10 POST http://localhost:8888/e \r\n";
        let wishes = listed(text).expect("right");
        let told: Vec<_> = wishes
            .iter()
            .map(|wish| (wish.weight, wish.method.as_deref(), wish.place.clone()))
            .collect();
        let path = |path: &str| Wished::Path(path.to_owned());
        let url = "http://localhost:8888/e".parse().map(Wished::Url).expect("a URL");
        assert_eq!(
            told,
            [
                (1, None, path("/a")),
                (3, None, path("/b?c")),
                (1, Some("HEAD"), path("/d")),
                (10, Some("POST"), url)
            ]
        );
    }

    #[test]
    fn a_bad_line_is_told_with_its_number_and_how_to_mend_it() {
        for (text, number, remedy) in [
            ("", 1, "[WEIGHT] [METHOD] URL"),
            ("/a\n0 /b", 2, "from 1 to"),
            ("/a\n\n1.5 /b", 3, "from 1 to"),
            ("1 GET GET /b", 1, "too many words"),
            ("/a\nG(T /b", 2, "a method"),
            ("/a\nContent-Type: text/plain", 2, "-H"),
            ("/a b/c", 1, "a method"),
            ("GET example", 1, "[WEIGHT] [METHOD] URL"),
            ("/\u{e4}", 1, "[WEIGHT] [METHOD] URL"),
            ("https://localhost/", 1, "without TLS"),
        ] {
            let (line, why) = listed(text).expect_err(text);
            assert!(line == number && why.contains(remedy), "{text:?}: {line} {why}");
        }
        assert!(listed(&"/a\n".repeat(1000)).is_ok());
        assert_eq!(listed(&"/a\n".repeat(1001)).expect_err("too many").0, 1001);
    }

    fn resource(weight: u32) -> Resource {
        let (method, path, fields) = ("GET".to_owned(), "/".to_owned(), String::new());
        Resource { weight, method, path, fields, body: None }
    }

    #[test]
    fn choices_repeat_with_their_seed_and_follow_their_weights() {
        let resources = [resource(1), resource(5), resource(2)];
        let chosen = |seed| {
            let mut choices = Choices::new(&resources, seed);
            (0..8000).map(|_| choices.next()).collect::<Vec<_>>()
        };
        assert_eq!(chosen(1), chosen(1));
        assert_ne!(chosen(1), chosen(2));
        let count = |place| chosen(1).into_iter().filter(|it| *it == place).count();
        // Five standard deviations of 1,000, 5,000 and 2,000.
        let near = |count: usize, wanted: usize| count.abs_diff(wanted) < 220;
        assert!(near(count(0), 1000) && near(count(1), 5000) && near(count(2), 2000));
        assert_eq!(Choices::new(&resources[..1], 1).next(), 0);
    }
}
