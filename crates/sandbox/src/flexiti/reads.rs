//! Reading: one authorization, and the two lists.

use std::time::Duration;

use crate::call::Reply;
use crate::clock::Moment;
use crate::fault::Fate;

use super::accounts::FlexitiAccount;
use super::authorize::Authorization;
use super::fields::{Body, Inputs};
use super::json::{Object, list};
use super::machine::Part;
use super::options::{FlexitiCapturesForm, FlexitiCount, FlexitiLinkNames, FlexitiNoLink};
use super::refusal::{Code, Refusal};
use super::show::{CORPORATION_ID, LOCATION_ID, MERCHANT_ID, Shape, USERNAME};
use super::time::{read_day, stamp};
use super::{Asked, Flexiti, Memory};

const PAGE_SIZE: u64 = 100;
const A_DAY: Duration = Duration::from_secs(86_400);

/// Which part of a list.
#[derive(Clone, Copy, Debug)]
struct Paging {
    number: u64,
    size: u64,
}

impl Paging {
    fn rows<T>(self, rows: &[T]) -> &[T] {
        let index = |number: u64| {
            let first = number.saturating_mul(self.size);
            usize::try_from(first).unwrap_or(usize::MAX).min(rows.len())
        };
        let from = index(self.number - 1);
        rows.get(from..index(self.number)).unwrap_or_default()
    }

    const fn has_more(self, rows: usize) -> bool {
        (rows as u64) > self.number.saturating_mul(self.size)
    }
}

/// What a list is narrowed to; only what both lists have.
struct Filter {
    account: Option<u64>,
    transaction_type: Option<String>,
    status: Option<String>,
    from: Option<Moment>,
    /// The first moment after.
    until: Option<Moment>,
    paging: Paging,
}

impl Filter {
    fn read(asked: &Asked, memory: &Memory, status: &str) -> Result<Self, Refusal> {
        let texts = asked.query.iter();
        let texts = texts.filter(|(_, value)| !value.is_empty());
        let query = Body::of_texts(&texts.map(|(n, v)| (n.clone(), v.clone())).collect());
        let mut inputs = Inputs::of(&query);
        let number = inputs.number("page_number", true);
        let number = inputs.need("page_number", number);
        let size = inputs.number("page_size", true).unwrap_or(PAGE_SIZE);
        for (name, value) in [("page_number", number), ("page_size", Some(size))] {
            if value == Some(0) {
                inputs.object_to(name, "invalid");
            }
        }
        let account = inputs.number("account_number", true);
        let kinds = ["promotional_purchase", "regular_purchase"];
        let transaction_type = inputs.one_of("transaction_type", &kinds);
        let status = inputs.text(status, 20);
        let [from, to] = ["creation_date_from", "creation_date_to"].map(|name| {
            let text = inputs.text(name, 10)?;
            let day = read_day(&text);
            if day.is_none() {
                inputs.object_to(name, "invalid");
            }
            day
        });
        let until = if memory.options.exclusive_date_to {
            to
        } else {
            to.map(|day| day.plus(A_DAY))
        };
        let size = if memory.options.ignore_page_size {
            PAGE_SIZE
        } else {
            size.min(PAGE_SIZE)
        };
        inputs.end(number.map(|number| Self {
            account,
            transaction_type,
            status,
            from,
            until,
            paging: Paging { number, size },
        }))
    }

    fn fits(&self, authorization: &Authorization, created: Moment, status: &str) -> bool {
        let is = |wanted: &Option<String>, found: &str| {
            wanted
                .as_ref()
                .is_none_or(|it| it.eq_ignore_ascii_case(found))
        };
        self.account.is_none_or(|it| it == authorization.account)
            && is(&self.transaction_type, authorization.financing.name())
            && is(&self.status, status)
            && self.from.is_none_or(|from| created >= from)
            && self.until.is_none_or(|until| created < until)
    }
}

impl Memory {
    /// The authorizations that a read sees, as it sees them.
    fn visible(&self, seen: Option<Moment>) -> impl Iterator<Item = Authorization> + '_ {
        let seen_ones = seen.map(|seen| {
            let visible = self.authorizations.iter();
            let visible = visible.filter(move |one| one.visible <= seen);
            visible.map(move |one| Authorization {
                hold: one.hold.seen(seen),
                ..one.clone()
            })
        });
        seen_ones.into_iter().flatten()
    }
}

