//! Puts everything together and serves it: the public listener for buyers and the shop's server, the
//! management listener for whoever operates it.
//!
//! Both speak HTTP/1.1 in the clear. TLS and HTTP/2 belong to the reverse proxy in front.

mod accept;
mod parts;
mod stream;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tower_http::catch_panic::CatchPanicLayer;
use ventanilla_core::problem::ProblemCode;

use crate::assets::{self, Widget, WidgetError};
use crate::browser_api::{self, BrowserApi};
use crate::clock::SharedClock;
use crate::config::Config;
use crate::error::Error;
use crate::frame;
use crate::health::{self, Health};
use crate::hooks;
use crate::limits::{Client, Limits, PeerAddr};
use crate::machine::{Machine, MachineParts};
use crate::merchant_api::{self, MerchantApi};
use crate::openapi;
use crate::origin::{Origin, OriginPolicy};
use crate::store::Store;
use crate::token::ClientTokens;
use crate::webhooks::Webhooks;
use accept::Caps;

pub use parts::{
    card_rail, cvu_client, cvu_rail, flexiti_client, flexiti_rail, flux_client, flux_rail,
    greenpay_client, notification_hooks, open_store,
};

/// How much longer than the longest provider call the proxy waits for calls under way when it stops.
/// What is left after that is settled by reading, after the next start.
pub const DRAIN_MARGIN: Duration = Duration::from_secs(5);

/// Longest time for any answer: the longest wait that a browser may ask for, and a margin.
const ANSWER_LIMIT: Duration = Duration::from_secs(40);
/// Connections to the management listener.
const MANAGEMENT_CONNECTIONS: usize = 64;
/// How often counters are tidied up.
const TIDY_PERIOD: Duration = Duration::from_secs(20);

/// Why the proxy did not start.
#[derive(Debug)]
pub enum StartError {
    /// An address could not be listened on.
    Listen {
        /// `server.listen` or `server.management_listen`.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// The operating system's words.
        cause: std::io::Error,
    },
    /// There is no widget to serve.
    Widget(WidgetError),
    /// The store, the card rail or what is built on them said no.
    Part {
        /// Which.
        part: &'static str,
        /// What it said.
        cause: String,
    },
}

impl StartError {
    fn part(part: &'static str) -> impl FnOnce(Error) -> Self {
        move |error| Self::Part {
            part,
            cause: error.to_string(),
        }
    }
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Listen {
                key,
                address,
                cause,
            } => {
                write!(f, "{key}: {address} cannot be listened on: {cause}")
            }
            Self::Widget(error) => error.fmt(f),
            Self::Part { part, cause } => write!(f, "{part}: {cause}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<WidgetError> for StartError {
    fn from(error: WidgetError) -> Self {
        Self::Widget(error)
    }
}

/// A proxy that serves. Dropped, it stops listening without waiting for anything; see
/// [`Running::shutdown`].
pub struct Running {
    listen: SocketAddr,
    public_origin: Origin,
    management: SocketAddr,
    machine: Arc<Machine>,
    store: Store,
    health: Arc<Health>,
    stop_public: watch::Sender<bool>,
    stop_rest: watch::Sender<bool>,
    public: JoinHandle<()>,
    rest: Vec<JoinHandle<()>>,
}

impl Running {
    /// Where the public side is reached from this machine, `http://127.0.0.1:8787`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.listen)
    }

    /// The origin that buyers' browsers see: that of the configuration, its port 0 filled in.
    #[must_use]
    pub fn public_origin(&self) -> &Origin {
        &self.public_origin
    }

    /// Where the management side is reached from this machine.
    #[must_use]
    pub fn management(&self) -> String {
        format!("http://{}", self.management)
    }

    /// The machine, for whoever embeds the proxy.
    #[must_use]
    pub const fn machine(&self) -> &Arc<Machine> {
        &self.machine
    }

