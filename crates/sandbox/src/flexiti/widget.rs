//! Widget sessions: a shopper is named by the merchant, and comes to an end on the identity page.
//!
//! | outcome | what the page posts | the session |
//! |---|---|---|
//! | `verified` | `flx-success`, `purchase`, verified | verified |
//! | `unverified` | `flx-success`, `purchase`, not verified | declined |
//! | `activation`, `apply`, `retry` | `flx-success` with that `action` and no account | declined |
//! | `bad_standing` | `flx-success` with `action` `null`, or `purchase` where that is told | declined |
//! | `failure` | `flx-failure` | declined |
//! | `cancel` | `flx-cancel` | declined |
//! | `stale` | what `verified` would, but for an earlier session | as it was |

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::call::Reply;
use crate::clock::Moment;
use crate::fault::{Fate, Kind};
use crate::random::{Sequence, mixed};
use crate::world::State;

use super::fields::{Body, Inputs};
use super::json::Object;
use super::ledger::{FlexitiSessionEntry, FlexitiSessionState};
use super::refusal::{Code, Lang, Refusal};
use super::time::is_day;
use super::{Asked, Flexiti};

/// After this many wrong PINs the shopper is not verified.
const PINS: u8 = 3;

/// A widget session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: String,
    /// The token that opened it.
    token: String,
    pub(super) account: Option<u64>,
    ends: Moment,
    /// Ended by hand.
    pub(super) is_over: bool,
    pub(super) state: FlexitiSessionState,
    wrong_pins: u8,
}

impl Session {
    pub(super) fn is_over(&self, now: Moment) -> bool {
        self.is_over || now >= self.ends
    }
}

/// How a shopper comes to an end on the identity page; the module has the table.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FlexitiOutcome {
    /// The shopper is who was named.
    Verified,
    /// The shopper could not show it.
    Unverified,
    /// The account has to be activated first.
    Activation,
    /// The shopper wants to apply for an account.
    Apply,
    /// The account is in bad standing.
    BadStanding,
    /// What this means no document says.
    Retry,
    /// The page failed.
    Failure,
    /// The shopper left.
    Cancel,
    /// A message of an earlier session, which verifies nothing.
    Stale,
}

impl FlexitiOutcome {
    const ALL: [Self; 9] = [
        Self::Verified,
        Self::Unverified,
        Self::Activation,
        Self::Apply,
        Self::BadStanding,
        Self::Retry,
        Self::Failure,
        Self::Cancel,
        Self::Stale,
    ];

    /// Whether it needs somebody with an account.
    const fn needs_account(self) -> bool {
        matches!(
            self,
            Self::Verified | Self::Unverified | Self::Activation | Self::BadStanding | Self::Stale
        )
    }

    /// Whether it is posted whatever became of the session.
    const fn changes_nothing(self) -> bool {
        matches!(self, Self::Stale)
    }
}

/// How the shopper showed it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FlexitiMethod {
    /// A PIN by text message.
    #[default]
    Sms,
    /// A PIN by email.
    Email,
    /// An answer.
    SecurityQuestion,
}

impl FlexitiMethod {
    const fn name(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Email => "email",
            Self::SecurityQuestion => "security_question",
        }
    }
}

/// The identity page, without it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlexitiIdentify {
    /// Of the session.
    pub widget_session_id: String,
    /// `verified` unless told.
    #[serde(default = "verified")]
    pub outcome: FlexitiOutcome,
    /// `sms` unless told.
    #[serde(default)]
    pub method: FlexitiMethod,
}

const fn verified() -> FlexitiOutcome {
    FlexitiOutcome::Verified
}

/// What the identity page sends when its form is sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sent {
    token: String,
    pin: String,
    widget_session_id: String,
    outcome: FlexitiOutcome,
    method: FlexitiMethod,
}

/// What the identity page asks for first.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Opened {
    token: String,
    widget_session_id: String,
}

/// What the identity page shows.
#[derive(Serialize)]
pub(super) struct Shown {
    /// `Test S.`; none when nobody was found.
    name: Option<String>,
    /// The last four digits of the account.
    account: Option<String>,
    /// Whether the shopper can still come to an end.
    open: bool,
    /// The PIN that was not sent to anybody.
    pin: String,
    outcomes: Vec<FlexitiOutcome>,
}

