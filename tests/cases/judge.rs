//! What is wrong with what came: nothing, if the case accepts it.

use oneloop::testing::Answer;

use crate::case::Case;
use crate::support::Answers;

/// What one connection brought.
pub struct Heard {
    pub bytes: Vec<u8>,
    /// The server has closed or reset it.
    pub ended: bool,
    /// How much had come when the first pause was over.
    pub bytes_before_pause_end: Option<usize>,
}

impl Heard {
    fn answers(&self, case: &Case) -> Answers {
        Answers::read(&self.bytes, self.ended, &case.methods)
    }

    pub fn statuses(&self, case: &Case) -> Vec<u16> {
        self.answers(case).list.iter().map(|answer| answer.status()).collect()
    }

    /// The final ones among them.
    pub fn final_statuses(&self, case: &Case) -> Vec<u16> {
        self.statuses(case).into_iter().filter(|status| *status >= 200).collect()
    }

    /// The first final status, or in its absence what the file writes for that.
    pub fn status(&self, case: &Case) -> i64 {
        let answers = self.answers(case);
        match answers.finals().first() {
            Some(answer) => i64::from(answer.status()),
            None if !self.bytes.is_empty() && answers.list.is_empty() => 9,
            None if self.ended => 0,
            None => -1,
        }
    }
}

/// What is wrong with what came.
pub fn judge(case: &Case, heard: &Heard) -> Vec<String> {
    let answers = heard.answers(case);
    let finals = answers.finals();
    let status = heard.status(case);
    let accepted = case.status.contains(&status);
    let mut problems = Vec::new();
    let mut hold = |holds: bool, problem: String| {
        if !holds {
            problems.push(problem);
        }
        holds
    };
    hold(accepted, format!("status {status} is not accepted"));
    hold(case.close != Some(true) || heard.ended || status == -1, "not closed".into());
    hold(case.close != Some(false) || !heard.ended, "closed".into());
    if accepted && !case.responses.is_empty() && !matches!(status, 0 | -1 | 9) {
        let (count, most) = (finals.len(), case.responses_max());
        let is_wanted = case.responses.contains(&(count as i64));
        if hold(is_wanted, format!("{count} answers, not {:?}", case.responses)) {
            // One answer fewer is fine only if the server said so by closing.
            let lost = case.responses.contains(&1) && count < most && case.close.is_none();
            let message = format!("{count} of {most} answers and left open: a request is lost");
            hold(!lost || heard.ended, message);
        }
    }
    if !finals.is_empty() && status != 9 {
        hold(answers.rest.is_empty(), "bytes after the answers that are no answer".into());
        hold(answers.list.iter().all(Answer::is_whole), "an answer is cut short".into());
    }
    if let (Some(last), false) = (finals.last(), case.last.is_empty()) {
        let is_wanted = case.last.contains(&i64::from(last.status()));
        hold(is_wanted, format!("the last status, {}, is not in {:?}", last.status(), case.last));
    }
    if case.interim {
        let early = &heard.bytes[..heard.bytes_before_pause_end.unwrap_or(0)];
        let early = Answers::read(early, false, &case.methods);
        hold(!early.list.is_empty(), "neither a 100 nor an answer before the body".into());
    }
    if let Some(unwanted) = &case.not_body {
        let holds = |answer: &&Answer| String::from_utf8_lossy(answer.body()).contains(unwanted);
        hold(!finals.iter().any(holds), format!("a body contains {unwanted:?}"));
    }
    if let Some(check) = case.check {
        let passes = check.passes(finals.first().copied(), &answers);
        hold(passes, format!("the check {check:?} fails"));
    }
    problems
}

/// What else is looked at in the first final answer, or in all of them.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// It has a `Date` in the preferred format.
    Date,
    /// It says HTTP/1.1.
    Version11,
    /// No 101.
    NoUpgrade,
    /// If 206, it holds one byte and says which.
    OneByteRange,
    /// At most 4 MiB.
    NoAmplification,
}

impl Check {
    pub fn parse(name: &str) -> Check {
        match name {
            "date" => Check::Date,
            "ver11" => Check::Version11,
            "no_101" => Check::NoUpgrade,
            "range1" => Check::OneByteRange,
            "no_amplify" => Check::NoAmplification,
            unknown => panic!("nobody here can check {unknown:?}"),
        }
    }

    fn passes(self, first: Option<&Answer>, all: &Answers) -> bool {
        let has = |name| first.is_some_and(|answer| answer.field(name).is_some());
        match self {
            Check::Date => {
                first.is_some_and(|answer| match answer.values("date").collect::<Vec<_>>()[..] {
                    [date] => is_imf_fixdate(date),
                    _ => false,
                })
            }
            Check::Version11 => first.is_some_and(|answer| answer.version() == "HTTP/1.1"),
            Check::NoUpgrade => all.list.iter().all(|answer| answer.status() != 101),
            Check::OneByteRange => first.is_none_or(|answer| {
                answer.status() != 206 || (answer.body().len() == 1 && has("content-range"))
            }),
            Check::NoAmplification => first.is_none_or(|answer| answer.body().len() <= 4 << 20),
        }
    }
}