    /// Stops: not ready any more, no new connections, the requests and provider calls under way are
    /// waited for, then the store is closed. Whatever takes [`DRAIN_MARGIN`] longer than a provider
    /// call may is left to the next start, which settles it by reading.
    pub async fn shutdown(self) {
        self.health.stop();
        self.stop_public.send_replace(true);
        let limit = self.machine.call_limit() + DRAIN_MARGIN;
        let _ = tokio::join!(self.public, self.machine.drain(limit));
        self.stop_rest.send_replace(true);
        for task in self.rest {
            let _ = task.await;
        }
        self.store.close().await;
    }
}

/// Starts a proxy and returns once it listens.
///
/// # Errors
///
/// Each [`StartError`].
pub async fn start(config: Config, clock: SharedClock) -> Result<Running, StartError> {
    let Config { settings, secrets } = config;
    let widget = Arc::new(Widget::open(settings.assets.dir.as_deref())?);
    health::metrics_handle();

    // Before the store is opened: a second proxy started by mistake must fail here and not take over
    // the attempts of the first.
    let (public_listener, listen) = bind("server.listen", settings.server.listen).await?;
    let (management_listener, management) = bind(
        "server.management_listen",
        settings.server.management_listen,
    )
    .await?;

    let store_url = secrets.store_url.as_ref();
    let store = open_store(&settings.store, store_url, secrets.store_keys)
        .await
        .map_err(StartError::part("store"))?;
    let card = match (&settings.card, secrets.greenpay_secret) {
        (Some(card), Some(secret)) => {
            Some(card_rail(card, secret).map_err(StartError::part("card"))?)
        }
        _ => None,
    };
    let cvu = match (&settings.cvu, secrets.cvu_password) {
        (Some(cvu), Some(password)) => {
            Some(cvu_rail(cvu, password, &clock).map_err(StartError::part("cvu"))?)
        }
        _ => None,
    };
    let flux = match (&settings.flux, secrets.flux_refresh_token) {
        (Some(flux), Some(token)) => {
            Some(flux_rail(flux, token, &clock).map_err(StartError::part("flux"))?)
        }
        _ => None,
    };
    let flexiti = match (&settings.flexiti, secrets.flexiti_client_secret) {
        (Some(flexiti), Some(secret)) => {
            Some(flexiti_rail(flexiti, secret, &clock).map_err(StartError::part("flexiti"))?)
        }
        _ => None,
    };
    let machine = Machine::open(MachineParts {
        store: store.clone(),
        clock: clock.clone(),
        card,
        cvu,
        flux,
        flexiti,
        merchant_name: settings.merchant.name.clone(),
        attempts_per_session: settings.limits.attempts_per_session.get(),
        provider_calls: settings.limits.provider_calls.get(),
    })
    .await
    .map_err(StartError::part("store"))?;

    let receiver = settings.webhooks.map(|webhooks| webhooks.url);
    let webhooks = Webhooks::new(
        store.clone(),
        clock.clone(),
        receiver.zip(secrets.webhook_secrets),
    )
    .map_err(StartError::part("webhooks"))?;
    let hooks = match secrets.hook_path {
        Some(path) => notification_hooks(settings.card.as_ref(), path, machine.clone())
            .map_err(StartError::part("card"))?,
        None => Router::new(),
    };

    let public_origin = match settings.server.public_origin.port() {
        Some(0) => settings.server.public_origin.with_port(listen.port()),
        _ => settings.server.public_origin.clone(),
    };

    let (stop_public, stopping) = watch::channel(false);
    let (stop_rest, stopping_rest) = watch::channel(false);
    let limits = Arc::new(Limits::new(&settings.limits, &clock));
    let tokens = Arc::new(ClientTokens::new(
        secrets.token_keys,
        public_origin.as_str(),
    ));
    let policy = Arc::new(OriginPolicy {
        public: public_origin.clone(),
        merchants: settings.merchant.origins.clone(),
        inline_cards: settings.card.as_ref().is_some_and(|card| card.inline),
    });
    let routes = Router::new()
        .merge(merchant_api::routes(MerchantApi {
            machine: machine.clone(),
            webhooks: webhooks.clone(),
            keys: secrets.api_keys,
            tokens: tokens.clone(),
            limits: limits.clone(),
            clock: clock.clone(),
        }))
        .merge(browser_api::routes(BrowserApi {
            machine: machine.clone(),
            tokens,
            policy: policy.clone(),
            limits: limits.clone(),
            clock,
            stopping: stopping.clone(),
        }))
        .merge(openapi::routes())
        .merge(hooks)
        .merge(
            frame::routes(
                &widget,
                &policy,
                &machine.rails(),
                settings
                    .flexiti
                    .as_ref()
                    .map(|flexiti| &flexiti.page_origin),
            )
            .map_err(StartError::part("widget"))?,
        )
        .merge(assets::routes(widget));
    let edge = Edge {
        policy,
        limits: limits.clone(),
        trusted_hops: settings.server.trusted_proxy_hops,
    };
    let health = Arc::new(Health::new(machine.clone()));

    let caps = Caps {
        total: usize::try_from(settings.limits.connections.get()).unwrap_or(usize::MAX),
        per_ip: (settings.server.trusted_proxy_hops == 0).then(|| {
            usize::try_from(settings.limits.connections_per_ip.get()).unwrap_or(usize::MAX)
        }),
    };
    let management_caps = Caps {
        total: MANAGEMENT_CONNECTIONS,
        per_ip: None,
    };
    let public = tokio::spawn(accept::serve(
        public_listener,
        guard(routes, edge),
        caps,
        stopping,
    ));
    let rest = vec![
        tokio::spawn(accept::serve(
            management_listener,
            health::routes(health.clone()),
            management_caps,
            stopping_rest.clone(),
        )),
        tokio::spawn(machine.clone().run_sweeper(stopping_rest.clone())),
        tokio::spawn(webhooks.run(stopping_rest.clone())),
        tokio::spawn(tidy(limits, stopping_rest)),
    ];
    Ok(Running {
        listen,
        public_origin,
        management,
        machine,
        store,
        health,
        stop_public,
        stop_rest,
        public,
        rest,
    })
}

