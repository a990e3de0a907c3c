//! What the buyer's browser may ask, with a client token: the other end of
//! [`ventanilla_core::api`].
//!
//! | call | answer |
//! |---|---|
//! | `GET /v1/checkout` | the session as its buyer may see it |
//! | `POST /v1/checkout/attempts` | 202 while the attempt runs, 200 once it has ended; `Idempotency-Key` required |
//! | `GET /v1/checkout/attempts/{id}` | the attempt; `?wait=` holds the answer back until something changes |
//! | `POST /v1/checkout/attempts/{id}/steps` | the attempt after a step of its buyer |
//!
//! Guards in the order in which they act: how much this client asked for, where the page lives, the
//! client token, how much this session asked for, the body.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json, Router};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use tokio::sync::watch;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use ventanilla_core::api::{AttemptView, CheckoutView, MAX_WAIT_SECS, StartAttempt, Step};
use ventanilla_core::attempt::NextAction;
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::rails::Rail;

use crate::clock::SharedClock;
use crate::error::{Error, Result};
use crate::limits::{Client, Limits};
use crate::machine::Machine;
use crate::openapi::params::{AttemptId, Keyed};
use crate::openapi::problems::problems;
use crate::origin::{Caller, OriginPolicy, PREFLIGHT_MAX_AGE_SECS};
use crate::request::{self, Id};
use crate::server::stopped;
use crate::token::{ClientTokens, Refusal};

/// Largest body of `POST /v1/checkout/attempts`, in bytes.
pub const ATTEMPT_MAX_BYTES: usize = 16 * 1024;

/// The folder of this API.
pub const PREFIX: &str = "/v1/checkout";

/// What the browser API works with.
pub struct BrowserApi {
    /// Sessions and attempts.
    pub machine: Arc<Machine>,
    /// Opens client tokens.
    pub tokens: Arc<ClientTokens>,
    /// Whose pages may ask.
    pub policy: Arc<OriginPolicy>,
    /// How much may be asked.
    pub limits: Arc<Limits>,
    /// The time.
    pub clock: SharedClock,
    /// Becomes true when the proxy stops: whoever waits is answered at once.
    pub stopping: watch::Receiver<bool>,
}

/// Who got past the guards.
#[derive(Clone)]
struct Visitor {
    caller: Caller,
    session_id: String,
}

type Api = State<Arc<BrowserApi>>;

/// What any of these routes may refuse.
pub const ALWAYS: &[ProblemCode] = &[
    ProblemCode::ClientTokenInvalid,
    ProblemCode::OriginNotAllowed,
    ProblemCode::RateLimited,
    ProblemCode::Internal,
    ProblemCode::StoreUnavailable,
];

problems!(ReadProblems = [] FrameOnly, NotFound);
problems!(WaitProblems = [] NotFound, RequestMalformed);
problems!(
    StartProblems = [OF_KEY, OF_BODY]
    AttemptRunning, AttemptsExhausted, CardMalformed, FrameOnly, IdentityMalformed, InstallmentsNotOffered,
    NotFound, ProviderUnavailable, RailNotOffered, SavedCardUnknown, SessionExpired, SessionPaid, TipNotAllowed,
    WalletCodeMalformed,
);
problems!(
    StepProblems = [OF_BODY]
    IdentityMalformed, IdentityRefused, NotFound, PlanNotOffered, ProviderUnavailable,
);

/// The routes.
pub fn routes(api: BrowserApi) -> Router {
    let api = Arc::new(api);
    Router::from(described())
        .route_layer(middleware::from_fn_with_state(api.clone(), admit))
        .with_state(api)
}

/// The routes, with what the OpenAPI document says of them.
pub(crate) fn described() -> OpenApiRouter<Arc<BrowserApi>> {
    OpenApiRouter::new()
        .routes(routes!(read_checkout))
        .routes(routes!(start_attempt))
        .routes(routes!(read_checkout_attempt))
        .routes(routes!(take_step))
}

/// Lets pages of the merchant's list read the answers, errors included, and answers preflights.
pub async fn cors(
    State(policy): State<Arc<OriginPolicy>>,
    request: Request,
    next: Next,
) -> Response {
    if !is_browser_api(request.uri().path()) {
        return next.run(request).await;
    }
    let allowed = policy.cors(request.headers());
    let preflight = request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if !preflight {
        next.run(request).await
    } else if allowed.is_some() {
        preflight_answer()
    } else {
        Error::new(ProblemCode::OriginNotAllowed).into_response()
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("retry-after"),
        );
    }
    response
}