/// RFC 9110 §5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`.
fn is_imf_fixdate(date: &str) -> bool {
    let shape = "Aaa, 00 Aaa 0000 00:00:00 GMT";
    let fits = |(byte, shape): (u8, u8)| match shape {
        b'A' => byte.is_ascii_uppercase(),
        b'a' => byte.is_ascii_lowercase(),
        b'0' => byte.is_ascii_digit(),
        literal => byte == literal,
    };
    date.len() == shape.len()
        && date.bytes().zip(shape.bytes()).all(fits)
        && ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].contains(&&date[..3])
}

/// The judge is judged: a check that cannot fail holds nothing.
mod judging {
    use super::*;

    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    const BAD: &str = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";

    fn heard(text: &str, ended: bool) -> Heard {
        Heard { bytes: text.into(), ended, bytes_before_pause_end: Some(0) }
    }

    fn wanting(change: impl FnOnce(&mut Case)) -> Case {
        let mut case = Case { status: vec![200], ..Case::default() };
        change(&mut case);
        case
    }

    #[test]
    fn what_is_wanted_passes() {
        let case = wanting(|case| (case.close, case.responses) = (Some(false), vec![1]));
        assert_eq!(judge(&case, &heard(OK, false)), [""; 0]);
        let case = wanting(|case| (case.responses, case.last) = (vec![1, 2], vec![400]));
        assert_eq!(judge(&case, &heard(&format!("{OK}{BAD}"), true)), [""; 0]);
        let case = wanting(|case| case.status = vec![-1]);
        assert_eq!(judge(&case, &heard("", false)), [""; 0]);
    }

    #[test]
    fn whatever_else_comes_fails() {
        let two = format!("{OK}{BAD}");
        let chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel";
        let upgrade = format!("HTTP/1.1 101 Switching Protocols\r\n\r\n{OK}");
        let no_demand = |_: &mut Case| {};
        let wrong: [(Case, Heard); 17] = [
            (wanting(no_demand), heard(BAD, true)),
            (wanting(no_demand), heard("", true)),
            (wanting(no_demand), heard("", false)),
            (wanting(no_demand), heard("hi", true)),
            (wanting(no_demand), heard("HTTP/1.1 100 Continue\r\n\r\n", false)),
            (wanting(no_demand), heard(&format!("{OK}more"), false)),
            (wanting(no_demand), heard(&OK[..OK.len() - 1], true)),
            (wanting(no_demand), heard(chunk, true)),
            (wanting(|case| case.close = Some(true)), heard(OK, false)),
            (wanting(|case| case.close = Some(false)), heard(OK, true)),
            (wanting(|case| case.responses = vec![1]), heard(&two, true)),
            (wanting(|case| case.responses = vec![1, 2]), heard(OK, false)),
            (wanting(|case| case.last = vec![200]), heard(&two, true)),
            (wanting(|case| case.interim = true), heard(OK, true)),
            (wanting(|case| case.not_body = Some("i".into())), heard(OK, true)),
            (wanting(|case| case.check = Some(Check::Date)), heard(OK, true)),
            (wanting(|case| case.check = Some(Check::NoUpgrade)), heard(&upgrade, true)),
        ];
        for (case, heard) in wrong {
            let came = String::from_utf8_lossy(&heard.bytes);
            assert!(!judge(&case, &heard).is_empty(), "{case:?} accepts {came:?}");
        }
    }

    #[test]
    fn an_answer_is_read_by_its_framing() {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                       2;a=b\r\nhi\r\n0\r\nX: y\r\n\r\n";
        let until_close = "HTTP/1.0 200 OK\r\n\r\nhi";
        let methods = ["HEAD", "GET", "GET"].map(String::from);
        let all = format!("{head}{OK}{chunked}{until_close}");
        let answers = Answers::read(all.as_bytes(), true, &methods);
        let bodies: Vec<&[u8]> = answers.list.iter().map(|answer| answer.body()).collect();
        assert_eq!(bodies, [&b""[..], b"hi", b"hi", b"hi"]);
        assert!(answers.are_whole());
        assert!(!Answers::read(all.as_bytes(), false, &methods).are_whole());
        assert!(is_imf_fixdate("Sun, 06 Nov 1994 08:49:37 GMT"));
        assert!(!is_imf_fixdate("Sunday, 06-Nov-94 08:49:37 GMT"));
    }
}