/// Why the page has nothing to post.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum IdentifyRefusal {
    /// There is no such session.
    Unknown,
    /// It has run out.
    Over,
    /// The shopper came to an end before.
    Finished,
    /// Nobody was found who could be verified.
    Nobody,
    /// The PIN is wrong.
    Pin,
}

impl IdentifyRefusal {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Unknown => "there is no such widget session",
            Self::Over => "the widget session has run out",
            Self::Finished => "the widget session has come to an end before",
            Self::Nobody => "the widget session is of nobody with an account",
            Self::Pin => "the PIN is wrong",
        }
    }
}

impl Flexiti {
    /// Opens a session for whoever is named.
    pub(super) fn init(&self, asked: &Asked, fate: Fate) -> Result<Reply, Refusal> {
        let body = asked.json()?;
        let mut inputs = Inputs::of(&body);
        let flow = inputs.one_of("flow", &["purchase"]);
        let flow = inputs.need("flow", flow);
        let lang = inputs.one_of("lang", &["en", "fr"]);
        let named = inputs.object("customer_identification");
        let named = inputs.need("customer_identification", named);
        let wanted = named.and_then(|named| {
            let (wanted, wrong) = Wanted::read(&named);
            inputs.join(wrong);
            wanted
        });
        let wanted = inputs.end(flow.and(wanted))?;
        let lang = lang.and_then(|it| Lang::read(&it)).unwrap_or_default();

        let now = self.now();
        let mut state = self.state();
        let memory = &mut state.flexiti;
        let account = wanted.find(&memory.accounts);
        let count = u64::try_from(memory.sessions.len()).unwrap_or_default();
        let id = drawn_id(self.world.seed, count);
        let ends = memory.tokens.ends(&asked.bearer).unwrap_or(now);
        memory.sessions.push(Session {
            id: id.clone(),
            token: asked.bearer.clone(),
            account,
            ends,
            is_over: false,
            state: FlexitiSessionState::Open,
            wrong_pins: 0,
        });
        let address = memory.options.public_url.clone();
        state.ledger.flexiti.sessions.push(FlexitiSessionEntry {
            widget_session_id: id.clone(),
            account_number: account,
            lang: lang.name().to_owned(),
            state: FlexitiSessionState::Open,
            at: now.rfc3339(),
            expires_at: ends.rfc3339(),
        });
        let url = if fate.is(Kind::HostileLink) {
            String::from("javascript:alert(1)")
        } else {
            // The query is inside the fragment.
            format!(
                "{}/#/widget/{}/{}?lang={}&x-reference-id={}&widget_session_id={id}",
                address.as_deref().unwrap_or(&self.address),
                self.credentials.client_id,
                asked.bearer,
                lang.name(),
                asked.reference_id,
            )
        };
        let answer = Object::new().text("redirection_url", &url);
        Ok(Reply::of(Some(id), true, answer.end()))
    }

    /// What the page shows of a session.
    pub(super) fn shown(&self, opened: &Opened) -> Option<Shown> {
        let now = self.now();
        let state = self.state();
        let memory = &state.flexiti;
        let session = memory
            .sessions
            .iter()
            .find(|one| one.id == opened.widget_session_id && one.token == opened.token)?;
        let account = session.account.and_then(|it| memory.accounts.get(it));
        let open = session.state == FlexitiSessionState::Open && !session.is_over(now);
        let outcomes = FlexitiOutcome::ALL.into_iter().filter(|outcome| {
            let fits = account.is_some() || !outcome.needs_account();
            fits && (open || may_follow_the_end(*outcome))
        });
        Some(Shown {
            name: account.map(super::accounts::FlexitiAccount::discreet_name),
            account: account.map(|it| format!("{:04}", it.account_number % 10_000)),
            open,
            pin: memory.options.pin.clone(),
            outcomes: outcomes.collect(),
        })
    }

