//! Databases, and what is put into them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use ventanilla_core::attempt::AttemptState as S;
use ventanilla_core::money::{Currency, Money};
use ventanilla_core::problem::ProblemCode;
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::cvu::Presentation;
use ventanilla_core::rails::flux::with_tip;
use ventanilla_core::session::SessionState;
use ventanilla_proxy::clock::Timestamp;
use ventanilla_proxy::id;
use ventanilla_proxy::machine::{NewSession, OperationDetails};
use ventanilla_proxy::store::{
    AttemptRow, Change, ErrandChange, ErrandItem, ErrandKind, ErrandOpened, ErrandRow, Opened,
    OperationChange, OperationRow, PayableRow, SealingKeys, SessionDraft, SessionRow, StartRules,
    Started, Store,
};
use ventanilla_testbed::postgres;

/// 2026-11-18T11:06:40Z.
pub const START: Timestamp = Timestamp::from_millis(1_795_000_000_000);

/// A database of its own.
pub enum Place {
    Sqlite(Scratch),
    Postgres(String),
}

impl Place {
    #[expect(clippy::unused_async, reason = "as its sibling's")]
    pub async fn sqlite() -> Self {
        Self::Sqlite(Scratch::new())
    }

    pub async fn postgres() -> Self {
        let cluster = postgres::shared().await.unwrap();
        Self::Postgres(cluster.create_database().await.unwrap())
    }

    pub async fn open(&self) -> Store {
        self.try_open().await.unwrap()
    }

    pub async fn try_open(&self) -> ventanilla_proxy::error::Result<Store> {
        let keys = Some(sealing_keys());
        match self {
            Self::Sqlite(scratch) => Store::open_sqlite(&scratch.store_path(), keys).await,
            Self::Postgres(url) => Store::open_postgres(&secret(url), keys).await,
        }
    }

    pub async fn open_without_keys(&self) -> Store {
        match self {
            Self::Sqlite(scratch) => Store::open_sqlite(&scratch.store_path(), None).await,
            Self::Postgres(url) => Store::open_postgres(&secret(url), None).await,
        }
        .unwrap()
    }

    /// Past the store, straight into the database.
    pub async fn sql(&self, statement: &str) -> Result<u64, String> {
        match self {
            Self::Sqlite(scratch) => {
                let run = |connection: rusqlite::Connection| {
                    connection.execute_batch(statement)?;
                    Ok(connection.changes())
                };
                let done = rusqlite::Connection::open(scratch.store_path()).and_then(run);
                done.map_err(|cause| cause.to_string())
            }
            Self::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await.unwrap();
                let statement = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
                let done = statement.execute(&mut connection).await;
                let done = done.map_err(|cause| cause.to_string())?;
                Ok(done.rows_affected())
            }
        }
    }

    /// Everything that is kept: the bytes of the files, or every row as the server writes it out.
    pub async fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Sqlite(scratch) => {
                let folder = scratch.store_path().parent().unwrap().to_owned();
                std::fs::read_dir(folder)
                    .unwrap()
                    .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
                    .collect()
            }
            Self::Postgres(_) => {
                let mut rows = String::new();
                for table in [
                    "session",
                    "attempt",
                    "event",
                    "outbox",
                    "payable",
                    "credit",
                    "operation_request",
                    "errand",
                    "errand_item",
                    "errand_event",
                ] {
                    let all =
                        format!("SELECT COALESCE(string_agg({table}::TEXT, ' '), '') FROM {table}");
                    rows.push_str(&self.text(&all).await);
                }
                rows.into_bytes()
            }
        }
    }

    /// The one text that a query gives.
    pub async fn text(&self, query: &str) -> String {
        match self {
            Self::Sqlite(scratch) => {
                let connection = rusqlite::Connection::open(scratch.store_path()).unwrap();
                connection.query_row(query, (), |row| row.get(0)).unwrap()
            }
            Self::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await.unwrap();
                sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
                    .fetch_one(&mut connection)
                    .await
                    .unwrap()
            }
        }
    }
}

