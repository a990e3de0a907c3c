//! Saved cards.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use ventanilla_core::card::Brand;
use ventanilla_core::rails::card::SealedCardMessage;

use super::{CardId, text};
use crate::error::Result;
use crate::machine::Replacement;
use crate::merchant_api::{Api, Shared};
use crate::openapi::problems::problems;
use crate::request::{self, Id, Query};
use crate::store::SavedCardRow;

/// Largest body, in bytes: a sealed card of the longest accepted size.
const MAX_BYTES: usize = 8 * 1024;

problems!(SaveProblems = [OF_PROVIDER, OF_BODY] CardMalformed);
problems!(ListProblems = [] RailNotConfigured, RequestMalformed);
problems!(FindProblems = [OF_PROVIDER] NotFound);
problems!(ReplaceProblems = [OF_PROVIDER, OF_BODY] CardMalformed, NotFound);

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(greenpay_cards, greenpay_save_card))
        .routes(routes!(
            greenpay_card,
            greenpay_replace_card,
            greenpay_delete_card
        ))
}

/// A card to be saved.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewGreenpayCard {
    /// The shop's own identifier of the buyer, as a session's `buyer.id`. The card belongs to it.
    #[schema(min_length = 1, max_length = 64)]
    buyer_id: String,
    /// The card, sealed to GreenPay's key, with a nickname of 6 to 49 characters inside. Used once.
    sealed: SealedCardMessage,
}

/// A card to replace another.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GreenpayCardReplacement {
    /// The card, sealed as one that is to be saved.
    sealed: SealedCardMessage,
    /// The sealed card names GreenPay's token of the card that it replaces, which the shop has from elsewhere: the
    /// token stays, with another card behind it. Otherwise the card gets a fresh token, and the one before is
    /// deleted at GreenPay.
    #[serde(default)]
    names_token: bool,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct CardsQuery {
    /// Whose cards.
    #[param(min_length = 1, max_length = 64, example = "buyer-7")]
    buyer_id: String,
}

/// A saved card, without its token.
#[derive(Serialize, ToSchema)]
struct GreenpayCard {
    /// `crd_` and 26 characters.
    id: String,
    /// Whose it is.
    buyer_id: String,
    /// Its brand, if it is known.
    brand: Option<Brand>,
    /// Its last four digits.
    last4: String,
    /// Its first six to eight digits, if they are known.
    bin: Option<String>,
    /// 1 to 12, if it is known.
    expiry_month: Option<u8>,
    /// Four digits, if they are known.
    expiry_year: Option<u16>,
    /// When it was saved here, RFC 3339 UTC.
    created_at: String,
}

/// A buyer's cards.
#[derive(Serialize, ToSchema)]
struct GreenpayCards {
    /// Newest first, at most 20.
    cards: Vec<GreenpayCard>,
}

impl From<SavedCardRow> for GreenpayCard {
    fn from(row: SavedCardRow) -> Self {
        Self {
            id: row.id,
            buyer_id: row.buyer_id,
            brand: row.brand,
            last4: row.last4,
            bin: row.bin,
            expiry_month: row.expiry_month,
            expiry_year: row.expiry_year,
            created_at: row.created_at.rfc3339(),
        }
    }
}

/// Saves a card for a buyer
///
/// From `ld` and `lk`, as the widget makes them. The buyer's next checkout offers it. When the answer is
/// `provider-unclear`, the card is not saved here; seal it again and repeat.
#[utoipa::path(
    post,
    path = "/v1/greenpay/cards",
    tag = "greenpay",
    request_body = NewGreenpayCard,
    responses((status = 201, description = "The card", body = GreenpayCard), SaveProblems)
)]
async fn greenpay_save_card(State(api): Api, request: Request) -> Result<Response> {
    let new: NewGreenpayCard = request::json(request, MAX_BYTES).await?;
    text("buyer_id", &new.buyer_id, 64)?;
    let card = api.machine.save_card(new.buyer_id, new.sealed).await?;
    Ok((StatusCode::CREATED, Json(GreenpayCard::from(card))).into_response())
}

/// Lists a buyer's saved cards
#[utoipa::path(
    get,
    path = "/v1/greenpay/cards",
    tag = "greenpay",
    params(CardsQuery),
    responses((status = 200, description = "The cards", body = GreenpayCards), ListProblems)
)]
async fn greenpay_cards(
    State(api): Api,
    Query(asked): Query<CardsQuery>,
) -> Result<Json<GreenpayCards>> {
    text("buyer_id", &asked.buyer_id, 64)?;
    let cards = api.machine.cards_of(&asked.buyer_id).await?;
    Ok(Json(GreenpayCards {
        cards: cards.into_iter().map(GreenpayCard::from).collect(),
    }))
}

/// Reads a saved card
///
/// With what GreenPay knows of it now.
#[utoipa::path(
    get,
    path = "/v1/greenpay/cards/{id}",
    tag = "greenpay",
    params(CardId),
    responses((status = 200, description = "The card", body = GreenpayCard), FindProblems)
)]
async fn greenpay_card(State(api): Api, Id(id): Id) -> Result<Json<GreenpayCard>> {
    let card = api.machine.saved_card(&id).await;
    let card = card.map_err(request::not_found_alike)?;
    Ok(Json(card.into()))
}

/// Replaces a saved card
///
/// The card keeps its identifier. A subscription that it pays goes on with the card before, unless it is replaced in
/// place (`names_token`): give it the card anew.
#[utoipa::path(
    put,
    path = "/v1/greenpay/cards/{id}",
    tag = "greenpay",
    params(CardId),
    request_body = GreenpayCardReplacement,
    responses((status = 200, description = "The card", body = GreenpayCard), ReplaceProblems)
)]
async fn greenpay_replace_card(
    State(api): Api,
    Id(id): Id,
    request: Request,
) -> Result<Json<GreenpayCard>> {
    let new: GreenpayCardReplacement = request::json(request, MAX_BYTES).await?;
    let how = if new.names_token {
        Replacement::InPlace
    } else {
        Replacement::Fresh
    };
    let card = api.machine.replace_card(&id, new.sealed, how).await;
    let card = card.map_err(request::not_found_alike)?;
    Ok(Json(card.into()))
}

/// Deletes a saved card
///
/// At GreenPay and here. When the answer is `provider-unclear` it is still here, and may be deleted again.
#[utoipa::path(
    delete,
    path = "/v1/greenpay/cards/{id}",
    tag = "greenpay",
    params(CardId),
    responses((status = 204, description = "It is deleted"), FindProblems)
)]
async fn greenpay_delete_card(State(api): Api, Id(id): Id) -> Result<StatusCode> {
    let deleted = api.machine.delete_card(&id).await;
    deleted.map_err(request::not_found_alike)?;
    Ok(StatusCode::NO_CONTENT)
}
