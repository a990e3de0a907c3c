//! Reading a list that moves while it is read.

use super::client::Client;
use super::credit::{self, Credit, Filter, Transactions};
use super::request::Request;
use super::status::{self, Page};
use super::wire::is_text;
use crate::outcome::{Cause, Outcome};

/// What came of reading all pages.
enum Walked {
    Whole(Rows),
    /// The pages do not belong together; the first alone.
    Moved(Rows),
    /// There are more pages than are to be read.
    Cut(Rows),
}

type Rows = Vec<Option<Credit>>;

pub(super) async fn read(client: &Client, filter: &Filter) -> Outcome<Transactions> {
    if filter.from > filter.to {
        return Outcome::NotSent(Cause::Request("date_from"));
    }
    let operation = filter.operation.as_deref();
    if operation.is_some_and(|operation| !is_text(operation, OPERATION_MAX)) {
        return Outcome::NotSent(Cause::Request("operation"));
    }
    let mut tries = 1;
    loop {
        match walk(client, filter).await {
            Ok(Walked::Moved(_)) if tries < WALKS => tries += 1,
            Ok(Walked::Whole(rows)) => return Outcome::Definite(list(rows, true)),
            Ok(Walked::Moved(rows) | Walked::Cut(rows)) => {
                return Outcome::Definite(list(rows, false));
            }
            Err(outcome) => return outcome,
        }
    }
}

async fn walk(client: &Client, filter: &Filter) -> Result<Walked, Outcome<Transactions>> {
    let first = page(client, filter, 1).await?;
    let Some((number, pages)) = first.of else {
        return Ok(Walked::Whole(first.rows));
    };
    // An empty list may have no first page.
    if number > 1 || (number == 0 && !first.rows.is_empty()) {
        return Err(Outcome::Unknown(Cause::Shape("page")));
    }
    let wanted = pages.min(u64::from(filter.max_pages.max(1)));
    let first_keys = keys(&first.rows);
    let mut rows = first.rows;
    let rows_of_first = rows.len();
    for number in 2..=wanted {
        let next = page(client, filter, number).await?;
        match next.of {
            // Were it another page than the one asked for, its rows would count twice.
            Some((found, _)) if found != number => {
                return Err(Outcome::Unknown(Cause::Shape("page")));
            }
            Some((_, still)) if still == pages => rows.extend(next.rows),
            Some(_) => return Ok(moved(rows, rows_of_first)),
            None => return Err(Outcome::Unknown(Cause::Shape("pages"))),
        }
    }
    if wanted > 1 {
        // A row that was added on top pushed another from one page to the next, where it was read again.
        let again = page(client, filter, 1).await?;
        if keys(&again.rows) != first_keys || again.of != first.of {
            return Ok(moved(again.rows, usize::MAX));
        }
    }
    Ok(if pages > wanted {
        Walked::Cut(rows)
    } else {
        Walked::Whole(rows)
    })
}

fn moved(mut rows: Rows, rows_of_first: usize) -> Walked {
    rows.truncate(rows_of_first);
    Walked::Moved(rows)
}

async fn page(
    client: &Client,
    filter: &Filter,
    number: u64,
) -> Result<Page, Outcome<Transactions>> {
    let mut request = Request::get("/v2/account/transactions");
    request.query = vec![
        ("date_from", filter.from.to_string()),
        ("date_to", filter.to.to_string()),
        ("paginate", "1".to_owned()),
        ("page", number.to_string()),
    ];
    if let Some(operation) = &filter.operation {
        request.query.push(("operation", operation.clone()));
    }
    let answer = client.ask(request).await.map_err(Outcome::from)?;
    match status::page(&answer) {
        Outcome::Definite(page) => Ok(page),
        Outcome::NotSent(cause) => Err(Outcome::NotSent(cause)),
        Outcome::Rejected(cause) => Err(Outcome::Rejected(cause)),
        Outcome::Unknown(cause) => Err(Outcome::Unknown(cause)),
    }
}

fn keys(rows: &Rows) -> Vec<Option<[u8; 32]>> {
    let key = |row: &Option<Credit>| row.as_ref().map(Credit::key);
    rows.iter().map(key).collect()
}

fn list(rows: Rows, is_whole: bool) -> Transactions {
    let all = rows.len();
    let mut credits: Vec<_> = rows.into_iter().flatten().collect();
    credit::number_equals(&mut credits);
    Transactions {
        unreadable: all - credits.len(),
        credits,
        is_whole,
    }
}

/// How often a list that moves is read from its beginning.
const WALKS: u8 = 3;
/// Longest kind of transaction that is sent, in characters. The provider states none.
const OPERATION_MAX: usize = 64;