    /// The page's form is sent.
    pub(super) fn sent(&self, sent: &Sent) -> Result<Box<RawValue>, IdentifyRefusal> {
        let mut wanted = FlexitiIdentify {
            widget_session_id: sent.widget_session_id.clone(),
            outcome: sent.outcome,
            method: sent.method,
        };
        {
            let mut state = self.state();
            let memory = &mut state.flexiti;
            let pin = memory.options.pin.clone();
            let mut sessions = memory.sessions.iter_mut();
            let session = sessions
                .find(|one| one.id == wanted.widget_session_id && one.token == sent.token)
                .ok_or(IdentifyRefusal::Unknown)?;
            let is_right = sent.pin.trim() == pin;
            if wanted.outcome == FlexitiOutcome::Verified && !is_right {
                session.wrong_pins = session.wrong_pins.saturating_add(1);
                if session.wrong_pins < PINS {
                    return Err(IdentifyRefusal::Pin);
                }
                wanted.outcome = FlexitiOutcome::Unverified;
            }
        }
        self.identify(&wanted)
    }

    /// Brings a session to an end; gives the message that the page posts.
    pub(crate) fn identify(
        &self,
        wanted: &FlexitiIdentify,
    ) -> Result<Box<RawValue>, IdentifyRefusal> {
        let now = self.now();
        let mut state = self.state();
        let sessions = &state.flexiti.sessions;
        let index = sessions
            .iter()
            .position(|one| one.id == wanted.widget_session_id)
            .ok_or(IdentifyRefusal::Unknown)?;
        let session = sessions.get(index).ok_or(IdentifyRefusal::Unknown)?;
        if session.account.is_none() && wanted.outcome.needs_account() {
            return Err(IdentifyRefusal::Nobody);
        }
        let is_over = session.is_over(now);
        let is_open = session.state == FlexitiSessionState::Open && !is_over;
        if !is_open && !may_follow_the_end(wanted.outcome) {
            return Err(if is_over {
                IdentifyRefusal::Over
            } else {
                IdentifyRefusal::Finished
            });
        }
        let told_id = match wanted.outcome {
            FlexitiOutcome::Stale if is_open => index
                .checked_sub(1)
                .and_then(|before| sessions.get(before))
                .map_or_else(|| drawn_id(!self.world.seed, 0), |one| one.id.clone()),
            _ => session.id.clone(),
        };
        let message = state.message(session.account, wanted, &told_id, is_over);
        if is_open && !wanted.outcome.changes_nothing() {
            state.set_session(
                index,
                match wanted.outcome {
                    FlexitiOutcome::Verified => FlexitiSessionState::Verified,
                    _ => FlexitiSessionState::Declined,
                },
            );
        }
        tracing::info!(
            session = wanted.widget_session_id,
            "widget session: {:?}",
            wanted.outcome
        );
        RawValue::from_string(message).map_err(|_| IdentifyRefusal::Unknown)
    }
}

/// A page that was left open can still say these.
const fn may_follow_the_end(outcome: FlexitiOutcome) -> bool {
    matches!(
        outcome,
        FlexitiOutcome::Stale | FlexitiOutcome::Failure | FlexitiOutcome::Cancel
    )
}

fn drawn_id(seed: u64, nth: u64) -> String {
    Sequence::new(seed ^ mixed(nth ^ 0x5749_4447)).uuid()
}

impl State {
    /// The message for the page around.
    fn message(
        &self,
        account: Option<u64>,
        wanted: &FlexitiIdentify,
        session_id: &str,
        is_over: bool,
    ) -> String {
        let memory = &self.flexiti;
        let account = account.and_then(|it| memory.accounts.get(it));
        let (verified, with_account, action) = match wanted.outcome {
            FlexitiOutcome::Verified | FlexitiOutcome::Stale => (true, true, Some("purchase")),
            FlexitiOutcome::Unverified => (false, true, Some("purchase")),
            FlexitiOutcome::Activation => (false, false, Some("activation")),
            FlexitiOutcome::Apply => (false, false, Some("apply")),
            FlexitiOutcome::Retry => (false, false, Some("retry")),
            FlexitiOutcome::BadStanding => {
                let told = memory.options.bad_standing_purchase.then_some("purchase");
                (false, false, told)
            }
            FlexitiOutcome::Failure => {
                let (status, text) = if is_over {
                    (401, "The session has ended.")
                } else {
                    (409, "Simulated failure.")
                };
                let object = Object::new().text("eventType", "flx-failure");
                if memory.options.flat_failure {
                    return object.number("error", status).text("message", text).end();
                }
                let data = Object::new().number("error", status).text("message", text);
                return object.raw("eventData", &data.end()).end();
            }
            FlexitiOutcome::Cancel => {
                return Object::new().text("eventType", "flx-cancel").end();
            }
        };
        let number = account.filter(|_| with_account).map(|it| it.account_number);
        let number = number.map_or_else(|| String::from("null"), |number| number.to_string());
        let method = with_account.then(|| wanted.method.name());
        let kind = account.map(|it| it.account_type.name());
        let data = Object::new()
            .raw("accountNumber", &number)
            .flag("verified", verified)
            .maybe("action", action)
            .maybe("mfaOptionSelected", method)
            .text("widget_session_id", session_id)
            .maybe("customerId", account.map(|it| it.customer_id.as_str()))
            .maybe("accountType", kind);
        Object::new()
            .text("eventType", "flx-success")
            .raw("eventData", &data.end())
            .end()
    }

