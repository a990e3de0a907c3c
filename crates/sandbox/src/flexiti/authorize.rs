//! Authorizations: credit that is held, and captured at once where that is asked for.

use std::time::Duration;

use crate::amount::Amount;
use crate::call::Reply;
use crate::clock::Moment;
use crate::fault::Fate;
use crate::world::State;

use super::fields::{Body, Inputs};
use super::json::Object;
use super::ledger::{FlexitiAuthorizationEntry, FlexitiCaptureEntry, FlexitiSessionState};
use super::machine::{Hold, Part};
use super::refusal::{Code, Refusal};
use super::show::{Financing, Shape, USERNAME};
use super::time::{a_year_after, stamp};
use super::{Asked, Flexiti, Memory};

/// The number of the first authorization, capture, release and return.
const FIRST: u64 = 900_001;
const FIRST_CAPTURE: u64 = 700_001;
const FIRST_RELEASE: u64 = 800_001;
const FIRST_RETURN: u64 = 600_001;

/// What capturing at once takes.
const AT_ONCE: Duration = Duration::from_secs(1);

/// An authorization.
#[derive(Clone, Debug)]
pub(super) struct Authorization {
    pub(super) id: u64,
    pub(super) account: u64,
    pub(super) reference: Option<String>,
    pub(super) financing: Financing,
    pub(super) auto_capture: bool,
    pub(super) hold: Hold,
    /// Reads do not show it before.
    pub(super) visible: Moment,
}

/// What is asked for, apart from whether it may be.
struct Wanted {
    account: u64,
    vcc: Option<String>,
    reference: Option<String>,
    financing: Plan,
    amount: u64,
    auto_capture: bool,
    channel: Channel,
    /// As the answer tells them, JSON.
    addresses: Vec<(&'static str, String)>,
}

enum Plan {
    Regular,
    Promotional(Option<(u64, u64)>),
}

enum Channel {
    Online(String),
    /// The code that was shown.
    InStore(String),
}

impl Flexiti {
    pub(super) fn authorize(&self, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        let body = asked.json()?;
        let wanted = Wanted::read(&body)?;
        let now = self.now();
        let mut state = self.state();
        let state = &mut *state;
        let memory = &state.flexiti;
        let account = memory.accounts.get(wanted.account).ok_or(Code::NotFound)?;
        if wanted
            .vcc
            .as_ref()
            .is_some_and(|vcc| *vcc != account.vcc_number)
        {
            return Err(Code::VccAccountMismatch.into());
        }
        check_location(&body, memory)?;
        let session = match &wanted.channel {
            Channel::Online(id) => {
                Some(state.verified_session(id, wanted.account, &asked.bearer, (now, fate))?)
            }
            Channel::InStore(code) if account.verification_codes.contains(code) => None,
            Channel::InStore(_) => return Err(Code::NotVerified.into()),
        };
        if !account.is_normal() {
            return Err(Code::UserNotAbleToPurchase.into());
        }
        let financing = wanted.financing(memory, account.air)?;
        if financing.whole(wanted.amount) > account.available_credit_minor {
            return Err(Code::CreditExceeded.into());
        }
        let id = state.grant(&wanted, financing, session, fate, now);
        if let Some(index) = session {
            state.set_session(index, FlexitiSessionState::Used);
        }
        let shape = state.flexiti.shape(asked, fate);
        let answer = state.flexiti.granted(id, &wanted, &shape);
        Ok(Reply::of(
            wanted.reference,
            true,
            answer.ok_or(Code::GeneralError)?,
        ))
    }
}

impl Wanted {
    fn read(body: &Body) -> Result<Self, Refusal> {
        let mut inputs = Inputs::of(body);
        let account = inputs.number("account_number", false);
        let account = inputs.need("account_number", account);
        let vcc = inputs.text("vcc_number", 16);
        let reference = inputs.text("reference", 40);
        let amount = inputs.amount("amount", false);
        let amount = inputs.need("amount", amount);
        let auto_capture = inputs.flag("auto_capture");
        let auto_capture = inputs.need("auto_capture", auto_capture);
        inputs.object("sku_data");
        let option = inputs.object("financing_option");
        let option = inputs.need("financing_option", option);
        let financing = option.and_then(|option| {
            let mut of = Inputs::inside(&option, "financing_option.");
            let plan = Plan::read(&mut of);
            inputs.join(of.wrong());
            plan
        });
        let channel = Channel::read(&mut inputs);
        let is_online = matches!(channel, Some(Channel::Online(_)));
        let mut addresses = Vec::new();
        for name in ["billing_information", "shipping_information"] {
            let address = inputs.object(name);
            let Some(address) = address else {
                if is_online && !body.has(name) {
                    inputs.object_to(name, "required");
                }
                continue;
            };
            let within = match name {
                "billing_information" => "billing_information.",
                _ => "shipping_information.",
            };
            let mut of = Inputs::inside(&address, within);
            addresses.push((name, read_address(&mut of, is_online)));
            inputs.join(of.wrong());
        }
        let read = (|| {
            Some(Self {
                account: account?,
                vcc,
                reference,
                financing: financing?,
                amount: amount?,
                auto_capture: auto_capture?,
                channel: channel?,
                addresses,
            })
        })();
        inputs.end(read)
    }

