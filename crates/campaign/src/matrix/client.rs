//! Shop and buyer of one case: what they ask for, and how they go on when something goes wrong.

use std::time::Duration;

use tokio::time::Instant;
use ventanilla_core::api::{AttemptView, IdempotencyKey, StartAttempt};
use ventanilla_core::attempt::AttemptState;
use ventanilla_core::operation::OperationKind;

use super::case::{Case, Deed};
use super::financing::{ACCOUNT, Said, Way};
use super::ground::{Ground, order, order_by_code, order_on_credit};
use super::life::Life;
use super::play::{Played, standings};
use crate::failure::{Failure, Result};
use crate::harness::buyer::{
    Buyer, financed, fresh_key, payable, pinned_key, saved_card, typed_card, wallet_code,
};
use crate::harness::lender::LenderPage;
use crate::harness::shop::{self, Attempt, Session, Shop};
use crate::harness::wallet::Target;
use crate::harness::wire::{Answer, Trouble, Wire};
use crate::run::code::fresh_code;

/// Shop and buyer.
pub(super) struct Client<'a> {
    ground: &'a Ground,
    case: Case,
    number: u32,
    wire: Wire,
    pub shop: Shop,
    origin: String,
    said: Said,
}

/// What they want, and how far they have come.
#[derive(Default)]
pub(super) struct Wish {
    session: Option<String>,
    /// The payment that an operation is about.
    pub attempt: Option<String>,
    key: Option<IdempotencyKey>,
    /// Of the payment or operation that was disturbed.
    pub id: Option<String>,
    /// Of what was asked for after it.
    pub once_more: Option<String>,
}

impl Wish {
    pub fn session(&self) -> Result<&str> {
        let session = self.session.as_deref();
        session.ok_or_else(|| Failure::of("there is no session"))
    }

    /// The state of what was asked for last.
    pub fn end_in(&self, session: &Session) -> Option<AttemptState> {
        let id = self.once_more.as_ref().or(self.id.as_ref())?;
        standings(session)
            .find(|(standing, _)| standing == id)
            .map(|(_, state)| state)
    }
}

impl<'a> Client<'a> {
    pub fn of(ground: &'a Ground, life: &Life<'_>, case: Case, number: u32) -> Self {
        let wire = life.wire();
        Self {
            ground,
            case,
            number,
            shop: Shop::new(wire.clone(), &ground.secrets),
            wire,
            origin: life.public_origin.clone(),
            said: Said::default(),
        }
    }

    /// From now on asks whichever proxy there is.
    pub fn turn_to(&mut self, life: &Life<'_>) {
        self.wire = life.wire();
        self.shop = Shop::new(self.wire.clone(), &self.ground.secrets);
    }

    /// Asks for it, once.
    pub async fn ask(&self, wish: &mut Wish) -> Result<()> {
        let key = fresh_key();
        wish.key = Some(key.clone());
        if let Some(kind) = self.case.deed.kind() {
            let attempt = match &wish.attempt {
                Some(attempt) => attempt.clone(),
                None => {
                    let paid = self.ground.take_paid(self.case.deed)?;
                    wish.session = Some(paid.session);
                    paid.attempt
                }
            };
            wish.attempt = Some(attempt.clone());
            if let Answer::Done(operation) = self.shop.operate(&attempt, kind, key.as_str()).await {
                wish.id = Some(operation.id);
            }
            return Ok(());
        }
        let buyer = self.enter(wish).await?;
        let start = self.start(&buyer).await?;
        if let Answer::Done(attempt) = buyer.start(&key, &start).await {
            wish.id = Some(attempt.id.clone());
            if self.case.deed.is_financed() {
                self.go_on(&buyer, attempt).await?;
            }
        }
        Ok(())
    }

    /// From the provider's page to the authorization.
    async fn go_on(&self, buyer: &Buyer, attempt: AttemptView) -> Result<Answer<AttemptView>> {
        let note = |page: &LenderPage| self.ground.note_secret("Flexiti token", &page.token);
        let sandbox = &self.ground.sandbox;
        let gone = self.said.go_on(sandbox, buyer, attempt, Way::Plan, note);
        gone.await
    }

