//! The management host: for tests and for the person at the demo. No provider has such a thing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Controls;
use crate::cards::{TestCard, test_cards};
use crate::cvu::notice::CvuByHand;
use crate::cvu::options::CvuOptions;
use crate::cvu::{PayRefusal, PayRequest, payers};
use crate::fault::{Fault, Kind, Operation, RandomFaults};
use crate::flexiti::accounts::{FlexitiAccount, FlexitiAccountChange, FlexitiAccountError};
use crate::flexiti::options::FlexitiOptions;
use crate::flexiti::refusal::FlexitiRefuse;
use crate::flexiti::widget::{FlexitiIdentify, IdentifyRefusal};
use crate::flux::options::FluxOptions;
use crate::flux::{CodeRequest, FreshCode};
use crate::greenpay::notice::ByHand;
use crate::ledger::Ledger;
use crate::notify::Notifications;
use crate::{origin, page};

pub(crate) fn router(controls: Arc<Controls>) -> Router {
    Router::new()
        .route("/", get(help))
        .route("/health", get(async || Json(json!({ "status": "ok" }))))
        .route("/ledger", get(ledger))
        .route("/cards", get(async || Json::<Vec<TestCard>>(test_cards())))
        .route("/faults", get(faults).post(set_fault).delete(clear_faults))
        .route("/notifications", get(notifications).post(set_notifications))
        .route("/notifications/send", post(send_notification))
        .route("/sessions/expire", post(expire_sessions))
        .route("/reset", post(reset))
        .route("/clock", post(move_clock))
        .route("/cvu/pay", post(pay_cvu))
        .route("/cvu/payers", get(async || Json(payers())))
        .route("/cvu/options", get(cvu_options).post(set_cvu_options))
        .route(
            "/cvu/notifications",
            get(cvu_notifications).post(set_cvu_notifications),
        )
        .route("/cvu/notifications/send", post(send_cvu_notification))
        .route("/flux/codes", post(make_flux_code))
        .route("/flux/options", get(flux_options).post(set_flux_options))
        .route(
            "/flexiti/options",
            get(flexiti_options).post(set_flexiti_options),
        )
        .route(
            "/flexiti/accounts",
            get(flexiti_accounts).post(open_flexiti_account),
        )
        .route(
            "/flexiti/accounts/{account_number}",
            post(change_flexiti_account),
        )
        .route("/flexiti/identify", post(identify_flexiti))
        .route("/flexiti/refuse", post(refuse_flexiti))
        .layer(from_fn(refuse_other_origins))
        .with_state(controls)
}

/// A page of another site may not press the buttons.
async fn refuse_other_origins(request: Request, next: Next) -> Response {
    if origin::is_own(request.headers()) {
        next.run(request).await
    } else {
        refusal(
            StatusCode::FORBIDDEN,
            "this origin may not use the management host",
        )
    }
}

fn refusal(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "error": text }))).into_response()
}

async fn help(State(controls): State<Arc<Controls>>) -> Response {
    let page = page::render(&controls);
    (
        [(header::CONTENT_SECURITY_POLICY, page::policy())],
        Html(page),
    )
        .into_response()
}

async fn ledger(State(controls): State<Arc<Controls>>) -> Json<Ledger> {
    Json(controls.world.state().ledger.clone())
}

#[derive(Serialize)]
struct FaultsView {
    armed: Vec<Fault>,
    random: Option<RandomFaults>,
    /// How many calls of each operation came.
    calls: BTreeMap<Operation, u64>,
    /// How many of them met each kind of fault, set by hand and drawn.
    met: BTreeMap<Kind, BTreeMap<Operation, u64>>,
}

async fn faults(State(controls): State<Arc<Controls>>) -> Json<FaultsView> {
    let state = controls.world.state();
    Json(FaultsView {
        armed: state.faults.armed().to_vec(),
        random: state.faults.random().cloned(),
        calls: state.ledger.count_calls(),
        met: state.ledger.count_faults(),
    })
}

/// The other form of the body, beside a [`Fault`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RandomOnly {
    random: RandomFaults,
}