    fn financing(&self, memory: &Memory, air: u32) -> Result<Financing, Code> {
        let Plan::Promotional(chosen) = self.financing else {
            return Ok(Financing::Regular { rate: air });
        };
        let (plan_id, term) = chosen.ok_or(Code::PlanTermNotSet)?;
        let (plan, term) = memory
            .options
            .term(plan_id, term)
            .filter(|(plan, _)| plan.minimum_minor <= self.amount)
            .ok_or(Code::PlanTermNotAvailable)?;
        Ok(Financing::promotional(plan, term))
    }
}

impl Plan {
    fn read(of: &mut Inputs<'_>) -> Option<Self> {
        let kinds = ["promotional_purchase", "regular_purchase"];
        let kind = of.one_of("transaction_type", &kinds);
        let kind = of.need("transaction_type", kind)?;
        let plan_id = of.number("plan_id", false);
        let term = of.number("term", false);
        Some(match kind.as_str() {
            "regular_purchase" => Self::Regular,
            _ => Self::Promotional(plan_id.zip(term)),
        })
    }
}

impl Channel {
    fn read(inputs: &mut Inputs<'_>) -> Option<Self> {
        const OF_STORES: [&str; 4] = [
            "verification_code",
            "request_id",
            "external_location_id",
            "external_employee_id",
        ];
        let in_store = OF_STORES.iter().any(|name| inputs.body().has(name));
        if !in_store {
            let session = inputs.text("widget_session_id", 36);
            return inputs.need("widget_session_id", session).map(Self::Online);
        }
        if inputs.body().has("widget_session_id") {
            // Whoever is identified by the page stands in no store.
            for name in OF_STORES {
                if inputs.body().has(name) {
                    inputs.object_to(name, "invalid");
                }
            }
            return None;
        }
        for name in ["request_id", "external_location_id", "external_employee_id"] {
            let text = inputs.text(name, 50);
            inputs.need(name, text);
        }
        let code = inputs.code("verification_code");
        inputs.need("verification_code", code).map(Self::InStore)
    }
}

/// The address as answers tell it: without the country.
fn read_address(of: &mut Inputs<'_>, is_needed: bool) -> String {
    const NAMES: [&str; 7] = [
        "first_name",
        "last_name",
        "address_1",
        "address_2",
        "city",
        "province",
        "postal_code",
    ];
    let mut shown = Object::new();
    for name in NAMES {
        let text = of.text(name, 80);
        let text = if is_needed { of.need(name, text) } else { text };
        let Some(text) = text else { continue };
        let fits = match name {
            "province" => text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase()),
            "postal_code" => is_postal_code(&text),
            "address_2" => true,
            _ => !text.trim().is_empty() || !is_needed,
        };
        if !fits {
            of.object_to(name, "invalid");
        }
        shown = shown.text(name, &text);
    }
    shown.end()
}

