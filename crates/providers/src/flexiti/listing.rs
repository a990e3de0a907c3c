//! Reading a list that moves while it is read: page by page by number, never by the addresses in it, which
//! could take the access token elsewhere.

use std::collections::HashSet;

use super::authorization::{AuthorizationRow, Merchant, financing, merchant};
use super::id::AuthorizationId;
use super::order::Financing;
use super::piece::{CaptureSeen, ReturnSeen, id, piece, pieces};
use super::status::not_an_object;
use super::wire::{self, AuthorizationFields, PageFields, Raw, Wrapper, flag, object};
use crate::outcome::Cause;

/// A list, newest first as far as it was there when it was begun to be read; nothing in it twice.
#[derive(Debug)]
pub struct Listing<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// How many rows could not be read: they are not in `rows`, and any of them may be the one that is looked
    /// for.
    pub unreadable: usize,
    /// Whether this is all that was there when it was begun to be read. It is not when there are more pages
    /// than were to be read, nor when rows may have left the list in between because only those of one status
    /// were asked for.
    pub is_whole: bool,
}

/// A row of the captures.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CaptureRow {
    /// It.
    pub capture: CaptureSeen,
    /// Of which authorization.
    pub authorization: CapturedOf,
    /// What was given back of it.
    pub returns: Vec<ReturnSeen>,
}

/// What a row of the captures says of its authorization.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CapturedOf {
    /// Names it.
    pub id: AuthorizationId,
    /// Ours, if it is one of ours. May be empty.
    pub reference: String,
    /// Whether all of it was taken at once, when it is said.
    pub auto_capture: Option<bool>,
    /// How it is paid off, if that can be read.
    pub financing: Option<Financing>,
    /// For whom it was made.
    pub merchant: Merchant,
}

/// One page.
pub(super) struct Page<T> {
    /// `None` for a row that cannot be read.
    pub rows: Vec<Option<T>>,
    /// Whether it says that there is another.
    pub has_next: bool,
}

/// What tells a row from others.
pub(super) trait Row {
    fn key(&self) -> &str;
}

impl Row for AuthorizationRow {
    fn key(&self) -> &str {
        self.authorization.id.as_str()
    }
}

impl Row for CaptureRow {
    fn key(&self) -> &str {
        self.capture.id.as_str()
    }
}

/// The pages so far. A row that was added on top pushes another to the next page, where it is read again: it
/// counts once.
pub(super) struct Walk<T> {
    rows: Vec<T>,
    seen: HashSet<String>,
    unreadable: usize,
}

impl<T: Row> Walk<T> {
    pub(super) fn new() -> Self {
        Self {
            rows: Vec::new(),
            seen: HashSet::new(),
            unreadable: 0,
        }
    }

    /// Takes the next page; whether there is one more to ask for.
    pub(super) fn take(&mut self, page: Page<T>) -> bool {
        let goes_on = page.has_next && !page.rows.is_empty();
        for row in page.rows {
            match row {
                Some(row) if self.seen.insert(row.key().to_owned()) => self.rows.push(row),
                Some(_) => {}
                None => self.unreadable += 1,
            }
        }
        goes_on
    }

    pub(super) fn end(self, is_whole: bool) -> Listing<T> {
        Listing {
            rows: self.rows,
            unreadable: self.unreadable,
            is_whole,
        }
    }
}

pub(super) fn authorizations(body: &str, asked: u32) -> Result<Page<AuthorizationRow>, Cause> {
    page(body, asked, "authorizations", |fields| {
        let rows = wire::list(&fields.authorizations)?;
        Some(rows.iter().map(AuthorizationRow::read).collect())
    })
}

pub(super) fn captures(body: &str, asked: u32) -> Result<Page<CaptureRow>, Cause> {
    page(body, asked, "captures", |fields| {
        let rows = capture_rows(&fields.captures)?;
        Some(rows.iter().map(CaptureRow::read).collect())
    })
}