/// The name of the database at `url`.
pub fn database_name(url: &str) -> &str {
    let address = url.split('?').next().unwrap();
    address.rsplit_once('/').unwrap().1
}

pub fn secret(url: &str) -> SecretString {
    SecretString::from(url)
}

/// A folder of its own, gone with it.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(id::make().unwrap());
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn store_path(&self) -> PathBuf {
        self.0.join("ventanilla.db")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn sealing_keys() -> SealingKeys {
    SealingKeys::parse("test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap()
}

pub fn new_session() -> NewSession {
    serde_json::from_str(
        r#"{"order_reference":"A-1001","total":{"amount_minor":125050,"currency":"CRC"},"metadata":{"cart":"7"}}"#,
    )
    .unwrap()
}

pub const fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub const fn minutes(count: u64) -> Duration {
    secs(count * 60)
}

pub const fn hours(count: u64) -> Duration {
    minutes(count * 60)
}

/// Asks again while the store says that it has no time: a crowd on a slow machine is not what these
/// cases are about.
pub async fn patiently<T, F>(mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = ventanilla_proxy::error::Result<T>>,
{
    loop {
        match ask().await {
            Err(error) if error.code() == ProblemCode::StoreUnavailable => {}
            answer => return answer.unwrap(),
        }
    }
}

/// What many callers at once came to.
pub async fn together<T: Send + 'static>(
    calls: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let calls: Vec<_> = calls.into_iter().map(tokio::spawn).collect();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap());
    }
    answers
}

pub fn session_draft() -> SessionRow {
    SessionRow {
        id: id::make_prefixed("ses").unwrap(),
        fingerprint: String::from("a"),
        is_unattended: false,
        state: SessionState::Open,
        request: new_session(),
        created_at: START,
        expires_at: START + minutes(30),
    }
}

pub async fn open(store: &Store) -> SessionRow {
    let row = session_draft();
    let draft = SessionDraft {
        row: &row,
        merchant_key: &row.id,
    };
    match store.open_session(draft).await.unwrap() {
        Opened::New(row) => row,
        Opened::Same(_) | Opened::KeyReused => panic!("the key is new"),
    }
}

pub fn draft(session: &SessionRow) -> AttemptRow {
    AttemptRow {
        fingerprint: String::from("a"),
        installments: Some(3),
        ..AttemptRow::new(session, Rail::Card, &id::make().unwrap(), "me", START).unwrap()
    }
}

pub async fn begin(store: &Store, session: &SessionRow) -> AttemptRow {
    match store.start(&draft(session), RULES).await.unwrap() {
        Started::New(row) => row,
        _ => panic!("nothing is in the way"),
    }
}

/// A row moved to `state`, with everything that the state asks for.
pub fn moved(row: &AttemptRow, state: S) -> AttemptRow {
    let mut after = row.clone();
    match (row.state, state) {
        (S::Prepared, S::Sent) => {
            after.sends += 1;
            after.sent_at = Some(START);
            after.deadline_at = Some(START + secs(40));
        }
        (S::Sent, S::Prepared) => after.returns += 1,
        _ => {}
    }
    after.state = state;
    if matches!(state, S::Succeeded | S::Duplicate) {
        after.confirmed = Some(row.total);
    }
    after.settled_at = state.is_final().then_some(START);
    if state == S::Unknown {
        after.unknown_at = Some(START);
        after.next_check_at = Some(START);
    }
    after
}

pub fn plain(after: AttemptRow) -> Change {
    Change {
        payable: (after.state == S::Issued).then(|| payable(&after)),
        after,
        at: START,
        kind: "step",
        evidence: json!({ "by": "test" }),
        saved_card: None,
        operation: None,
        financing: None,
    }
}