    /// Opens a session, and its page.
    async fn enter(&self, wish: &mut Wish) -> Result<Buyer> {
        let name = self.case.to_string();
        let order = match self.case.deed.presentation() {
            Some(_) => shop::order_in_pesos(&name, self.price()),
            None if self.case.deed.is_by_code() => order_by_code(&name, self.number),
            None if self.case.deed.is_financed() => order_on_credit(&name, self.number),
            None => order(&name, self.number, self.case.deed == Deed::PaySaved),
        };
        let opened = self.shop.open_session(fresh_key().as_str(), &order).await?;
        wish.session = Some(opened.session.id);
        self.ground
            .note_secret("client token", &opened.client_token);
        Ok(self.buyer(opened.client_token))
    }

    /// What is paid from a wallet, in centavos: nobody else's.
    pub fn price(&self) -> u64 {
        (1_000 + u64::from(self.number) * 10) * 100
    }

    /// Opens a session, and has something payable shown there.
    pub async fn have_shown(&self, wish: &mut Wish) -> Result<Target> {
        self.enter(wish).await?;
        let (attempt, target) = self.payable(wish).await?;
        wish.id = Some(attempt);
        Ok(target)
    }

    /// The attempt that is shown now, and what is to be paid; it is asked for if nothing is shown.
    pub async fn payable(&self, wish: &Wish) -> Result<(String, Target)> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let session = self.shop.session(wish.session()?).await?;
            let is_shown = |attempt: &&Attempt| attempt.state == AttemptState::Issued;
            let shown = session.attempts.iter().find(is_shown);
            let Some(shown) = shown else {
                let pressed = self.press(wish, &fresh_key()).await?;
                // What is on its way is shown soon, or never.
                if let Err(Trouble { status, code, .. }) = pressed
                    && code != "attempt-running"
                {
                    return Err(Failure::of(format!(
                        "asked for something payable, it was answered {status} {code}"
                    )));
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let token = self.shop.client_token(&session.id).await?;
            self.ground.note_secret("client token", &token);
            if let Answer::Done(view) = self.buyer(token).read(&shown.id, 0).await
                && let Some(target) = view.payable.as_ref().and_then(Target::of)
            {
                return Ok((shown.id.clone(), target));
            }
        }
        Err(Failure::of("nothing is shown that could be paid"))
    }

    /// Asks for it again and again, with the same key, until there is an answer.
    pub async fn insist(&self, wish: &mut Wish) -> Result<()> {
        let key = wish.key.clone().unwrap_or_else(fresh_key);
        let id = self.press(wish, &key).await?;
        let id = id.map_err(|trouble| {
            let Trouble { status, code, .. } = trouble;
            Failure::of(format!("repeated, it was answered {status} {code}"))
        })?;
        if wish.id.as_ref().is_some_and(|before| *before != id) {
            return Err(Failure::of("repeated with its key, it became another one"));
        }
        wish.id = Some(id);
        Ok(())
    }

