//! Sale points, the codes on their signs, and the orders behind them.

use std::time::Duration;

use crate::call::Reply;
use crate::clock::Moment;
use crate::fault::{Fate, Kind};
use crate::world::State;

use super::answer::{Object, Refusal, list};
use super::buyer::Standing;
use super::cashin::FIRST_ORDER;
use super::code::{self, Scanned};
use super::ledger::{QrOrderEntry, SalePointEntry};
use super::options::{CvuSecondOrder, CvuStaticQrFrom};
use super::{Asked, Cvu, bent_id};

impl Cvu {
    pub(super) fn sale_points(&self) -> Reply {
        let state = self.state();
        let ids_as_text = state.cvu.options.ids_as_text;
        let sale_points = state.ledger.cvu.sale_points.iter();
        let sale_points = list(
            sale_points
                .filter(|sale_point| sale_point.removed_at.is_none())
                .map(|sale_point| {
                    Object::new()
                        .id("id", sale_point.sale_point_id, ids_as_text)
                        .text("name", &sale_point.name)
                        .text("status", "active")
                        .end()
                }),
        );
        let answer = Object::ok().raw("sale_points", &sale_points);
        Reply::of(None, true, answer.end())
    }

    pub(super) fn create_sale_point(&self, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        let name = asked.fields.filled("name").ok_or(Refusal::SalePointName)?;
        let mut state = self.state();
        if state.sale_point_names().contains(name.as_str()) {
            return Err(Refusal::SalePointNameUsed);
        }
        let place = state.ledger.cvu.sale_points.len();
        let id = 1 + u64::try_from(place).unwrap_or_default();
        for (is_open, scanned) in [
            (true, Scanned::Open(place)),
            (false, Scanned::Closed(place)),
        ] {
            state.cvu.codes.insert(code::fixed(id, is_open), scanned);
        }
        state.ledger.cvu.sale_points.push(SalePointEntry {
            sale_point_id: id,
            name: name.clone(),
            at: self.world.clock.now().rfc3339(),
            removed_at: None,
        });
        let ids_as_text = state.cvu.options.ids_as_text;
        Ok(Object::ok()
            .id("sale_point_id", bent_id(id, fate), ids_as_text)
            .done(&name))
    }

    pub(super) fn delete_sale_point(&self, asked: &Asked) -> Result<Reply, Refusal> {
        let id = asked.fields.id("sale_point_id");
        let id = id.ok_or(Refusal::UnknownSalePoint)?;
        let at = self.world.clock.now().rfc3339();
        let mut state = self.state();
        let mut sale_points = state.ledger.cvu.sale_points.iter_mut();
        let sale_point = sale_points
            .find(|it| it.sale_point_id == id && it.removed_at.is_none())
            .ok_or(Refusal::UnknownSalePoint)?;
        sale_point.removed_at = Some(at);
        Ok(Object::ok().done(&id.to_string()))
    }

    pub(super) fn static_qr(&self, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        let state = self.state();
        let fields = match state.cvu.options.static_qr_from {
            CvuStaticQrFrom::Body => &asked.fields,
            CvuStaticQrFrom::Query => &asked.query,
        };
        let is_open = match fields.text("type_amount").as_deref() {
            Some("open") => true,
            Some("closed") => false,
            _ => return Err(Refusal::TypeAmount),
        };
        let id = fields.id("sale_point_id");
        let id = id.ok_or(Refusal::UnknownSalePoint)?;
        state.live_sale_point(id).ok_or(Refusal::UnknownSalePoint)?;
        let code = code::fixed(id, is_open);
        let told = if fate.is(Kind::BadCrc) {
            code::with_bad_crc(&code)
        } else {
            code
        };
        Ok(Object::ok().text("qr_code", &told).done(&id.to_string()))
    }

    pub(super) fn static_order(&self, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        let wanted = self.wanted(&asked.fields)?;
        let sale_point_id = asked.fields.id("sale_point_id");
        let sale_point_id = sale_point_id.ok_or(Refusal::UnknownSalePoint)?;
        let now = self.world.clock.now();
        let mut guard = self.state();
        let state = &mut *guard;
        state
            .live_sale_point(sale_point_id)
            .ok_or(Refusal::UnknownSalePoint)?;
        if let Some(place) = state.order_waiting_at(sale_point_id, now) {
            match (
                state.cvu.options.second_order,
                state.cvu.qr_orders.get_mut(place),
            ) {
                (CvuSecondOrder::Replace, Some(first)) => first.waits = false,
                _ => return Err(Refusal::SalePointBusy),
            }
        }
        let place = state.ledger.cvu.qr_orders.len();
        let id = FIRST_ORDER + u64::try_from(place).unwrap_or_default();
        let lifetime = Duration::from_secs(u64::from(state.cvu.options.static_order_secs));
        state.cvu.qr_orders.push(Standing {
            expires: Some(now.plus(lifetime)),
            waits: true,
            ..Standing::of(wanted.amount, true)
        });
        state.ledger.cvu.qr_orders.push(QrOrderEntry {
            qr_order_id: id,
            qr_code: None,
            sale_point_id: Some(sale_point_id),
            amount: wanted.amount.two_decimals(),
            concept: wanted.concept,
            description: wanted.description,
            at: now.rfc3339(),
        });
        let ids_as_text = state.cvu.options.ids_as_text;
        Ok(Object::ok()
            .id("qr_order_id", bent_id(id, fate), ids_as_text)
            .done(&id.to_string()))
    }
}

impl State {
    /// The sale point with this number, there or removed.
    pub(super) fn sale_point(&self, id: u64) -> Option<&SalePointEntry> {
        let place = usize::try_from(id.checked_sub(1)?).ok()?;
        self.ledger.cvu.sale_points.get(place)
    }

    pub(super) fn live_sale_point(&self, id: u64) -> Option<&SalePointEntry> {
        self.sale_point(id)
            .filter(|sale_point| sale_point.removed_at.is_none())
    }

    /// Where in the ledger the order is that waits behind the closed code of a sale point.
    pub(super) fn order_waiting_at(&self, sale_point: u64, now: Moment) -> Option<usize> {
        let orders = self.cvu.qr_orders.iter().zip(&self.ledger.cvu.qr_orders);
        orders
            .enumerate()
            .filter(|(_, (_, entry))| entry.sale_point_id == Some(sale_point))
            .find(|(_, (standing, _))| standing.waits && standing.expires > Some(now))
            .map(|(place, _)| place)
    }
}