/// What a buyer may pay for an attempt: a code that is good for a quarter of an hour.
pub fn payable(row: &AttemptRow) -> PayableRow {
    PayableRow {
        attempt_id: row.id.clone(),
        session_id: row.session_id.clone(),
        presentation: Presentation::Qr,
        provider_id: Some(format!("order-of-{}", row.id)),
        content: String::from("00020101021253030325802AR6304ABCD"),
        total: row.total,
        issued_at: START,
        expires_at: START + minutes(15),
        watch_until: START + hours(72),
    }
}

/// An attempt that is before its buyer, to be paid.
pub async fn issued(store: &Store) -> AttemptRow {
    let session = open(store).await;
    issued_in(store, &session).await
}

pub async fn issued_in(store: &Store, session: &SessionRow) -> AttemptRow {
    let draft = AttemptRow {
        rail: Rail::Cvu,
        installments: None,
        ..draft(session)
    };
    match store.start(&draft, RULES).await.unwrap() {
        Started::New(row) => advance(store, &row, way_to(S::Issued)).await,
        _ => panic!("nothing is in the way"),
    }
}

/// An attempt to charge a wallet's code, with this tip.
pub fn wallet_draft(session: &SessionRow, tip_minor: u64) -> AttemptRow {
    AttemptRow {
        rail: Rail::Flux,
        installments: None,
        total: with_tip(session.request.total, tip_minor).unwrap(),
        tip_minor,
        ..draft(session)
    }
}

pub async fn change(
    store: &Store,
    after: AttemptRow,
) -> ventanilla_proxy::error::Result<Option<AttemptRow>> {
    let id = after.id.clone();
    store.change(&id, |_| Some(plain(after.clone()))).await
}

pub async fn advance(store: &Store, row: &AttemptRow, path: &[S]) -> AttemptRow {
    let mut row = row.clone();
    for state in path {
        row = change(store, moved(&row, *state)).await.unwrap().unwrap();
    }
    row
}

/// A shortest way to each state.
pub fn way_to(state: S) -> &'static [S] {
    match state {
        S::New => &[],
        S::Prepared => &[S::Prepared],
        S::Sent => &[S::Prepared, S::Sent],
        S::Unknown => &[S::Prepared, S::Sent, S::Unknown],
        S::Succeeded => &[S::Prepared, S::Sent, S::Succeeded],
        S::Declined => &[S::Prepared, S::Sent, S::Declined],
        S::NotExecuted => &[S::Prepared, S::Sent, S::NotExecuted],
        S::Review => &[S::Prepared, S::Sent, S::Unknown, S::Review],
        S::Duplicate => &[S::Prepared, S::Sent, S::Unknown, S::Duplicate],
        S::Issued => &[S::Prepared, S::Sent, S::Issued],
        S::Expired => &[S::Prepared, S::Sent, S::Issued, S::Expired],
        S::Superseded => &[S::Prepared, S::Sent, S::Issued, S::Superseded],
    }
}

pub const RULES: StartRules = StartRules {
    attempts: 5,
    abandoned_before: START,
};

/// Of real time: longer than any test.
pub const LEASE: Duration = minutes(10);

/// An attempt that was paid.
pub async fn paid(store: &Store) -> AttemptRow {
    let session = open(store).await;
    let row = begin(store, &session).await;
    advance(store, &row, way_to(S::Succeeded)).await
}

/// An operation moved to `state`, with everything that the state asks for.
pub fn operation_moved(row: &OperationRow, state: S) -> OperationRow {
    let mut after = row.clone();
    match (row.state, state) {
        (S::Prepared, S::Sent) => {
            after.sends += 1;
            after.sent_at = Some(START);
            after.deadline_at = Some(START + secs(40));
        }
        (S::Sent, S::Prepared) => after.returns += 1,
        _ => {}
    }
    after.state = state;
    after.settled_at = state.is_final().then_some(START);
    after.next_check_at = matches!(state, S::New | S::Prepared | S::Unknown).then_some(START);
    if state == S::Unknown {
        after.unknown_at = Some(START);
    }
    after
}

