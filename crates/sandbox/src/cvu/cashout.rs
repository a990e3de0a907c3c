//! Money that leaves: transfers, each once under its reference, and their vouchers.

use std::time::Duration;

use base64::Engine as _;
use ventanilla_core::account::{Account, Alias, Cuit};

use crate::amount::Amount;
use crate::call::Reply;
use crate::clock::Moment;
use crate::fault::Fate;
use crate::world::State;

use super::answer::{Object, Refusal};
use super::fields::Fields;
use super::ledger::{CashoutEntry, CashoutRefusal, CashoutState};
use super::options::CvuVoucherForm;
use super::payers::{payer, payers};
use super::{Asked, Cvu, bent_id};

/// The number of the first transfer.
const FIRST: u64 = 700_001;

/// A transfer that was sent.
#[derive(Debug)]
pub(super) struct Transfer {
    /// Where in the ledger.
    pub(super) line: usize,
    pub(super) id: u64,
    data: Data,
    pub(super) amount: Amount,
    pub(super) holder: String,
    pub(super) account: String,
    pub(super) sent: Moment,
    /// Reads do not show it before.
    pub(super) visible: Moment,
}

/// What has to be the same when a reference comes again. Numbers are compared by what they are: `1500.5`
/// and `1500.50` are one amount.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Data {
    reference_id: String,
    cvu: Option<String>,
    alias: Option<String>,
    cuit: String,
    amount: Option<Amount>,
    concept: String,
    description: String,
}

impl Data {
    fn of(fields: &Fields, amounts_as_text: bool) -> Self {
        let text = |name: &str| fields.text(name).unwrap_or_default();
        Self {
            reference_id: text("reference_id"),
            cvu: fields.filled("cvu"),
            alias: fields.filled("alias"),
            cuit: text("cuit"),
            amount: fields.amount("amount", amounts_as_text),
            concept: text("concept"),
            description: text("description"),
        }
    }
}

/// Whose account the money goes to.
struct Receiver {
    holder: String,
    account: String,
}

impl Cvu {
    pub(super) fn cashout(&self, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        let as_text = self.state().cvu.options.amounts_as_text;
        let data = Data::of(&asked.fields, as_text);
        if data.reference_id.trim().is_empty() {
            return Err(Refusal::Reference);
        }
        let fits = self.receiver(&data);
        let now = self.world.clock.now();
        let mut state = self.state();
        let result = state.send(&data, fits, fate, now);
        let ids_as_text = state.cvu.options.ids_as_text;
        drop(state);
        let id = result?;
        let answer = Object::ok().id("id", bent_id(id, fate), ids_as_text);
        Ok(answer.done(&data.reference_id))
    }

    /// Whoever is to get it, if everything else is as it should be.
    fn receiver(&self, data: &Data) -> Result<(Receiver, Amount), Refusal> {
        let cuit = Cuit::parse(&data.cuit).map_err(|_| Refusal::Cuit)?;
        let known = match (&data.cvu, &data.alias) {
            (Some(cvu), None) => {
                let account = Account::parse(cvu).map_err(|_| Refusal::Account)?;
                let account = account.as_str().to_owned();
                let known = payers().into_iter().find(|payer| payer.cvu == account);
                known.ok_or(account)
            }
            (None, Some(alias)) => {
                let alias = Alias::parse(alias).map_err(|_| Refusal::NoSuchAlias)?;
                Ok(payer(alias.as_str()).ok_or(Refusal::NoSuchAlias)?)
            }
            _ => return Err(Refusal::OneAccount),
        };
        let receiver = match known {
            Ok(payer) if payer.cuit != cuit.digits() => return Err(Refusal::OtherHolder),
            Ok(payer) => Receiver {
                holder: payer.holder,
                account: payer.cvu,
            },
            // Nobody of ours: whoever is named has it.
            Err(account) => Receiver {
                holder: String::from("TITULAR DE OTRA CUENTA"),
                account,
            },
        };
        let amount = data.amount.ok_or(Refusal::Amount)?;
        if !self.is_concept(&data.concept) {
            return Err(Refusal::Concept);
        }
        Ok((receiver, amount))
    }