    /// With a fresh key: goes through if the money is still where it was, and is refused if not.
    pub async fn ask_once_more(
        &self,
        session: &Session,
        wish: &mut Wish,
        played: &mut Played,
    ) -> Result<()> {
        let Some(state) = wish.end_in(session) else {
            return Err(Failure::of("what was asked for is not in the session"));
        };
        let answer = self.press(wish, &fresh_key()).await?;
        let may_go_through =
            |state: AttemptState| state.is_final() && state != AttemptState::Succeeded;
        // What went out late may have been found while it was asked for.
        let state = match &answer {
            Err(_) if may_go_through(state) => {
                let now = self.shop.session(wish.session()?).await?;
                wish.end_in(&now).unwrap_or(state)
            }
            _ => state,
        };
        let may_go_through = may_go_through(state);
        match answer {
            Ok(id) => {
                if !may_go_through {
                    let state = state.name();
                    played.amiss(format!("asked for once more, although {state}"));
                }
                wish.once_more = Some(id);
            }
            Err(trouble) if may_go_through => {
                let (status, code) = (trouble.status, trouble.code);
                let state = state.name();
                played.amiss(format!(
                    "{state}, and asked for once more it was answered {status} {code}"
                ));
            }
            Err(trouble) => {
                let expected: &[&str] = match (self.case.deed.kind(), state) {
                    (None, _) => &["session-paid"],
                    (Some(_), AttemptState::Succeeded) => {
                        &["operation-not-possible", "amount-exceeds-payment"]
                    }
                    (Some(_), _) => &["operation-running"],
                };
                if !expected.contains(&trouble.code.as_str()) {
                    let (status, code) = (trouble.status, trouble.code);
                    played.amiss(format!(
                        "asked for once more, it was answered {status} {code}"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Sends the request with `key` until it is answered: by what came of it, or by a refusal.
    async fn press(
        &self,
        wish: &Wish,
        key: &IdempotencyKey,
    ) -> Result<std::result::Result<String, Trouble>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = match (self.case.deed.kind(), &wish.attempt) {
                (Some(kind), Some(attempt)) => self.operate(attempt, kind, key).await,
                (Some(_), None) if self.case.deed.presentation().is_some() => {
                    self.pay(wish, key).await?
                }
                (Some(_), None) => return Err(Failure::of("there is nothing to ask for")),
                (None, _) => self.pay(wish, key).await?,
            };
            let again = answer.is_worth_repeating() && Instant::now() < deadline;
            match answer {
                Answer::Done(id) => return Ok(Ok(id)),
                Answer::Problem(trouble) if !again => return Ok(Err(trouble)),
                Answer::Nothing(why) if !again => {
                    return Err(Failure::of(format!("it was not answered: {why}")));
                }
                Answer::Problem(_) | Answer::Nothing(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn operate(
        &self,
        attempt: &str,
        kind: OperationKind,
        key: &IdempotencyKey,
    ) -> Answer<String> {
        match self.shop.operate(attempt, kind, key.as_str()).await {
            Answer::Done(operation) => Answer::Done(operation.id),
            Answer::Problem(trouble) => Answer::Problem(trouble),
            Answer::Nothing(why) => Answer::Nothing(why),
        }
    }

    /// From a page that was loaded anew: the one before may have been open for long.
    async fn pay(&self, wish: &Wish, key: &IdempotencyKey) -> Result<Answer<String>> {
        let token = self.shop.client_token(wish.session()?).await?;
        self.ground.note_secret("client token", &token);
        let buyer = self.buyer(token);
        let start = self.start(&buyer).await?;
        let mut answer = buyer.start(key, &start).await;
        if self.case.deed.is_financed()
            && let Answer::Done(attempt) = answer
        {
            answer = self.go_on(&buyer, attempt).await?;
        }
        Ok(match answer {
            Answer::Done(attempt) => Answer::Done(attempt.id),
            Answer::Problem(trouble) => Answer::Problem(trouble),
            Answer::Nothing(why) => Answer::Nothing(why),
        })
    }

    fn buyer(&self, token: String) -> Buyer {
        // The first thousand numbers are those of the buyers before.
        Buyer::new(self.wire.clone(), &self.origin, token, 1_000 + self.number)
    }

    /// A card, sealed afresh as a reloaded page would.
    async fn start(&self, buyer: &Buyer) -> Result<StartAttempt> {
        if let Some(presentation) = self.case.deed.presentation() {
            return Ok(payable(presentation));
        }
        if self.case.deed.is_financed() {
            return Ok(financed(ACCOUNT));
        }
        let deadline = Instant::now() + PATIENCE;
        let view = loop {
            match buyer.checkout().await {
                Answer::Done(view) => break view,
                answer if answer.is_worth_repeating() && Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                other => return Err(Failure::of(format!("the page was answered {other:?}"))),
            }
        };
        if self.case.deed.is_by_code() {
            let code = fresh_code(&self.ground.sandbox, "good").await?;
            return wallet_code(&code, TIP_MINOR);
        }
        let offer = view
            .card
            .ok_or_else(|| Failure::of("the proxy offers no card"))?;
        if self.case.deed == Deed::PaySaved {
            let saved = offer.saved_cards.first();
            let saved = saved.ok_or_else(|| Failure::of("the saved card is not offered"))?;
            return Ok(saved_card(&saved.id));
        }
        let start = typed_card(&self.ground.card, &pinned_key(&offer)?, false)?;
        self.ground.note_card(&start);
        Ok(start)
    }
}

/// What is added to the bill, in centavos: less than any bill here.
pub(super) const TIP_MINOR: u64 = 150;
/// On a busy machine, with a proxy that may just be starting.
const PATIENCE: Duration = Duration::from_secs(60);
