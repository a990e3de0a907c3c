//! Money that is to come: payment links, codes and transfer links; and what came.

use ventanilla_core::account::{Account, Cuit};

use crate::amount::Amount;
use crate::call::Reply;
use crate::fault::{Fate, Kind};
use crate::random::{Sequence, mixed};

use super::answer::{Object, Refusal, list};
use super::buyer::{Standing, Target};
use super::code::{self, Scanned};
use super::fields::Fields;
use super::ledger::{CreditEntry, LinkEntry, PartEntry, QrOrderEntry, TransferLinkEntry};
use super::options::{CvuAbsentIds, CvuBuyerForm, CvuOptions};
use super::{Asked, Cvu, Memory, bent_id, seen_at, time};

/// The number of the first payment link.
pub(super) const FIRST_LINK: u64 = 900_001;
/// The number of the first order behind a code.
pub(super) const FIRST_ORDER: u64 = 910_001;
/// The number of the first cash-in.
pub(super) const FIRST_CREDIT: u64 = 800_001;

/// What every request to be paid names.
pub(super) struct Wanted {
    pub(super) amount: Amount,
    pub(super) concept: String,
    pub(super) description: String,
}

impl Cvu {
    /// Amount, concept and description.
    pub(super) fn wanted(&self, fields: &Fields) -> Result<Wanted, Refusal> {
        let as_text = self.state().cvu.options.amounts_as_text;
        let amount = fields.amount("amount", as_text).ok_or(Refusal::Amount)?;
        let concept = fields.text("concept").unwrap_or_default();
        if !self.is_concept(&concept) {
            return Err(Refusal::Concept);
        }
        Ok(Wanted {
            amount,
            concept,
            description: fields.text("description").unwrap_or_default(),
        })
    }

    pub(super) fn link(&self, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        let fields = &asked.fields;
        let wanted = self.wanted(fields)?;
        let multiple_use = fields.flag("multiple_use").ok_or(Refusal::MultipleUse)?;
        let now = self.world.clock.now();
        let mut guard = self.state();
        let state = &mut *guard;
        let options = &state.cvu.options;
        let sent = fields.text("expiration_date").unwrap_or_default();
        let expires = time::read_expiration(&sent, options.expiration)
            .filter(|moment| *moment > now)
            .ok_or(Refusal::Expiration)?;
        let parts = parts(fields, wanted.amount, options.amounts_as_text)?;
        let others: u64 = parts.iter().map(|(_, part)| part.hundredths()).sum();
        let own = Amount::of_hundredths(wanted.amount.hundredths().saturating_sub(others));

        let place = state.ledger.cvu.links.len();
        let link_id = FIRST_LINK + count(place);
        let link = state.cvu.address(self, "pay", Target::Link(place), link_id);
        state.cvu.links.push(Standing {
            amount: wanted.amount,
            own,
            once: !multiple_use,
            expires: Some(expires),
            waits: false,
            paid: 0,
        });
        state.ledger.cvu.links.push(LinkEntry {
            link_id,
            link: link.clone(),
            amount: wanted.amount.two_decimals(),
            concept: wanted.concept,
            multiple_use,
            expiration_date: sent,
            expires_at: expires.rfc3339(),
            distribution: parts
                .into_iter()
                .map(|(account, part)| PartEntry {
                    cvu: account.as_str().to_owned(),
                    amount: part.two_decimals(),
                })
                .collect(),
            at: now.rfc3339(),
        });
        let ids_as_text = state.cvu.options.ids_as_text;
        Ok(Object::ok()
            .text("link", &shown(link, fate))
            .id("link_id", bent_id(link_id, fate), ids_as_text)
            .done(&link_id.to_string()))
    }

    pub(super) fn transfer_link(&self, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        let fields = &asked.fields;
        let wanted = self.wanted(fields)?;
        let text = |name: &str| fields.text(name).unwrap_or_default();
        let account = Account::parse(&text("cvu")).map_err(|_| Refusal::Account)?;
        let cuit = Cuit::parse(&text("cuit")).map_err(|_| Refusal::Cuit)?;
        let mut guard = self.state();
        let state = &mut *guard;
        let place = state.ledger.cvu.transfer_links.len();
        let payment_link =
            state
                .cvu
                .address(self, "transfer", Target::Transfer(place), count(place));
        state
            .cvu
            .transfer_links
            .push(Standing::of(wanted.amount, true));
        state.ledger.cvu.transfer_links.push(TransferLinkEntry {
            payment_link: payment_link.clone(),
            cvu: account.as_str().to_owned(),
            cuit: cuit.digits().to_owned(),
            amount: wanted.amount.two_decimals(),
            concept: wanted.concept,
            description: wanted.description,
            at: self.world.clock.now().rfc3339(),
        });
        let reference = payment_link.clone();
        Ok(Object::ok()
            .text("payment_link", &shown(payment_link, fate))
            .done(&reference))
    }

    pub(super) fn qr(&self, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        let wanted = self.wanted(&asked.fields)?;
        let mut guard = self.state();
        let state = &mut *guard;
        let place = state.ledger.cvu.qr_orders.len();
        let id = FIRST_ORDER + count(place);
        let form = state.cvu.options.code;
        let code = code::dynamic(id, wanted.amount, form);
        state.cvu.codes.insert(code.clone(), Scanned::Order(place));
        state.cvu.qr_orders.push(Standing::of(wanted.amount, true));
        state.ledger.cvu.qr_orders.push(QrOrderEntry {
            qr_order_id: id,
            qr_code: Some(code.clone()),
            sale_point_id: None,
            amount: wanted.amount.two_decimals(),
            concept: wanted.concept,
            description: wanted.description,
            at: self.world.clock.now().rfc3339(),
        });
        let told = match fate.kind() {
            Some(Kind::WrongAmount) => code::dynamic(id, wanted.amount.plus_one_unit(), form),
            Some(Kind::BadCrc) => code::with_bad_crc(&code),
            _ => code,
        };
        let ids_as_text = state.cvu.options.ids_as_text;
        Ok(Object::ok()
            .text("qr_code", &told)
            .id("qr_order_id", bent_id(id, fate), ids_as_text)
            .done(&id.to_string()))
    }