    pub(super) fn voucher(&self, asked: &Asked) -> Result<Reply, Refusal> {
        let state = self.state();
        let id: u64 = asked.id.parse().map_err(|_| Refusal::UnknownTransfer)?;
        let transfers = &state.cvu.transfers;
        if !transfers.iter().any(|transfer| transfer.id == id) {
            return Err(Refusal::UnknownTransfer);
        }
        let voucher = match state.cvu.options.voucher {
            // The first two lines of a PDF, which is as much as anybody looks at.
            CvuVoucherForm::Pdf => {
                base64::engine::general_purpose::STANDARD.encode("%PDF-1.4\n% prueba\n")
            }
            CvuVoucherForm::Link => format!("https://ejemplo.test/comprobante/{id}"),
        };
        Ok(Object::ok().text("voucher", &voucher).done(&asked.id))
    }
}

impl State {
    /// Sends money, unless it was sent under this reference before; gives the transfer's number.
    fn send(
        &mut self,
        data: &Data,
        fits: Result<(Receiver, Amount), Refusal>,
        fate: Fate,
        now: Moment,
    ) -> Result<u64, Refusal> {
        let asked = self.cvu.asked.entry(data.reference_id.clone());
        let count = asked.or_default();
        *count = count.saturating_add(1);
        let count = *count;
        let line = self.ledger.cvu.cashouts.len();
        // The reference comes first: whoever repeats a call is told what became of it.
        let mut transfers = self.cvu.transfers.iter();
        let before = transfers.find(|it| it.data.reference_id == data.reference_id);
        let result = match (before, fits) {
            (Some(before), _) if before.data == *data => Ok((CashoutState::Repeated, before.id)),
            (Some(_), _) => Err(Refusal::ReferenceUsed),
            (None, Err(refusal)) => Err(refusal),
            (None, Ok((_, amount))) if amount > self.funds(now) => Err(Refusal::NoFunds),
            (None, Ok((receiver, amount))) => {
                let id = FIRST + u64::try_from(self.cvu.transfers.len()).unwrap_or_default();
                self.cvu.transfers.push(Transfer {
                    line,
                    id,
                    data: data.clone(),
                    amount,
                    holder: receiver.holder,
                    account: receiver.account,
                    sent: now,
                    visible: now.plus(Duration::from_millis(fate.hidden_ms)),
                });
                Ok((CashoutState::Sent, id))
            }
        };
        let (state, id, refusal) = match result {
            Ok((state, id)) => (state, Some(id), None),
            Err(refusal) => (CashoutState::Refused, None, Some(why(refusal))),
        };
        tracing::info!(
            reference = data.reference_id,
            count,
            "cash-out {}",
            match state {
                CashoutState::Sent => "sent",
                CashoutState::Repeated => "told again",
                CashoutState::Refused => "refused",
            }
        );
        self.ledger.cvu.cashouts.push(CashoutEntry {
            id,
            reference_id: data.reference_id.clone(),
            cvu: data.cvu.clone(),
            alias: data.alias.clone(),
            cuit: data.cuit.clone(),
            amount: data.amount.map(Amount::two_decimals),
            concept: data.concept.clone(),
            description: data.description.clone(),
            state,
            refusal,
            at: now.rfc3339(),
            count,
        });
        result.map(|(_, id)| id)
    }
}

const fn why(refusal: Refusal) -> CashoutRefusal {
    match refusal {
        Refusal::ReferenceUsed => CashoutRefusal::ReferenceUsed,
        Refusal::NoFunds => CashoutRefusal::NoFunds,
        Refusal::NoSuchAlias | Refusal::OtherHolder => CashoutRefusal::NoSuchAccount,
        _ => CashoutRefusal::Unfit,
    }
}