    pub(super) fn set_session(&mut self, index: usize, state: FlexitiSessionState) {
        if let Some(session) = self.flexiti.sessions.get_mut(index) {
            session.state = state;
        }
        if let Some(entry) = self.ledger.flexiti.sessions.get_mut(index) {
            entry.state = state;
        }
    }

    /// The session that lets `account` be authorized online.
    pub(super) fn verified_session(
        &self,
        id: &str,
        account: u64,
        token: &str,
        (now, fate): (Moment, Fate),
    ) -> Result<usize, Code> {
        let memory = &self.flexiti;
        let mut sessions = memory.sessions.iter().enumerate();
        let found = sessions.find(|(_, one)| one.id == id);
        let (index, session) = found.ok_or(Code::NotVerified)?;
        let is_its_own = memory.options.any_token || session.token == token;
        let is_alive = !session.is_over(now) || fate.is(Kind::LateBeyondFence);
        if !is_its_own || !is_alive {
            return Err(Code::NotVerified);
        }
        match session.state {
            FlexitiSessionState::Open | FlexitiSessionState::Declined => {
                Err(Code::CustomerIdentityNotFound)
            }
            FlexitiSessionState::Used if !memory.options.session_reuse => Err(Code::NotVerified),
            _ if session.account != Some(account) => Err(Code::NotVerified),
            FlexitiSessionState::Verified | FlexitiSessionState::Used => Ok(index),
        }
    }
}

/// Whoever the merchant names.
enum Wanted {
    Account(u64),
    Vcc(String),
    Person([String; 4]),
}

impl Wanted {
    /// One of the three ways to name somebody, and what is wrong with it.
    fn read(named: &Body) -> (Option<Self>, Vec<super::WrongField>) {
        const WAYS: [&str; 3] = ["account_number", "vcc_number", "personal_information"];
        let mut inputs = Inputs::inside(named, "customer_identification.");
        let ways: Vec<&str> = WAYS.into_iter().filter(|way| named.has(way)).collect();
        let wanted = match ways.as_slice() {
            ["account_number"] => inputs.number("account_number", false).map(Self::Account),
            ["vcc_number"] => inputs.text("vcc_number", 16).map(Self::Vcc),
            ["personal_information"] => inputs.object("personal_information").and_then(|person| {
                let mut of = Inputs::inside(&person, "personal_information.");
                let read = ["first_name", "last_name", "dob", "postal_code"].map(|name| {
                    let text = of.text(name, 80);
                    of.need(name, text)
                });
                if read[2].as_ref().is_some_and(|dob| !is_day(dob)) {
                    of.object_to("dob", "invalid");
                }
                inputs.join(of.wrong());
                match read {
                    [Some(first), Some(last), Some(dob), Some(code)] => {
                        Some(Self::Person([first, last, dob, code]))
                    }
                    _ => None,
                }
            }),
            _ => {
                inputs.object_to("account_number", "required");
                None
            }
        };
        (wanted, inputs.wrong())
    }

    fn find(&self, accounts: &super::Accounts) -> Option<u64> {
        let found = match self {
            Self::Account(number) => accounts.get(*number),
            Self::Vcc(vcc) => accounts.find(|one| one.vcc_number == *vcc),
            Self::Person([first, last, dob, code]) => accounts.find(|one| {
                one.first_name.eq_ignore_ascii_case(first)
                    && one.last_name.eq_ignore_ascii_case(last)
                    && one.dob == *dob
                    && one.postal_code.eq_ignore_ascii_case(&code.replace(' ', ""))
            }),
        };
        found.map(|account| account.account_number)
    }
}
