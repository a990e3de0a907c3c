//! The goods of a purchase, as the buyer's statement shows them. The provider checks none of it.

use serde::Serialize;
use ventanilla_core::money::Money;

use super::amount::{Cents, Sent};
use super::wire::is_text;
use crate::outcome::Cause;

/// The goods of a purchase. Sums are below zero where goods go back.
#[derive(Clone, Debug, Default)]
pub struct SkuData {
    /// 1 to 10 characters.
    pub purchase_order: Option<String>,
    /// What sending them costs, in Canadian dollars; none on a return or a refund.
    pub shipping_total: Option<Money>,
    /// 1 to 50 characters.
    pub register_id: Option<String>,
    /// Discounts together.
    pub transaction_discount_total: Option<Cents>,
    /// Before tax.
    pub transaction_subtotal: Option<Cents>,
    /// Federal or harmonised sales tax.
    pub gst_hst: Option<Cents>,
    /// Provincial sales tax.
    pub pst: Option<Cents>,
    /// With tax.
    pub transaction_total: Option<Cents>,
    /// Line by line.
    pub products: Vec<Product>,
}

/// One line.
#[derive(Clone, Debug, Serialize)]
pub struct Product {
    /// 1 to 100 characters.
    pub sku_id: String,
    /// 1 to 100 characters.
    pub category: String,
    /// 1 to 100 characters.
    pub description: String,
    /// How many, at least one.
    pub quantity: u32,
    /// For one.
    pub unit_price: Cents,
    /// For all of them.
    pub extended_price: Cents,
}

/// The goods, as they are sent.
#[derive(Serialize)]
pub(super) struct SkuPart<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase_order: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shipping_total: Option<Sent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    register_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_discount_total: Option<Cents>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_subtotal: Option<Cents>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gst_hst: Option<Cents>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pst: Option<Cents>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_total: Option<Cents>,
    products: &'a [Product],
}

impl<'a> SkuPart<'a> {
    /// Goods that go out.
    pub(super) fn out(data: &'a Option<SkuData>) -> Result<Option<Self>, Cause> {
        data.as_ref().map(Self::of).transpose()
    }

    /// Goods that come back.
    pub(super) fn back(data: &'a Option<SkuData>) -> Result<Option<Self>, Cause> {
        match data {
            Some(data) if data.shipping_total.is_some() => Err(Cause::Request("shipping_total")),
            data => Self::out(data),
        }
    }

    fn of(data: &'a SkuData) -> Result<Self, Cause> {
        let fits = |text: &Option<String>, max| text.as_ref().is_none_or(|text| is_text(text, max));
        let is_product = |product: &Product| {
            let texts = [&product.sku_id, &product.category, &product.description];
            texts.into_iter().all(|text| is_text(text, 100)) && product.quantity > 0
        };
        let in_dollars = |money: Money| money.currency() == ventanilla_core::money::Currency::CAD;
        if !fits(&data.purchase_order, 10) {
            return Err(Cause::Request("purchase_order"));
        }
        if !fits(&data.register_id, 50) {
            return Err(Cause::Request("register_id"));
        }
        if !data.products.iter().all(is_product) {
            return Err(Cause::Request("products"));
        }
        if !data.shipping_total.is_none_or(in_dollars) {
            return Err(Cause::Request("shipping_total"));
        }
        Ok(Self {
            purchase_order: data.purchase_order.as_deref(),
            shipping_total: data.shipping_total.map(Sent),
            register_id: data.register_id.as_deref(),
            transaction_discount_total: data.transaction_discount_total,
            transaction_subtotal: data.transaction_subtotal,
            gst_hst: data.gst_hst,
            pst: data.pst,
            transaction_total: data.transaction_total,
            products: &data.products,
        })
    }
}