fn is_browser_api(path: &str) -> bool {
    path.strip_prefix(PREFIX)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn preflight_answer() -> Response {
    let headers: [(HeaderName, HeaderValue); 3] = [
        (
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, POST"),
        ),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("authorization, content-type, idempotency-key"),
        ),
        (
            header::ACCESS_CONTROL_MAX_AGE,
            HeaderValue::from(PREFLIGHT_MAX_AGE_SECS),
        ),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

async fn admit(State(api): Api, mut request: Request, next: Next) -> Response {
    match api.visitor(request.headers()) {
        Ok(visitor) => {
            request.extensions_mut().insert(visitor);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

/// Reads the session as its buyer may see it
///
/// Payee, total, the rails offered with what each needs, and the latest attempt, running or ended.
#[utoipa::path(
    get,
    path = "/v1/checkout",
    tag = "checkout",
    responses((status = 200, description = "The session", body = CheckoutView), ReadProblems)
)]
async fn read_checkout(
    State(api): Api,
    Extension(visitor): Extension<Visitor>,
) -> Result<Json<CheckoutView>> {
    let view = api.machine.checkout_view(&visitor.session_id).await;
    let mut view = view.map_err(request::not_found_alike)?;
    // Nobody fills in a form whose answer will be refused for the page it stands in.
    let mut refused = None;
    view.rails.retain(|rail| {
        let allowed = api.policy.may_start(&visitor.caller, *rail);
        allowed.map_err(|error| refused = Some(error)).is_ok()
    });
    if !view.rails.contains(&Rail::Card) {
        view.card = None;
    }
    if !view.rails.contains(&Rail::Cvu) {
        view.cvu = None;
    }
    if !view.rails.contains(&Rail::Flexiti) {
        view.flexiti = None;
    }
    view.attempt = view.attempt.map(|attempt| api.shown_to(&visitor, attempt));
    match refused {
        Some(error) if view.rails.is_empty() => Err(error),
        _ => Ok(Json(view)),
    }
}

/// Starts an attempt
///
/// There is no amount in it. The same `Idempotency-Key` never starts two; repeated, it is answered with the
/// attempt as it stands.
#[utoipa::path(
    post,
    path = "/v1/checkout/attempts",
    tag = "checkout",
    params(Keyed),
    request_body = StartAttempt,
    responses(
        (status = 200, description = "The attempt: it has ended, or waits for its buyer", body = AttemptView),
        (status = 202, description = "The attempt runs; ask again after `poll_after_ms`", body = AttemptView),
        StartProblems
    )
)]
async fn start_attempt(
    State(api): Api,
    Extension(visitor): Extension<Visitor>,
    Extension(client): Extension<Client>,
    request: Request,
) -> Result<Response> {
    let key = request::idempotency_key(request.headers())?;
    let start: StartAttempt = request::json(request, ATTEMPT_MAX_BYTES).await?;
    api.policy.may_start(&visitor.caller, start.rail)?;
    match start.rail {
        // A code that is as good as cash could be tried out as a card can.
        // So could a person be looked up.
        Rail::Card | Rail::Flux | Rail::Flexiti => api.limits.card_start(client)?,
        // Nothing can be tried out with it, and its session's limit holds.
        Rail::Cvu => {}
    }
    let view = api
        .machine
        .start_attempt(&visitor.session_id, &key, start)
        .await
        .map_err(request::not_found_alike)?;
    let status = if view.next_action == NextAction::Wait {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(view)).into_response())
}

/// Reads an attempt as its buyer may see it
///
/// With `wait` the answer is held back until something changes.
#[utoipa::path(
    get,
    path = "/v1/checkout/attempts/{id}",
    tag = "checkout",
    params(AttemptId, ("wait" = Option<u8>, Query, description = "Seconds to hold the answer back at most", minimum = 0, maximum = 25)),
    responses((status = 200, description = "The attempt", body = AttemptView), WaitProblems)
)]
async fn read_checkout_attempt(
    State(api): Api,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id,
    RawQuery(query): RawQuery,
) -> Result<Json<AttemptView>> {
    let wait = parse_wait(query.as_deref())?;
    let mut stopping = api.stopping.clone();
    let view = tokio::select! {
        view = api.machine.attempt_view(&visitor.session_id, &id, wait) => view,
        () = stopped(&mut stopping) => {
            api.machine.attempt_view(&visitor.session_id, &id, Duration::ZERO).await
        }
    };
    let view = view.map_err(request::not_found_alike)?;
    Ok(Json(api.shown_to(&visitor, view)))
}