/// Waits until `stop` becomes true, or until nobody is left who could make it so.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn bind(
    key: &'static str,
    address: SocketAddr,
) -> Result<(TcpListener, SocketAddr), StartError> {
    let refused = |cause| StartError::Listen {
        key,
        address,
        cause,
    };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    Ok((listener, bound))
}

async fn tidy(limits: Arc<Limits>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = tokio::time::sleep(TIDY_PERIOD) => {
                limits.forget_idle();
                health::metrics_handle().run_upkeep();
            }
        }
    }
}

/// What stands before every route.
#[derive(Clone)]
struct Edge {
    policy: Arc<OriginPolicy>,
    limits: Arc<Limits>,
    trusted_hops: u8,
}

/// `routes` behind everything that holds for all of them. The last layer sees a request first.
fn guard(routes: Router, edge: Edge) -> Router {
    let policy = edge.policy.clone();
    let hsts = policy.public.is_https();
    routes
        .fallback(async || Error::new(ProblemCode::NotFound))
        .method_not_allowed_fallback(async || Error::new(ProblemCode::MethodNotAllowed))
        .layer(middleware::from_fn_with_state(edge, admit))
        .layer(CatchPanicLayer::custom(after_panic))
        .layer(middleware::from_fn(limit_answer))
        .layer(middleware::from_fn_with_state(policy, browser_api::cors))
        .layer(middleware::from_fn_with_state(Hsts(hsts), standing_headers))
        .layer(middleware::from_fn(health::observe))
}

/// Whose request it is, and whether that client may ask for more. The merchant's server is not
/// counted: it authenticates itself, and wrong keys are counted there. A provider that notifies of
/// every payment of the merchant has an allowance of its own.
async fn admit(State(edge): State<Edge>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<PeerAddr>().copied();
    let client = Client::of_request(request.headers(), peer, edge.trusted_hops);
    let path = request.uri().path();
    let allowed = if merchant_api::owns(path) {
        Ok(())
    } else if path.starts_with(hooks::PREFIX) {
        edge.limits.notification(client)
    } else {
        edge.limits.request(client)
    };
    if let Err(error) = allowed {
        return error.into_response();
    }
    request.extensions_mut().insert(client);
    next.run(request).await
}