impl Flexiti {
    pub(super) fn authorization(&self, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        let seen = self.seen(fate);
        let state = self.state();
        let memory = &state.flexiti;
        let id = asked.id().ok_or(Code::NotFound)?;
        let found = memory.visible(seen).find(|one| one.id == id);
        let found = found.ok_or(Code::NotFound)?;
        let account = memory.accounts.get(found.account).ok_or(Code::NotFound)?;
        let shape = memory.shape(asked, fate);
        let answer = whole(&shape, &found, account);
        Ok(Reply::of(asked.reference(), true, answer))
    }

    pub(super) fn authorizations(&self, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        let seen = self.seen(fate);
        let state = self.state();
        let memory = &state.flexiti;
        let filter = Filter::read(asked, memory, "authorization_status")?;
        let mut rows: Vec<Authorization> = memory
            .visible(seen)
            .filter(|one| {
                let status = if one.hold.remaining == 0 {
                    "closed"
                } else {
                    "opened"
                };
                filter.fits(one, one.hold.opened, status)
            })
            .collect();
        rows.sort_by_key(|one| std::cmp::Reverse((one.hold.opened, one.id)));
        let shape = memory.shape(asked, fate);
        let on_page = filter.paging.rows(&rows);
        let shown = on_page.iter().filter_map(|one| {
            let account = memory.accounts.get(one.account)?;
            Some(shape.row(one, account, false).end())
        });
        let answer = self.page(
            asked,
            &shape,
            filter.paging,
            [on_page.len(), rows.len()],
            |object| object.raw("authorizations", &list(shown)),
        );
        Ok(Reply::of(None, true, answer))
    }

    pub(super) fn captures(&self, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        let seen = self.seen(fate);
        let state = self.state();
        let memory = &state.flexiti;
        let filter = Filter::read(asked, memory, "capture_status")?;
        let wanted = |name: &str| asked.query.get(name).filter(|value| !value.is_empty());
        let is = |name: &str, found: &str| wanted(name).is_none_or(|value| value == found);
        let of_merchant = is("authorization_corporation_id", &CORPORATION_ID.to_string())
            && is("authorization_merchant_id", &MERCHANT_ID.to_string())
            && is("authorization_location_id", &LOCATION_ID.to_string())
            && is("authorization_employee_username", USERNAME)
            && is("capture_employee_username", USERNAME);
        let mut rows: Vec<(Authorization, Part)> = memory
            .visible(seen)
            .filter(|_| of_merchant)
            .flat_map(|one| {
                let parts = one.hold.captures.clone();
                parts.into_iter().map(move |part| (one.clone(), part))
            })
            .filter(|(one, part)| {
                filter.fits(one, part.at, "active") && is("capture_id", &part.id.to_string())
            })
            .collect();
        rows.sort_by_key(|(_, part)| std::cmp::Reverse((part.at, part.id)));
        let shape = memory.shape(asked, fate);
        let on_page = filter.paging.rows(&rows);
        let shown = on_page.iter().filter_map(|(one, part)| {
            let account = memory.accounts.get(one.account)?;
            Some(capture_row(&shape, one, part, account))
        });
        let answer = self.page(
            asked,
            &shape,
            filter.paging,
            [on_page.len(), rows.len()],
            |object| object.raw("captures", &list(shown)),
        );
        Ok(Reply::of(None, true, answer))
    }