pub async fn change_operation(
    store: &Store,
    after: OperationRow,
) -> ventanilla_proxy::error::Result<Option<OperationRow>> {
    let id = after.id.clone();
    store
        .change_operation(&id, |_| {
            Some(OperationChange {
                after: after.clone(),
                at: START,
                kind: "step",
                evidence: json!({ "by": "test" }),
            })
        })
        .await
}

pub async fn advance_operation(store: &Store, row: &OperationRow, path: &[S]) -> OperationRow {
    let mut row = row.clone();
    for state in path {
        row = change_operation(store, operation_moved(&row, *state))
            .await
            .unwrap()
            .unwrap();
    }
    row
}

/// What the tests' errands are asked for with.
pub const REQUEST: &str = r#"{"asked":{"cvu":"0009001600000004242420"}}"#;

/// An errand about 3000 that nothing has happened to, and its payments if it makes several.
pub fn errand_draft(kind: ErrandKind) -> (ErrandRow, Vec<ErrandItem>) {
    let money = |minor| Money::from_minor(minor, Currency::ARS).unwrap();
    let details = OperationDetails {
        recipient: Some(String::from("CVU ****2420")),
        ..OperationDetails::default()
    };
    let key = id::make().unwrap();
    let row = ErrandRow::new(kind, money(3_000), details, &key, START).unwrap();
    let items = match kind {
        ErrandKind::Bulk => [1_000, 2_000]
            .into_iter()
            .zip(0_u32..)
            .map(|(minor, at)| ErrandItem::new(at, &format!("B-{at}"), money(minor)).unwrap())
            .collect(),
        _ => Vec::new(),
    };
    (row, items)
}

pub async fn errand(store: &Store, kind: ErrandKind) -> ErrandRow {
    let (draft, items) = errand_draft(kind);
    let opened = store.open_errand(&draft, &items, &secret(REQUEST)).await;
    match opened.unwrap() {
        ErrandOpened::New(row) => row,
        _ => panic!("nothing is in the way"),
    }
}

/// An errand moved to `state`, with everything that the state asks for.
pub fn errand_moved(row: &ErrandRow, state: S) -> ErrandRow {
    let mut after = row.clone();
    match (row.state, state) {
        (S::Prepared, S::Sent) => {
            after.sends += 1;
            after.sent_at = Some(START);
            after.deadline_at = Some(START + secs(40));
        }
        (S::Sent, S::Prepared) => after.returns += 1,
        _ => {}
    }
    after.state = state;
    after.settled_at = state.is_final().then_some(START);
    after.next_check_at = matches!(state, S::New | S::Prepared | S::Unknown).then_some(START);
    if state == S::Unknown {
        after.unknown_at = Some(START);
    }
    after
}

pub async fn change_errand_and_items(
    store: &Store,
    after: ErrandRow,
    items: Vec<ErrandItem>,
) -> ventanilla_proxy::error::Result<Option<ErrandRow>> {
    let id = after.id.clone();
    store
        .change_errand(&id, |_| {
            Some(ErrandChange {
                after: after.clone(),
                items: items.clone(),
                at: START,
                kind: "step",
                evidence: json!({ "by": "test" }),
            })
        })
        .await
}

pub async fn change_errand(
    store: &Store,
    after: ErrandRow,
) -> ventanilla_proxy::error::Result<Option<ErrandRow>> {
    change_errand_and_items(store, after, Vec::new()).await
}

pub async fn advance_errand(store: &Store, row: &ErrandRow, path: &[S]) -> ErrandRow {
    let mut row = row.clone();
    for state in path {
        let changed = change_errand(store, errand_moved(&row, *state)).await;
        row = changed.unwrap().unwrap();
    }
    row
}