/// A fixed answer: what the panic had to say may be anything.
fn after_panic(_: Box<dyn std::any::Any + Send>) -> Response {
    Error::internal("a request panicked").into_response()
}

async fn limit_answer(request: Request, next: Next) -> Response {
    tokio::time::timeout(ANSWER_LIMIT, next.run(request))
        .await
        .unwrap_or_else(|_| {
            Error::internal(format!("no answer within {} s", ANSWER_LIMIT.as_secs()))
                .into_response()
        })
}

/// Whether browsers are told to come back by https only.
#[derive(Clone, Copy)]
struct Hsts(bool);

async fn standing_headers(
    State(Hsts(hsts)): State<Hsts>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    let status = response.status();
    let headers = response.headers_mut();
    let mut put = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    put(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    if hsts {
        put(header::STRICT_TRANSPORT_SECURITY, "max-age=63072000");
    }
    if status == StatusCode::UNAUTHORIZED {
        put(header::WWW_AUTHENTICATE, "Bearer");
    }
    // Frame and assets have said themselves how they may be used; all else is data for one reader.
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) && !is_public(headers) {
        for (name, value) in [
            (header::CACHE_CONTROL, "no-store"),
            (
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; frame-ancestors 'none'",
            ),
            (header::REFERRER_POLICY, "no-referrer"),
            (
                HeaderName::from_static("cross-origin-resource-policy"),
                "same-origin",
            ),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}

fn is_public(headers: &http::HeaderMap) -> bool {
    headers
        .get(header::CACHE_CONTROL)
        .is_some_and(|value| value.as_bytes().starts_with(b"public"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::HandClock;
    use axum::body::Body;
    use axum::routing::get;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    async fn boom() -> &'static str {
        panic!("4242424242424242 is in the message")
    }

    fn guarded(public: &str) -> Router {
        let clock: SharedClock = Arc::new(HandClock::default());
        let routes = Router::new()
            .route("/boom", get(boom))
            .route("/slow", get(async || std::future::pending::<()>().await));
        let edge = Edge {
            policy: Arc::new(OriginPolicy {
                public: Origin::parse(public).unwrap(),
                merchants: Vec::new(),
                inline_cards: false,
            }),
            limits: Arc::new(Limits::new(&crate::config::Limits::default(), &clock)),
            trusted_hops: 0,
        };
        guard(routes, edge)
    }

    async fn get_from(public: &str, path: &str) -> (StatusCode, http::HeaderMap, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = guarded(public).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (
            parts.status,
            parts.headers,
            String::from_utf8(body.to_vec()).unwrap(),
        )
    }

    #[tokio::test]
    async fn a_panic_is_answered_with_a_fixed_body() {
        let (status, headers, body) = get_from("https://pay.example", "/boom").await;
        assert_eq!(status, 500);
        assert_eq!(headers["content-type"], "application/problem+json");
        assert_eq!(
            body,
            serde_json::to_string(&Error::new(ProblemCode::Internal).problem()).unwrap()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_never_comes_is_given_up() {
        let (status, _, body) = get_from("https://pay.example", "/slow").await;
        assert_eq!(status, 500);
        assert!(body.contains("\"code\":\"internal\""), "{body}");
    }

    #[tokio::test]
    async fn browsers_are_bound_to_https_only_where_there_is_https() {
        let hsts = async |public: &str| {
            let (_, headers, _) = get_from(public, "/nowhere").await;
            headers.get("strict-transport-security").cloned()
        };
        assert_eq!(
            hsts("https://pay.example").await.unwrap(),
            "max-age=63072000"
        );
        assert_eq!(hsts("http://127.0.0.1:8787").await, None);
    }
}