async fn set_fault(
    State(controls): State<Arc<Controls>>,
    body: Result<Json<serde_json::Value>, JsonRejection>,
) -> Response {
    let body = match body {
        Ok(Json(body)) => body,
        Err(rejection) => return refusal(rejection.status(), &rejection.body_text()),
    };
    // Told apart by hand, so that an error names the field that is wrong.
    let set = if body.get("random").is_some() {
        match serde_json::from_value(body) {
            Ok(RandomOnly { random }) => controls.world.state().faults.arm_random(random),
            Err(error) => return refusal(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
        }
    } else {
        match serde_json::from_value::<Fault>(body) {
            Ok(fault) => controls.arm(fault).await,
            Err(error) => return refusal(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
        }
    };
    match set {
        Ok(()) => (StatusCode::CREATED, faults(State(controls)).await).into_response(),
        Err(error) => refusal(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
    }
}

async fn clear_faults(State(controls): State<Arc<Controls>>) -> StatusCode {
    controls.clear_faults().await;
    StatusCode::NO_CONTENT
}

async fn notifications(State(controls): State<Arc<Controls>>) -> Json<Notifications> {
    Json(controls.world.state().notifications.clone())
}

async fn set_notifications(
    State(controls): State<Arc<Controls>>,
    body: Result<Json<Notifications>, JsonRejection>,
) -> Response {
    let wanted = match body {
        Ok(Json(wanted)) => wanted,
        Err(rejection) => return refusal(rejection.status(), &rejection.body_text()),
    };
    match controls.notify(wanted.clone()) {
        Ok(()) => (StatusCode::CREATED, Json(wanted)).into_response(),
        Err(error) => refusal(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
    }
}

/// Answers when the notification was posted, with the statuses that came back.
async fn send_notification(
    State(controls): State<Arc<Controls>>,
    body: Result<Json<ByHand>, JsonRejection>,
) -> Response {
    let by_hand = match body {
        Ok(Json(by_hand)) => by_hand,
        Err(rejection) => return refusal(rejection.status(), &rejection.body_text()),
    };
    match controls.greenpay.notify_by_hand(by_hand).await {
        Ok(statuses) => Json(json!({ "http_statuses": statuses })).into_response(),
        Err(error) => refusal(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
    }
}

async fn expire_sessions(State(controls): State<Arc<Controls>>) -> StatusCode {
    controls.end_sessions();
    StatusCode::NO_CONTENT
}

async fn reset(State(controls): State<Arc<Controls>>) -> StatusCode {
    controls.reset().await;
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MoveClock {
    advance_secs: u32,
}

async fn move_clock(
    State(controls): State<Arc<Controls>>,
    body: Result<Json<MoveClock>, JsonRejection>,
) -> Response {
    match body {
        Ok(Json(MoveClock { advance_secs })) => {
            controls
                .world
                .clock
                .move_on(Duration::from_secs(u64::from(advance_secs)));
            StatusCode::NO_CONTENT.into_response()
        }
        Err(rejection) => refusal(rejection.status(), &rejection.body_text()),
    }
}

/// Answers with the payments as the ledger has them.
async fn pay_cvu(
    State(controls): State<Arc<Controls>>,
    body: Result<Json<PayRequest>, JsonRejection>,
) -> Response {
    let request = match body {
        Ok(Json(request)) => request,
        Err(rejection) => return refusal(rejection.status(), &rejection.body_text()),
    };
    match controls.cvu.pay_by_hand(request).await {
        Ok(credits) => (StatusCode::CREATED, Json(credits)).into_response(),
        Err(why) => {
            let status = match why {
                PayRefusal::Unknown => StatusCode::NOT_FOUND,
                PayRefusal::Paid
                | PayRefusal::Expired
                | PayRefusal::NoOrder
                | PayRefusal::Removed => StatusCode::CONFLICT,
                _ => StatusCode::UNPROCESSABLE_ENTITY,
            };
            refusal(status, why.text())
        }
    }
}

async fn cvu_options(State(controls): State<Arc<Controls>>) -> Json<CvuOptions> {
    Json(controls.world.state().cvu.options.clone())
}

async fn set_cvu_options(
    State(controls): State<Arc<Controls>>,
    body: Result<Json<CvuOptions>, JsonRejection>,
) -> Response {
    let wanted = match body {
        Ok(Json(wanted)) => wanted,
        Err(rejection) => return refusal(rejection.status(), &rejection.body_text()),
    };
    match controls.set_cvu(wanted.clone()) {
        Ok(()) => (StatusCode::CREATED, Json(wanted)).into_response(),
        Err(error) => refusal(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
    }
}

async fn cvu_notifications(State(controls): State<Arc<Controls>>) -> Json<Notifications> {
    Json(controls.world.state().cvu.notifications.clone())
}

async fn set_cvu_notifications(
    State(controls): State<Arc<Controls>>,
    body: Result<Json<Notifications>, JsonRejection>,
) -> Response {
    let wanted = match body {
        Ok(Json(wanted)) => wanted,
        Err(rejection) => return refusal(rejection.status(), &rejection.body_text()),
    };
    match controls.notify_credits(wanted.clone()) {
        Ok(()) => (StatusCode::CREATED, Json(wanted)).into_response(),
        Err(error) => refusal(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
    }
}

async fn send_cvu_notification(
    State(controls): State<Arc<Controls>>,
    body: Result<Json<CvuByHand>, JsonRejection>,
) -> Response {
    let by_hand = match body {
        Ok(Json(by_hand)) => by_hand,
        Err(rejection) => return refusal(rejection.status(), &rejection.body_text()),
    };
    match controls.cvu.notify_by_hand(by_hand).await {
        Ok(statuses) => Json(json!({ "http_statuses": statuses })).into_response(),
        Err(error) => refusal(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
    }
}

async fn make_flux_code(
    State(controls): State<Arc<Controls>>,
    body: Result<Json<CodeRequest>, JsonRejection>,
) -> Response {
    match body {
        Ok(Json(CodeRequest { kind })) => {
            let code: FreshCode = controls.flux.fresh_code(kind);
            (StatusCode::CREATED, Json(code)).into_response()
        }
        Err(rejection) => refusal(rejection.status(), &rejection.body_text()),
    }
}

async fn flux_options(State(controls): State<Arc<Controls>>) -> Json<FluxOptions> {
    Json(controls.world.state().flux.options.clone())
}

async fn set_flux_options(
    State(controls): State<Arc<Controls>>,
    body: Result<Json<FluxOptions>, JsonRejection>,
) -> Response {
    let wanted = match body {
        Ok(Json(wanted)) => wanted,
        Err(rejection) => return refusal(rejection.status(), &rejection.body_text()),
    };
    match controls.set_flux(wanted.clone()) {
        Ok(()) => (StatusCode::CREATED, Json(wanted)).into_response(),
        Err(error) => refusal(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
    }
}

async fn flexiti_options(State(controls): State<Arc<Controls>>) -> Json<FlexitiOptions> {
    Json(controls.world.state().flexiti.options.clone())
}

async fn set_flexiti_options(
    State(controls): State<Arc<Controls>>,
    body: Result<Json<FlexitiOptions>, JsonRejection>,
) -> Response {
    let wanted = match body {
        Ok(Json(wanted)) => wanted,
        Err(rejection) => return refusal(rejection.status(), &rejection.body_text()),
    };
    match controls.set_flexiti(wanted.clone()) {
        Ok(()) => (StatusCode::CREATED, Json(wanted)).into_response(),
        Err(error) => refusal(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
    }
}

async fn flexiti_accounts(State(controls): State<Arc<Controls>>) -> Json<Vec<FlexitiAccount>> {
    Json(controls.world.state().flexiti.accounts.all())
}

/// Answers with the new account.
async fn open_flexiti_account(
    State(controls): State<Arc<Controls>>,
    body: Result<Json<FlexitiAccountChange>, JsonRejection>,
) -> Response {
    let change = match body {
        Ok(Json(change)) => change,
        Err(rejection) => return refusal(rejection.status(), &rejection.body_text()),
    };
    account_view(controls.world.state().flexiti.accounts.open(&change))
}

/// Answers with the account as it is now.
async fn change_flexiti_account(
    State(controls): State<Arc<Controls>>,
    Path(account_number): Path<u64>,
    body: Result<Json<FlexitiAccountChange>, JsonRejection>,
) -> Response {
    let change = match body {
        Ok(Json(change)) => change,
        Err(rejection) => return refusal(rejection.status(), &rejection.body_text()),
    };
    let mut state = controls.world.state();
    account_view(state.flexiti.accounts.change(account_number, &change))
}

fn account_view(account: Result<FlexitiAccount, FlexitiAccountError>) -> Response {
    match account {
        Ok(account) => (StatusCode::CREATED, Json(account)).into_response(),
        Err(error) => {
            let status = match error {
                FlexitiAccountError::Unknown(_) => StatusCode::NOT_FOUND,
                FlexitiAccountError::Unfit(_) => StatusCode::UNPROCESSABLE_ENTITY,
            };
            refusal(status, &error.to_string())
        }
    }
}

/// Answers with the message that the page would have posted.
async fn identify_flexiti(
    State(controls): State<Arc<Controls>>,
    body: Result<Json<FlexitiIdentify>, JsonRejection>,
) -> Response {
    let wanted = match body {
        Ok(Json(wanted)) => wanted,
        Err(rejection) => return refusal(rejection.status(), &rejection.body_text()),
    };
    match controls.flexiti.identify(&wanted) {
        Ok(message) => (StatusCode::CREATED, Json(message)).into_response(),
        Err(why) => {
            let status = match why {
                IdentifyRefusal::Unknown => StatusCode::NOT_FOUND,
                _ => StatusCode::CONFLICT,
            };
            refusal(status, why.text())
        }
    }
}

async fn refuse_flexiti(
    State(controls): State<Arc<Controls>>,
    body: Result<Json<FlexitiRefuse>, JsonRejection>,
) -> Response {
    let wanted = match body {
        Ok(Json(wanted)) => wanted,
        Err(rejection) => return refusal(rejection.status(), &rejection.body_text()),
    };
    match controls.world.state().flexiti.refuse(wanted) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(reason) => refusal(StatusCode::UNPROCESSABLE_ENTITY, &reason),
    }
}
