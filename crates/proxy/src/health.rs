//! Whether it lives, whether it is ready, and what it counts: the management side.
//!
//! | metric | labels |
//! |---|---|
//! | `ventanilla_http_requests_total` | `route`, `method`, `status` (class) |
//! | `ventanilla_http_request_seconds` | `route` |
//! | `ventanilla_client_tokens_refused_total` | `reason` |
//! | `ventanilla_origins_refused_total`, `ventanilla_api_keys_refused_total` | |
//! | `ventanilla_rate_limited_total` | `limit` |
//! | `ventanilla_csp_reports_total`, `ventanilla_log_redactions_total`, `ventanilla_panics_total` | |
//! | `ventanilla_connections`, `ventanilla_connections_refused_total` | |
//!
//! The payments' own are listed with the machine, those of news that goes out with `webhooks`, of news
//! that comes in with `hooks`. No identifier, address or amount is ever a label.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{Method, StatusCode, header};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::machine::Machine;

/// How long the store may take to say that it is there.
const READY_LIMIT: Duration = Duration::from_millis(500);

/// Seconds: from an answer out of memory to one that was held back as long as may be.
const BUCKETS: [f64; 11] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0, 30.0,
];

/// Where counters are read from. The first call starts counting, for the whole process.
pub fn metrics_handle() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)
            .unwrap_or_default()
            .build_recorder();
        let handle = recorder.handle();
        // Somebody who embeds this crate may count by other means; then there is nothing here.
        let _ = metrics::set_global_recorder(recorder);
        begin_at_zero();
        handle
    })
}

/// Counters of what should never happen are there from the start: of one that begins with its first increment,
/// Prometheus' `increase` does not see that one.
fn begin_at_zero() {
    for name in [
        "ventanilla_looks_failed_total",
        "ventanilla_panics_total",
        "ventanilla_webhooks_given_up_total",
    ] {
        metrics::counter!(name).absolute(0);
    }
    for guard in GUARDS {
        metrics::counter!("ventanilla_guard_hits_total", "guard" => guard).absolute(0);
    }
}

/// Every guard that may be hit.
const GUARDS: [&str; 11] = [
    "code_refused",
    "contradiction",
    "credit_unreadable",
    "live_attempt",
    "matched_credit",
    "open_errand",
    "open_operation",
    "session_paid",
    "stale_sender",
    "transition",
    "version",
];

/// What readiness depends on.
pub struct Health {
    machine: Arc<Machine>,
    stopping: AtomicBool,
}

impl Health {
    /// Ready as soon as the machine is.
    #[must_use]
    pub const fn new(machine: Arc<Machine>) -> Self {
        Self {
            machine,
            stopping: AtomicBool::new(false),
        }
    }

    /// From now on not ready, so that nobody sends new requests here.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// `Ok`, or why not.
    async fn ready(&self) -> std::result::Result<(), &'static str> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err("stopping");
        }
        match tokio::time::timeout(READY_LIMIT, self.machine.ready()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::warn!("not ready: {error}");
                Err("the store is not ready")
            }
            Err(_) => Err("the store did not answer within 500 ms"),
        }
    }
}

/// `GET /livez`, `GET /readyz` and `GET /metrics`.
pub fn routes(health: Arc<Health>) -> Router {
    Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(serve_metrics))
        .with_state(health)
}

async fn readyz(State(health): State<Arc<Health>>) -> Response {
    match health.ready().await {
        Ok(()) => "ready\n".into_response(),
        Err(why) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("not ready: {why}\n"),
        )
            .into_response(),
    }
}

async fn serve_metrics() -> Response {
    let headers = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    (headers, metrics_handle().render()).into_response()
}

/// Counts a request by its route's template, never by its path.
pub async fn observe(request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let method = match *request.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::POST => "POST",
        _ => "other",
    };
    let started = Instant::now();
    let response = next.run(request).await;
    let class = match response.status().as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    };
    metrics::counter!("ventanilla_http_requests_total", "route" => route.clone(), "method" => method, "status" => class)
        .increment(1);
    metrics::histogram!("ventanilla_http_request_seconds", "route" => route)
        .record(started.elapsed().as_secs_f64());
    response
}