/// `A1A1A1`, with or without a blank in the middle.
fn is_postal_code(text: &str) -> bool {
    let text = match text.split_once(' ') {
        Some((left, right)) if left.len() == 3 => format!("{left}{right}"),
        _ => text.to_owned(),
    };
    text.len() == 6
        && text
            .bytes()
            .enumerate()
            .all(|(index, byte)| match index % 2 {
                0 => byte.is_ascii_uppercase(),
                _ => byte.is_ascii_digit(),
            })
}

/// Of a call in a store: whether the store is known.
pub(super) fn check_location(body: &Body, memory: &Memory) -> Result<(), Code> {
    let named = body.text("external_location_id");
    let known = &memory.options.external_location_ids;
    match named {
        Some(named) if !known.contains(&named) => Err(Code::ExternalLocationIdNotFound),
        _ => Ok(()),
    }
}

impl State {
    /// Holds the credit; gives the number of the authorization.
    fn grant(
        &mut self,
        wanted: &Wanted,
        financing: Financing,
        session: Option<usize>,
        fate: Fate,
        now: Moment,
    ) -> u64 {
        let memory = &mut self.flexiti;
        let id = FIRST + u64::try_from(memory.authorizations.len()).unwrap_or_default();
        let visible = now.plus(Duration::from_millis(fate.hidden_ms));
        if let Some(account) = memory.accounts.get_mut(wanted.account) {
            let left = account.available_credit_minor;
            account.available_credit_minor = left.saturating_sub(wanted.amount);
        }
        memory.authorizations.push(Authorization {
            id,
            account: wanted.account,
            reference: wanted.reference.clone(),
            financing,
            auto_capture: wanted.auto_capture,
            hold: Hold::open(wanted.amount, now, a_year_after(now)),
            visible,
        });
        let (plan_id, term) = match financing {
            Financing::Promotional { plan_id, term, .. } => (Some(plan_id), Some(u64::from(term))),
            Financing::Regular { .. } => (None, None),
        };
        let of_reference = self.ledger.flexiti.authorizations.iter();
        let before = of_reference
            .filter(|one| one.reference.is_some() && one.reference == wanted.reference)
            .count();
        let session = session.and_then(|index| self.ledger.flexiti.sessions.get(index));
        let session = session.map(|entry| entry.widget_session_id.clone());
        tracing::info!(reference = wanted.reference, "authorization {id} granted");
        self.ledger
            .flexiti
            .authorizations
            .push(FlexitiAuthorizationEntry {
                authorization_id: id,
                account_number: wanted.account,
                reference: wanted.reference.clone(),
                transaction_type: financing.name().to_owned(),
                plan_id,
                term,
                amount: dollars(wanted.amount),
                auto_capture: wanted.auto_capture,
                widget_session_id: session,
                at: now.rfc3339(),
                expires_at: a_year_after(now).rfc3339(),
                ended_at: None,
                remaining: dollars(wanted.amount),
                captured: dollars(0),
                released: dollars(0),
                returned: dollars(0),
                count: u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1),
            });
        if wanted.auto_capture {
            let part = Part {
                id: self.next_capture(),
                reference: wanted.reference.clone(),
                cents: wanted.amount,
                at: now.plus(AT_ONCE),
                visible,
                of: None,
            };
            if let Some(authorization) = self.flexiti.authorizations.last_mut() {
                // The whole of what was just held cannot be too much.
                let _ = authorization.hold.capture(part.clone());
            }
            self.note_capture(id, &part);
        }
        id
    }

    pub(super) fn next_capture(&self) -> u64 {
        FIRST_CAPTURE + u64::try_from(self.ledger.flexiti.captures.len()).unwrap_or_default()
    }

    pub(super) fn next_release(&self) -> u64 {
        FIRST_RELEASE + u64::try_from(self.ledger.flexiti.releases.len()).unwrap_or_default()
    }

    pub(super) fn next_return(&self) -> u64 {
        FIRST_RETURN + u64::try_from(self.ledger.flexiti.returns.len()).unwrap_or_default()
    }

    /// Writes a capture that was made into the ledger, and what follows from it.
    pub(super) fn note_capture(&mut self, authorization_id: u64, part: &Part) {
        let captures = &mut self.ledger.flexiti.captures;
        let before = captures.iter().filter(|one| {
            one.authorization_id == authorization_id
                && one.reference.is_some()
                && one.reference == part.reference
        });
        let before = u32::try_from(before.count()).unwrap_or(u32::MAX);
        captures.push(FlexitiCaptureEntry {
            capture_id: part.id,
            authorization_id,
            reference: part.reference.clone(),
            amount: dollars(part.cents),
            carries_fee: false,
            at: part.at.rfc3339(),
            count: before.saturating_add(1),
        });
        let memory = &mut self.flexiti;
        if let Some(found) = memory.find(authorization_id).cloned()
            && matches!(found.financing, Financing::Regular { .. })
            && let Some(account) = memory.accounts.get_mut(found.account)
        {
            account.balance_minor = account.balance_minor.saturating_add(part.cents);
        }
        self.note_standing(authorization_id);
    }

    /// Writes how an authorization stands into the ledger.
    pub(super) fn note_standing(&mut self, authorization_id: u64) {
        let Some(found) = self.flexiti.find(authorization_id) else {
            return;
        };
        let hold = &found.hold;
        let has_fee = matches!(found.financing, Financing::Promotional { fee, .. } if fee > 0);
        let bearer = hold.fee_bearer().filter(|_| has_fee);
        let ledger = &mut self.ledger.flexiti;
        let mut entries = ledger.authorizations.iter_mut();
        if let Some(entry) = entries.find(|one| one.authorization_id == authorization_id) {
            entry.ended_at = hold.ended.map(Moment::rfc3339);
            entry.remaining = dollars(hold.remaining);
            entry.captured = dollars(hold.captured());
            entry.released = dollars(hold.released());
            entry.returned = dollars(hold.returned());
        }
        let captures = ledger.captures.iter_mut();
        for entry in captures.filter(|one| one.authorization_id == authorization_id) {
            entry.carries_fee = bearer == Some(entry.capture_id);
        }
    }
}