/// A list, or what the document's table may mean by `captures.capture`.
fn capture_rows(raw: &Option<Raw>) -> Option<Vec<Raw>> {
    let whole = raw.as_ref()?;
    if !whole.get().starts_with('{') {
        return wire::list(raw);
    }
    let inner = object::<Wrapper>(whole.get())?.capture;
    if inner.as_ref()?.get().starts_with('{') {
        return inner.map(|row| vec![row]);
    }
    wire::list(&inner)
}

fn page<T>(
    body: &str,
    asked: u32,
    name: &'static str,
    rows: impl FnOnce(&PageFields) -> Option<Vec<Option<T>>>,
) -> Result<Page<T>, Cause> {
    let fields: PageFields = object(body).ok_or_else(|| not_an_object(body))?;
    // Were it another page than the one asked for, what is between would be missing.
    let number = fields.page_number.as_ref();
    if number.is_some() && wire::whole_number(&fields.page_number) != Some(u64::from(asked)) {
        return Err(Cause::Shape("page_number"));
    }
    let is_link = |raw: &Option<Raw>| raw.as_deref().is_some_and(|raw| raw.get() != r#""""#);
    Ok(Page {
        rows: rows(&fields).ok_or(Cause::Shape(name))?,
        has_next: is_link(&fields.next_url) || is_link(&fields.next_page_url),
    })
}

impl CaptureRow {
    fn read(row: &Raw) -> Option<Self> {
        let fields = piece(row)?;
        let of: AuthorizationFields = object(fields.authorization.as_deref()?.get())?;
        let returns = fields.returns.as_ref().or(fields.returned.as_ref());
        Some(Self {
            capture: CaptureSeen::of(&fields).ok()?,
            authorization: CapturedOf {
                id: id(&of.authorization_id, AuthorizationId::parse)?,
                reference: wire::text(&of.reference).unwrap_or_default(),
                auto_capture: flag(&of.auto_capture),
                financing: financing(&of.financing_option),
                merchant: merchant(&of.merchant_information),
            },
            returns: pieces(&returns.cloned(), "returns", ReturnSeen::of).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flexiti::id::CaptureId;

    /// Rows that are nothing but their numbers.
    impl Row for CaptureId {
        fn key(&self) -> &str {
            self.as_str()
        }
    }

    fn page_of(all: &[u32], number: usize, size: usize) -> Page<CaptureId> {
        let shown = all.iter().skip(number * size).take(size);
        Page {
            rows: shown.map(|id| CaptureId::parse(&id.to_string())).collect(),
            has_next: all.len() > (number + 1) * size,
        }
    }

    fn ids(listing: &Listing<CaptureId>) -> Vec<u32> {
        listing
            .rows
            .iter()
            .map(|id| id.as_str().parse().unwrap())
            .collect()
    }

    proptest! {
        // Invariant 14: every id once, newest first, for any page size; rows that come in on top while the
        // list is read lose none that was there.
        #[test]
        fn every_row_is_read_once_newest_first_however_many_come_in(
            count in 0_u32..40,
            size in 1_usize..12,
            arrivals in prop::collection::vec(0_u32..4, 0..40),
        ) {
            let mut all: Vec<u32> = (1..=count).rev().collect();
            let mut arrivals = arrivals.into_iter();
            let mut walk = Walk::new();
            let mut number = 0;
            while walk.take(page_of(&all, number, size)) {
                number += 1;
                for _ in 0..arrivals.next().unwrap_or(0) {
                    all.insert(0, u32::try_from(all.len()).unwrap() + 1);
                }
            }
            let found = ids(&walk.end(true));
            let known: Vec<u32> = found.iter().copied().filter(|id| *id <= count).collect();
            prop_assert_eq!(known, (1..=count).rev().collect::<Vec<_>>());
            let unique: HashSet<_> = found.iter().collect();
            prop_assert_eq!(unique.len(), found.len());
        }
    }

    #[test]
    fn an_empty_page_is_the_last_whatever_it_says() {
        let mut walk: Walk<CaptureId> = Walk::new();
        assert!(!walk.take(Page {
            rows: Vec::new(),
            has_next: true
        }));
        assert!(walk.take(Page {
            rows: vec![None],
            has_next: true
        }));
        assert_eq!(walk.end(true).unreadable, 1);
    }
}
