//! The state machine of an authorization, in cents.
//!
//! ```text
//! amount = captured + released + remaining          until it runs out
//! opened ── remaining 0 ──▶ closed                  neither closed nor expired is ever left
//!    └───── expiration ───▶ expired                 returns go on in every state
//! ```
//!
//! `captured` is gross: a return neither lowers it nor opens credit again on the authorization.

use crate::clock::Moment;

/// What is held, and what became of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Hold {
    pub(super) amount: u64,
    pub(super) remaining: u64,
    pub(super) opened: Moment,
    pub(super) expires: Moment,
    pub(super) ended: Option<Moment>,
    pub(super) captures: Vec<Part>,
    pub(super) releases: Vec<Part>,
    pub(super) returns: Vec<Part>,
}

/// A capture, a release or a return.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Part {
    pub(super) id: u64,
    pub(super) reference: Option<String>,
    pub(super) cents: u64,
    pub(super) at: Moment,
    /// Reads do not show it before.
    pub(super) visible: Moment,
    /// The capture that a return is of.
    pub(super) of: Option<u64>,
}

/// How an authorization stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    Opened,
    Closed,
    Expired,
}

/// Why not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum No {
    /// No money is none.
    Nothing,
    /// It is closed or has run out.
    Ended,
    /// More than remains.
    TooMuch,
    /// No such capture.
    Unknown,
}

impl Hold {
    pub(super) fn open(amount: u64, opened: Moment, expires: Moment) -> Self {
        Self {
            amount,
            remaining: amount,
            opened,
            expires,
            ended: None,
            captures: Vec::new(),
            releases: Vec::new(),
            returns: Vec::new(),
        }
    }

    pub(super) fn standing(&self, now: Moment) -> Standing {
        if self.remaining == 0 {
            Standing::Closed
        } else if now >= self.expires {
            Standing::Expired
        } else {
            Standing::Opened
        }
    }

    pub(super) fn captured(&self) -> u64 {
        sum(&self.captures)
    }

    pub(super) fn released(&self) -> u64 {
        sum(&self.releases)
    }

    pub(super) fn returned(&self) -> u64 {
        sum(&self.returns)
    }

    /// What of a capture was not returned.
    pub(super) fn left_of(&self, capture_id: u64) -> Option<u64> {
        let capture = self.captures.iter().find(|one| one.id == capture_id)?;
        let of = |part: &&Part| part.of == Some(capture_id);
        let returned: u64 = self.returns.iter().filter(of).map(|one| one.cents).sum();
        Some(capture.cents.saturating_sub(returned))
    }

    /// The capture that carries the fee: the earliest that is not fully returned.
    pub(super) fn fee_bearer(&self) -> Option<u64> {
        let mut captures = self.captures.iter();
        captures
            .find(|one| self.left_of(one.id).is_some_and(|left| left > 0))
            .map(|one| one.id)
    }

    pub(super) fn capture(&mut self, part: Part) -> Result<(), No> {
        self.draw(&part, false)?;
        self.captures.push(part);
        Ok(())
    }

    /// `even_expired` lets one that has run out be released.
    pub(super) fn release(&mut self, part: Part, even_expired: bool) -> Result<(), No> {
        self.draw(&part, even_expired)?;
        self.releases.push(part);
        Ok(())
    }

    /// Gives back of the capture that `part` names.
    pub(super) fn give_back(&mut self, part: Part) -> Result<(), No> {
        let left = part.of.and_then(|id| self.left_of(id)).ok_or(No::Unknown)?;
        if part.cents > left || (part.cents == 0 && left == 0) {
            return Err(No::TooMuch);
        }
        if part.cents == 0 {
            return Err(No::Nothing);
        }
        self.returns.push(part);
        Ok(())
    }

    /// Takes from what remains.
    fn draw(&mut self, part: &Part, even_expired: bool) -> Result<(), No> {
        match self.standing(part.at) {
            Standing::Opened => {}
            Standing::Expired if even_expired => {}
            Standing::Closed | Standing::Expired => return Err(No::Ended),
        }
        if part.cents == 0 {
            return Err(No::Nothing);
        }
        self.remaining = self.remaining.checked_sub(part.cents).ok_or(No::TooMuch)?;
        if self.remaining == 0 {
            self.ended = Some(part.at);
        }
        Ok(())
    }

    /// How it looked to a read at `seen`.
    pub(super) fn seen(&self, seen: Moment) -> Self {
        let visible = |parts: &[Part]| -> Vec<Part> {
            let visible = parts.iter().filter(|part| part.visible <= seen);
            visible.cloned().collect()
        };
        let mut shown = Self {
            captures: visible(&self.captures),
            releases: visible(&self.releases),
            returns: visible(&self.returns),
            ..self.clone()
        };
        let drawn = shown.captured().saturating_add(shown.released());
        shown.remaining = shown.amount.saturating_sub(drawn);
        if shown.remaining > 0 {
            shown.ended = None;
        }
        shown
    }
}

fn sum(parts: &[Part]) -> u64 {
    parts.iter().map(|part| part.cents).sum()
}

#[cfg(test)]
mod tests;
