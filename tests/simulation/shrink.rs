//! Makes a failing case as small as it will go: fewer peers, shorter scripts, less trouble.
//!
//! Every peer has random numbers of its own, so leaving one out changes the others only through
//! what the server does. Still, a smaller crowd is another run; that it fails, too, is tried.

use crate::case::{Case, Guest};
use crate::trouble::Trouble;

/// How many smaller cases are tried at the most: some seconds' worth.
const TRIES_MAX: usize = 400;

/// The smallest case that `fails`, as far as one can come by leaving things out of `case`, which
/// has `peers` peers and fails.
pub fn shrink(case: &Case, peers: usize, fails: impl Fn(&Case) -> bool) -> Case {
    let everybody = (0..peers).map(|number| Guest { number, pieces_max: None }).collect();
    let mut shrinking = Shrinking { best: case.clone(), tries: 0, fails };
    let guests = shrinking.best.guests.clone().unwrap_or(everybody);
    shrinking.take(Case { guests: Some(guests), ..case.clone() });
    loop {
        let before = shrinking.best.clone();
        shrinking.leave_out_peers();
        shrinking.leave_out_trouble();
        shrinking.shorten_scripts();
        if shrinking.best == before || shrinking.tries >= TRIES_MAX {
            return shrinking.best;
        }
    }
}

struct Shrinking<F> {
    best: Case,
    tries: usize,
    fails: F,
}

impl<F: Fn(&Case) -> bool> Shrinking<F> {
    /// Whether this smaller case fails, too. Then it is the best one.
    fn take(&mut self, case: Case) -> bool {
        self.tries += 1;
        let takes = self.tries <= TRIES_MAX && (self.fails)(&case);
        if takes {
            self.best = case;
        }
        takes
    }

    fn guests(&self) -> Vec<Guest> {
        self.best.guests.clone().unwrap_or_default()
    }

    /// In ever smaller groups.
    fn leave_out_peers(&mut self) {
        let mut group = self.guests().len() / 2;
        while group > 0 {
            let mut from = 0;
            while from < self.guests().len() {
                let mut guests = self.guests();
                guests.drain(from..(from + group).min(guests.len()));
                if !self.take(Case { guests: Some(guests), ..self.best.clone() }) {
                    from += group;
                }
            }
            group /= 2;
        }
    }

    /// All of it, or one kind at a time.
    fn leave_out_trouble(&mut self) {
        let all = Trouble::ALL.into_iter().collect();
        if self.take(Case { without: all, ..self.best.clone() }) {
            return;
        }
        for trouble in Trouble::ALL {
            if !self.best.without.contain(trouble) {
                let without = self.best.without.and(trouble);
                self.take(Case { without, ..self.best.clone() });
            }
        }
    }

    /// To the first pieces of each, as few as will do.
    fn shorten_scripts(&mut self) {
        for place in 0..self.guests().len() {
            let mut pieces = self.guests()[place].pieces_max.unwrap_or(PIECES_MAX);
            let mut less = pieces;
            while less > 0 {
                let mut guests = self.guests();
                guests[place].pieces_max = Some(pieces - less);
                match self.take(Case { guests: Some(guests), ..self.best.clone() }) {
                    true => pieces -= less,
                    false => less /= 2,
                }
                less = less.min(pieces);
            }
        }
    }
}

/// No script has as many pieces.
const PIECES_MAX: usize = 32;

mod tests {
    use super::*;

    #[test]
    fn what_does_not_matter_is_left_out() {
        let pieces = |case: &Case, number| {
            case.guest(number).map_or(0, |guest| guest.pieces_max.unwrap_or(PIECES_MAX))
        };
        let fails = |case: &Case| {
            pieces(case, 3) > 0 && pieces(case, 9) > 4 && !case.without.contain(Trouble::Cap)
        };
        let shrunk = shrink(&Case::whole(17), 12, fails);
        let command = shrunk.to_string();
        assert!(command.contains("ONELOOP_SEED=17 ONELOOP_PEERS=3:1,9:5 ONELOOP_WITHOUT="));
        assert_eq!(shrunk.without.iter().count(), Trouble::ALL.len() - 1, "{command}");
    }

    #[test]
    fn a_case_of_which_all_matters_stays_as_it_is() {
        let whole = |case: &Case| {
            (0..4).all(|number| case.guest(number).is_some_and(|guest| guest.pieces_max.is_none()))
        };
        let is_whole = |case: &Case| whole(case) && case.without == Case::whole(1).without;
        let shrunk = shrink(&Case::whole(1), 4, is_whole);
        assert!(is_whole(&shrunk));
    }
}