    pub(super) fn cashin(&self, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        let id: u64 = asked.id.parse().map_err(|_| Refusal::UnknownCredit)?;
        let place = id
            .checked_sub(FIRST_CREDIT)
            .and_then(|place| usize::try_from(place).ok())
            .ok_or(Refusal::UnknownCredit)?;
        let moment = seen_at(&self.world, fate).ok_or(Refusal::UnknownCredit)?;
        let state = self.state();
        let credit = state.cvu.credits.get(place);
        let credit = credit.filter(|credit| credit.is_seen(moment));
        let entry = state.ledger.cvu.credits.get(place);
        let (Some(credit), Some(entry)) = (credit, entry) else {
            return Err(Refusal::UnknownCredit);
        };
        let options = &state.cvu.options;
        let amount = match fate.kind() {
            Some(Kind::WrongAmount) => credit.amount.plus_one_unit(),
            _ => credit.amount,
        };
        let answer = Object::ok().raw("buyer", &buyer(entry, options.buyer));
        let answer = if fate.is(Kind::FloatDust) {
            answer.raw("amount", &amount.dusty_number_text())
        } else if options.cashin_amount_as_text {
            answer.text("amount", &amount.two_decimals())
        } else {
            answer.amount("amount", amount)
        };
        let answer = answer
            .text("concept", &entry.concept)
            .text("description", &entry.description)
            .id("transaction_id", bent_id(id, fate), options.ids_as_text);
        let answer = link_or_order(answer, "qr_order_id", entry.qr_order_id, fate, options);
        let answer = link_or_order(answer, "link_id", entry.link_id, fate, options);
        Ok(answer.done(&asked.id))
    }
}

impl Memory {
    /// A new address for the buyer, which leads to `target`.
    fn address(&mut self, cvu: &Cvu, folder: &str, target: Target, number: u64) -> String {
        let salt = mixed(number ^ u64::from(folder == "pay"));
        let slug = Sequence::new(cvu.world.seed ^ salt)
            .capitals(12)
            .to_ascii_lowercase();
        let base = self.options.public_url.as_deref().unwrap_or(&cvu.address);
        let address = format!("{base}/{folder}/{slug}");
        self.slugs.insert(slug, target);
        address
    }
}

fn count(place: usize) -> u64 {
    u64::try_from(place).unwrap_or(u64::MAX)
}

/// The address as it is told.
fn shown(address: String, fate: Fate) -> String {
    if fate.is(Kind::HostileLink) {
        String::from("javascript:alert(1)")
    } else {
        address
    }
}

/// The parts of others. They may not come to more than there is, and no account has two.
fn parts(
    fields: &Fields,
    amount: Amount,
    amounts_as_text: bool,
) -> Result<Vec<(Account, Amount)>, Refusal> {
    let objects = fields.objects("distribution");
    let mut parts: Vec<(Account, Amount)> = Vec::new();
    for part in objects.ok_or(Refusal::Distribution)? {
        let account = Account::parse(&part.text("cvu").unwrap_or_default())
            .map_err(|_| Refusal::Distribution)?;
        let of_it = part
            .amount("amount", amounts_as_text)
            .ok_or(Refusal::Distribution)?;
        if parts.iter().any(|(other, _)| *other == account) {
            return Err(Refusal::Distribution);
        }
        parts.push((account, of_it));
    }
    let sum: u64 = parts.iter().map(|(_, part)| part.hundredths()).sum();
    if sum > amount.hundredths() {
        return Err(Refusal::Distribution);
    }
    Ok(parts)
}

fn buyer(credit: &CreditEntry, form: CvuBuyerForm) -> String {
    let (cuit, cvu) = (&credit.payer.cuit, &credit.payer.cvu);
    let both = || Object::new().text("cuit", cuit).text("cvu", cvu).end();
    let form = match (form, credit.id % 3) {
        (CvuBuyerForm::Mixed, 0) => CvuBuyerForm::Object,
        (CvuBuyerForm::Mixed, 1) => CvuBuyerForm::List,
        (CvuBuyerForm::Mixed, _) => CvuBuyerForm::Pairs,
        (form, _) => form,
    };
    match form {
        CvuBuyerForm::Object | CvuBuyerForm::Mixed => both(),
        CvuBuyerForm::List => list([both()]),
        CvuBuyerForm::Pairs => list([
            Object::new().text("cuit", cuit).end(),
            Object::new().text("cvu", cvu).end(),
        ]),
    }
}

fn link_or_order(
    answer: Object,
    name: &str,
    id: Option<u64>,
    fate: Fate,
    options: &CvuOptions,
) -> Object {
    match (id, options.absent_ids) {
        (Some(id), _) => answer.id(name, bent_id(id, fate), options.ids_as_text),
        (None, CvuAbsentIds::Null) => answer.raw(name, "null"),
        (None, CvuAbsentIds::Zero) => answer.number(name, 0),
        (None, CvuAbsentIds::LeftOut) => answer,
    }
}