    /// What is around the rows of a list.
    fn page(
        &self,
        asked: &Asked,
        shape: &Shape<'_>,
        paging: Paging,
        [on_page, rows]: [usize; 2],
        fill: impl FnOnce(Object) -> Object,
    ) -> String {
        let options = shape.options;
        let count = match options.count {
            FlexitiCount::Page => on_page,
            FlexitiCount::Whole => rows,
        };
        let object = Object::new()
            .number("count", u64::try_from(count).unwrap_or_default())
            .number("page_number", paging.number)
            .number("page_size", paging.size);
        let base = options.public_url.as_deref().unwrap_or(&self.address);
        let to = |number: u64| {
            format!(
                "{base}{}?lang={}&page_size={}&page_number={number}",
                asked.path,
                shape.lang.name(),
                paging.size
            )
        };
        let previous = (paging.number > 1).then(|| to(paging.number - 1));
        let next = paging.has_more(rows).then(|| to(paging.number + 1));
        let [previous_name, next_name] = match options.link_names {
            FlexitiLinkNames::Url => ["previous_url", "next_url"],
            FlexitiLinkNames::PageUrl => ["previous_page_url", "next_page_url"],
        };
        let link = |object: Object, name: &str, link: Option<String>| match (link, options.no_link)
        {
            (Some(link), _) => object.text(name, &link),
            (None, FlexitiNoLink::Null) => object.maybe(name, None),
            (None, FlexitiNoLink::Empty) => object.text(name, ""),
            (None, FlexitiNoLink::LeftOut) => object,
        };
        let object = link(fill(object), previous_name, previous);
        link(object, next_name, next).end()
    }
}

/// Everything about one authorization.
fn whole(shape: &Shape<'_>, authorization: &Authorization, account: &FlexitiAccount) -> String {
    let hold = &authorization.hold;
    let captures = hold.captures.iter().map(|part| {
        let shown = shape
            .part(Object::new(), part)
            .text("status", &shape.status("active"))
            .text("username", USERNAME);
        let monthly = authorization.financing.monthly(part.cents);
        let shown = shape.dollars(shown, "term_amount", monthly);
        shape.id(shown, "capture_id", part.id).end()
    });
    let others = |name: &'static str, parts: &[Part]| {
        let shown: Vec<String> = parts
            .iter()
            .map(|part| {
                let shown = shape.part(Object::new(), part).text("username", USERNAME);
                shape.id(shown, name, part.id).end()
            })
            .collect();
        list(shown)
    };
    let nulls = shape.options.null_lists;
    let or_null = |json: String| if nulls { String::from("null") } else { json };
    let object = shape
        .row(authorization, account, true)
        .raw("captures", &or_null(list(captures)))
        .raw("returns", &or_null(others("return_id", &hold.returns)))
        .raw("releases", &or_null(others("release_id", &hold.releases)))
        .raw("VCC", "null")
        .raw("customer_validated", &or_null(String::from("true")));
    if shape.options.unknown_fields {
        object.raw("unknown_new_field", "{\"x\":1}").end()
    } else {
        object.end()
    }
}

/// A row of the list of captures, in either form.
fn capture_row(
    shape: &Shape<'_>,
    authorization: &Authorization,
    part: &Part,
    account: &FlexitiAccount,
) -> String {
    let is_wrapped = shape.options.captures == FlexitiCapturesForm::Wrapped;
    let named = |short: &'static str, long: &'static str| if is_wrapped { long } else { short };
    let customer = Object::new()
        .text("first_name", &account.first_name)
        .text("last_name", &account.last_name)
        .text(
            named("category_type", "customer_category_type"),
            &account.category_type,
        );
    let of = shape.id(Object::new(), "authorization_id", authorization.id);
    let of = shape
        .reference(of, authorization.reference.as_deref())
        .flag("auto_capture", authorization.auto_capture)
        .text("username", USERNAME)
        .raw("customer", &customer.end())
        .raw(
            "financing_option",
            &shape.financing(&authorization.financing),
        )
        .raw("merchant_information", &shape.merchant(true));
    let of = shape.rates(of, &authorization.financing).end();
    let returns = authorization.hold.returns.iter();
    let returns = returns.filter(|one| one.of == Some(part.id)).map(|one| {
        let shown = shape.id(Object::new(), "return_id", one.id);
        let shown = shape.reference(shown, one.reference.as_deref());
        let shown = shown.text(named("date", "return_date"), &stamp(one.at));
        shape
            .amount(shown, one.cents)
            .text("username", USERNAME)
            .end()
    });
    let row = shape.id(Object::new(), "capture_id", part.id);
    let row = shape
        .reference(row, part.reference.as_deref())
        .text(named("date", "capture_date"), &stamp(part.at));
    let row = shape
        .amount(row, part.cents)
        .text("username", USERNAME)
        .text(named("status", "capture_status"), &shape.status("active"))
        .raw("authorization", &of)
        .raw("returns", &list(returns))
        .end();
    if is_wrapped {
        Object::new().raw("capture", &row).end()
    } else {
        row
    }
}