/// Takes a step of the buyer in an attempt
///
/// Repeated, it changes nothing more.
#[utoipa::path(
    post,
    path = "/v1/checkout/attempts/{id}/steps",
    tag = "checkout",
    params(AttemptId),
    request_body = Step,
    responses((status = 200, description = "The attempt as it stands after it", body = AttemptView), StepProblems)
)]
async fn take_step(
    State(api): Api,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id,
    request: Request,
) -> Result<Json<AttemptView>> {
    let step: Step = request::json(request, ATTEMPT_MAX_BYTES).await?;
    if matches!(
        step,
        Step::Identified(_) | Step::NotIdentified(_) | Step::Finance(_)
    ) {
        api.policy.may_start(&visitor.caller, Rail::Flexiti)?;
    }
    let view = api.machine.take_step(&visitor.session_id, &id, step).await;
    view.map(Json).map_err(request::not_found_alike)
}

fn parse_wait(query: Option<&str>) -> Result<Duration> {
    let Some(query) = query.filter(|query| !query.is_empty()) else {
        return Ok(Duration::ZERO);
    };
    query
        .strip_prefix("wait=")
        .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|digits| digits.parse::<u8>().ok())
        .filter(|secs| *secs <= MAX_WAIT_SECS)
        .map(|secs| Duration::from_secs(secs.into()))
        .ok_or_else(|| {
            Error::new(ProblemCode::RequestMalformed).detail(format!(
                "expected no query but wait, a whole number of seconds from 0 to {MAX_WAIT_SECS}"
            ))
        })
}

impl BrowserApi {
    /// A shop's page hears nothing of what only the frame may act on: the address of the provider's page lets in
    /// whoever has it.
    fn shown_to(&self, visitor: &Visitor, mut view: AttemptView) -> AttemptView {
        if self.policy.may_start(&visitor.caller, view.rail).is_err() {
            view.hosted_page = None;
            view.offers = None;
        }
        view
    }

    fn visitor(&self, headers: &HeaderMap) -> Result<Visitor> {
        let caller = self.policy.caller(headers).inspect_err(|_| {
            metrics::counter!("ventanilla_origins_refused_total").increment(1);
        })?;
        let claims = request::bearer(headers)
            .ok_or(Refusal::Malformed)
            .and_then(|token| self.tokens.open(token, self.clock.now()))
            .inspect_err(|refusal| {
                metrics::counter!("ventanilla_client_tokens_refused_total", "reason" => refusal.name())
                    .increment(1);
            })?;
        self.limits.session_request(&claims.session_id)?;
        Ok(Visitor {
            caller,
            session_id: claims.session_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_a_whole_number_of_seconds_up_to_25() {
        assert_eq!(parse_wait(None).unwrap(), Duration::ZERO);
        assert_eq!(parse_wait(Some("")).unwrap(), Duration::ZERO);
        assert_eq!(
            parse_wait(Some("wait=25")).unwrap(),
            Duration::from_secs(25)
        );
        for query in [
            "wait=26",
            "wait=",
            "wait=-1",
            "wait=+1",
            "wait=1.5",
            "wait=999",
            "wait=1&wait=2",
            "w=1",
        ] {
            let error = parse_wait(Some(query)).unwrap_err();
            assert_eq!(error.code(), ProblemCode::RequestMalformed, "{query}");
        }
    }

    #[test]
    fn the_browser_api_is_told_by_whole_path_segments() {
        for path in [
            "/v1/checkout",
            "/v1/checkout/",
            "/v1/checkout/attempts/att_x",
        ] {
            assert!(is_browser_api(path), "{path}");
        }
        for path in ["/v1/checkouts", "/v1/sessions", "/", "/v1/checkou"] {
            assert!(!is_browser_api(path), "{path}");
        }
    }
}