/// `1250.50`.
pub(super) fn dollars(cents: u64) -> String {
    Amount::of_hundredths(cents).two_decimals()
}

impl Memory {
    pub(super) fn find(&self, id: u64) -> Option<&Authorization> {
        let index = usize::try_from(id.checked_sub(FIRST)?).ok()?;
        self.authorizations.get(index)
    }

    pub(super) fn find_mut(&mut self, id: u64) -> Option<&mut Authorization> {
        let index = usize::try_from(id.checked_sub(FIRST)?).ok()?;
        self.authorizations.get_mut(index)
    }

    /// The answer to whoever asked for it.
    fn granted(&self, id: u64, wanted: &Wanted, shape: &Shape<'_>) -> Option<String> {
        let authorization = self.find(id)?;
        let account = self.accounts.get(authorization.account)?;
        let financing = &authorization.financing;
        let object = shape.rates(shape.head(authorization), financing);
        let capture = authorization.hold.captures.first().map(|part| {
            let shown = shape.id(Object::new(), "capture_id", part.id);
            let shown = shape.reference(shown, part.reference.as_deref());
            let shown = shown
                .text("date", &stamp(part.at))
                .text("status", &shape.status("active"));
            let monthly = financing.monthly(part.cents);
            let shown = shape.dollars(shown, "term_amount", monthly);
            shape.amount(shown, part.cents).end()
        });
        let mut object = object
            .text("message", shape.message())
            .text("username", USERNAME)
            .raw("financing_option", &shape.financing(financing))
            .raw("fees", &shape.fees(financing, true))
            .raw("merchant_information", &shape.merchant(false))
            .raw("customer", &shape.customer(account, true, true))
            .raw("capture", capture.as_deref().unwrap_or("null"));
        let mut compared = Object::new();
        for (name, address) in &wanted.addresses {
            object = object.raw(name, address);
            compared = compared.raw(name, &all_match(address));
        }
        Some(object.raw("account_avs", &compared.end()).end())
    }
}

/// Of an address each part with what comparing it came to.
fn all_match(address: &str) -> String {
    let parts = Body::of_json(address.as_bytes()).unwrap_or_default();
    parts
        .names()
        .fold(Object::new(), |shown, name| shown.text(name, "match"))
        .end()
}
