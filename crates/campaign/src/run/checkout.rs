//! One buyer's story, from the shop's order to the receipt or to giving up.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use ventanilla_core::api::{AttemptView, CheckoutView, IdempotencyKey, StartAttempt};
use ventanilla_core::attempt::{AttemptState, NextAction};

use super::Field;
use super::book::count;
use super::code;
use super::errands;
use super::financing::Credit;
use super::operations;
use super::wallet::Way;
use crate::failure::Result;
use crate::harness::buyer::{Buyer, fresh_key, pinned_key, saved_card, typed_card};
use crate::harness::shop;
use crate::harness::wire::{Answer, Trouble};
use crate::random::Dice;

/// How a buyer presses the button.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Manner {
    /// Once, and once more if nothing comes back.
    Plain,
    /// So many times at once, with the same key.
    Many(u64),
    /// Hangs up after so many milliseconds, then asks again with the same key.
    HangsUp(u64),
    /// In two tabs at once, each with a key of its own.
    TwoTabs,
}

/// What became of pressing it.
pub(super) enum Pressed {
    /// This attempt.
    Attempt(Box<AttemptView>),
    /// Another attempt of the session, already there.
    Other(String),
    /// Nothing more can come of this session.
    Over,
}

/// Plays one checkout.
pub(super) async fn play(field: Arc<Field>, number: u64) {
    let (told, ()) = tokio::join!(
        Story::begin(&field, number),
        errands::perhaps(&field, number)
    );
    if let Err(failure) = told {
        field.book.note_surprise(failure.to_string());
    }
    count(&field.book.finished);
}

pub(super) struct Story {
    pub(super) field: Arc<Field>,
    /// Held while the buyer keeps a proxy busy, and not while waiting for the end of a doubt.
    pub(super) till: Option<OwnedSemaphorePermit>,
    pub(super) dice: Dice,
    pub(super) buyer: Buyer,
    session: String,
    pub(super) patient_until: Instant,
}

impl Story {
    async fn begin(field: &Arc<Field>, number: u64) -> Result<()> {
        let mut dice = field.dice.of(number);
        let key = fresh_key();
        let till = Arc::clone(&field.tills).acquire_owned().await.ok();
        let reference = format!("C-{number}");
        let way = Way::drawn(&mut dice.of(2), number);
        let by_code = match way {
            Some(_) => None,
            None => code::drawn(&mut dice.of(3)),
        };
        let credit = match (way, by_code) {
            (None, None) => Credit::drawn(&mut dice.of(4)),
            _ => None,
        };
        let mut order = match (&way, by_code, &credit) {
            (Some(way), _, _) => shop::order_in_pesos(&reference, way.total_minor),
            (None, Some(bill), _) => shop::order_in_mexico(&reference, bill),
            (None, None, Some(credit)) => shop::order_in_canada(&reference, credit.total_minor),
            (None, None, None) => shop::order(&reference, dice.between(100, 99_999_999)),
        };
        // A few buyers come back, and save their card the first time.
        let with_card = way.is_none() && by_code.is_none() && credit.is_none();
        let saver = (with_card && dice.percent(8)).then(|| dice.below(1 + field.checkouts / 40));
        if let (Some(saver), Some(order)) = (saver, order.as_object_mut()) {
            order.insert("save_card".into(), "ask".into());
            if let Some(buyer) = order
                .get_mut("buyer")
                .and_then(|buyer| buyer.as_object_mut())
            {
                buyer.insert("id".into(), format!("buyer-{saver}").into());
            }
        }
        let opened = field.shop.open_session(key.as_str(), &order).await?;
        field.book.note_session(&opened.session.id);
        field.book.note_secret("client token", &opened.client_token);
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let mut story = Self {
            buyer: Buyer::new(
                field.wire.clone(),
                &field.public_origin,
                opened.client_token,
                number,
            ),
            field: Arc::clone(field),
            till,
            dice,
            session: opened.session.id,
            patient_until: Instant::now() + field.patience,
        };
        if story.dice.percent(2) {
            story.stray().await;
        }
        let paid = match (way, credit) {
            (Some(way), _) => story.pay_from_wallet(way).await?,
            (None, Some(credit)) => story.pay_on_credit(credit).await?,
            (None, None) => story.pay().await?,
        };
        story.till = None;
        if let Some(paid) = paid {
            count(&story.field.book.paid);
            let dice = story.dice.of(1);
            if way.is_some() {
                operations::perhaps_send_back(&story.field, dice, &paid).await;
            } else if credit.is_some() {
                operations::perhaps_undo(&story.field, dice, &paid).await;
            } else {
                operations::perhaps(&story.field, dice, &paid).await;
            }
        }
        Ok(())
    }

    /// Tries until the session is paid or the buyer has had enough; gives the attempt that paid.
    async fn pay(&mut self) -> Result<Option<String>> {
        let tries = self.dice.between(2, 4);
        for _ in 0..tries {
            let Some(view) = self.look().await? else {
                return Ok(None);
            };
            let following = match view.attempt {
                Some(attempt) if attempt.next_action != NextAction::TryAgain => Some(attempt.id),
                _ => {
                    if self.dice.percent(3) {
                        // Closed the page and never came back.
                        return Ok(None);
                    }
                    self.perhaps_shop_ends_it();
                    self.queue().await;
                    match self.press(&view).await? {
                        Pressed::Attempt(attempt) => match attempt.next_action {
                            NextAction::Finish => return Ok(Some(attempt.id)),
                            NextAction::TryAgain => continue,
                            NextAction::Wait
                            | NextAction::Pay
                            | NextAction::Identify
                            | NextAction::Choose
                            | NextAction::AskShop => Some(attempt.id),
                        },
                        Pressed::Other(id) => Some(id),
                        Pressed::Over => None,
                    }
                }
            };
            let Some(attempt) = following else {
                return Ok(None);
            };
            match self.follow(&attempt).await? {
                Some(NextAction::Finish) => return Ok(Some(attempt)),
                Some(NextAction::TryAgain) => {}
                Some(
                    NextAction::Wait
                    | NextAction::Pay
                    | NextAction::Identify
                    | NextAction::Choose
                    | NextAction::AskShop,
                )
                | None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// The shop thinks better of it, perhaps in the middle of the payment.
    pub(super) fn perhaps_shop_ends_it(&mut self) {
        if self.dice.percent(2) {
            let (field, session) = (Arc::clone(&self.field), self.session.clone());
            let pause = Duration::from_millis(self.dice.below(150));
            tokio::spawn(async move {
                tokio::time::sleep(pause).await;
                let _ = field.shop.expire(&session).await;
            });
        }
    }

    /// A card number where none belongs, as a mistaken page or a curious buyer puts it there.
    async fn stray(&mut self) {
        let number = self.dice.pick(&self.field.approved);
        let path = format!("/v1/checkout/{number}?card={number}");
        let request = self.buyer.request(reqwest::Method::GET, &path);
        let _ = request.header("x-note", number).send().await;
    }

    /// The session as the page shows it; none when the buyer has had enough or nothing can be paid.
    pub(super) async fn look(&mut self) -> Result<Option<CheckoutView>> {
        loop {
            match self.buyer.checkout().await {
                Answer::Done(view) => return Ok(Some(view)),
                Answer::Problem(trouble) => {
                    if !self.gets_over(&trouble).await? {
                        return Ok(None);
                    }
                    self.stand_back(&trouble).await;
                }
                Answer::Nothing(_) => {}
            }
            if !self.rest().await {
                return Ok(None);
            }
        }
    }

    async fn press(&mut self, view: &CheckoutView) -> Result<Pressed> {
        if let Some(offer) = &view.flux {
            return self.show_code(offer, view.total).await;
        }
        let Some(offer) = &view.card else {
            return Ok(Pressed::Over);
        };
        let saved = offer.saved_cards.first();
        let start = match saved {
            Some(saved) if self.dice.percent(70) => saved_card(&saved.id),
            _ => {
                let number = if self.dice.percent(12) {
                    self.dice.pick(&self.field.declined)
                } else {
                    self.dice.pick(&self.field.approved)
                };
                let save = offer.save_card == ventanilla_core::rails::card::SaveCardPolicy::Ask
                    && self.dice.percent(80);
                typed_card(number, &pinned_key(offer)?, save)?
            }
        };
        self.note_secrets(&start);
        self.press_with(&start).await
    }

    pub(super) async fn press_with(&mut self, start: &StartAttempt) -> Result<Pressed> {
        let key = fresh_key();
        match self.manner() {
            Manner::Plain => {}
            Manner::Many(times) => {
                let presses = (0..times).map(|_| self.press_once(&key, start));
                for press in presses.collect::<Vec<_>>() {
                    let _ = press.await;
                }
            }
            Manner::HangsUp(after) => {
                let (buyer, key, start) = (self.buyer.clone(), key.clone(), start.clone());
                let asking = async move { buyer.start(&key, &start).await };
                let _ = tokio::time::timeout(Duration::from_millis(after), asking).await;
            }
            Manner::TwoTabs => {
                let other = self.press_once(&fresh_key(), start);
                let answer = self.insist(&key, start).await;
                let _ = other.await;
                return answer;
            }
        }
        self.insist(&key, start).await
    }

    /// Waits for a till, unless the buyer stands at one.
    pub(super) async fn queue(&mut self) {
        if self.till.is_none() {
            self.till = Arc::clone(&self.field.tills).acquire_owned().await.ok();
        }
    }

    fn manner(&mut self) -> Manner {
        match self.dice.below(100) {
            0..6 => Manner::Many(self.dice.between(2, 20)),
            6..12 => Manner::HangsUp(self.dice.between(1, 60)),
            12..16 => Manner::TwoTabs,
            _ => Manner::Plain,
        }
    }

    fn press_once(
        &self,
        key: &IdempotencyKey,
        start: &StartAttempt,
    ) -> tokio::task::JoinHandle<Answer<AttemptView>> {
        let (buyer, key, start) = (self.buyer.clone(), key.clone(), start.clone());
        tokio::spawn(async move { buyer.start(&key, &start).await })
    }

    /// Sends the same request with the same key until it is answered.
    async fn insist(&mut self, key: &IdempotencyKey, start: &StartAttempt) -> Result<Pressed> {
        loop {
            match self.buyer.start(key, start).await {
                Answer::Done(attempt) => return Ok(Pressed::Attempt(Box::new(attempt))),
                Answer::Problem(trouble) => match (trouble.code.as_str(), &trouble.attempt_id) {
                    ("attempt-running" | "session-paid", Some(other)) => {
                        return Ok(Pressed::Other(other.clone()));
                    }
                    _ if self.gets_over(&trouble).await? => self.stand_back(&trouble).await,
                    _ => return Ok(Pressed::Over),
                },
                Answer::Nothing(_) => {}
            }
            if !self.rest().await {
                return Ok(Pressed::Over);
            }
        }
    }

    /// Asks until the attempt has ended; none when the buyer has had enough.
    pub(super) async fn follow(&mut self, attempt: &str) -> Result<Option<NextAction>> {
        let mut doubting = Doubting {
            field: Arc::clone(&self.field),
            doubts: false,
        };
        loop {
            let read = self.buyer.read(attempt, HELD_BACK_SECS).await;
            // Whoever is not done by the first answer makes room for others.
            self.till = None;
            match read {
                Answer::Done(view) => {
                    doubting.set(view.state == AttemptState::Unknown);
                    if matches!(view.state, AttemptState::Unknown | AttemptState::Review) {
                        self.field.book.note_doubt(attempt);
                    }
                    if view.next_action != NextAction::Wait {
                        return Ok(Some(view.next_action));
                    }
                    if !self.field.goes_on(self.patient_until) {
                        return Ok(None);
                    }
                }
                Answer::Problem(trouble) => {
                    if !self.gets_over(&trouble).await? || !self.rest().await {
                        return Ok(None);
                    }
                }
                Answer::Nothing(_) => {
                    if !self.rest().await {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Whether the buyer may go on after this answer.
    pub(super) async fn gets_over(&mut self, trouble: &Trouble) -> Result<bool> {
        match trouble.code.as_str() {
            "client-token-invalid" => {
                let token = self.field.shop.client_token(&self.session).await?;
                self.field.book.note_secret("client token", &token);
                self.buyer.renew(token);
                Ok(true)
            }
            "attempt-running" | "session-paid" | "session-expired" | "attempts-exhausted" => {
                Ok(false)
            }
            _ if trouble.status >= 500 || trouble.status == 429 => Ok(true),
            code => {
                let status = trouble.status;
                self.field
                    .book
                    .note_surprise(format!("a buyer was answered {status} {code}"));
                Ok(false)
            }
        }
    }

    /// Waits as long as the proxy asks for.
    pub(super) async fn stand_back(&self, trouble: &Trouble) {
        if let Some(pause) = trouble.come_back_after {
            tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
        }
    }

    /// Waits a moment; false when the buyer has had enough.
    pub(super) async fn rest(&mut self) -> bool {
        tokio::time::sleep(Duration::from_millis(self.dice.between(50, 400))).await;
        self.field.goes_on(self.patient_until)
    }

    fn note_secrets(&self, start: &StartAttempt) {
        if let Some(sealed) = start.card.as_ref().and_then(|card| card.sealed.as_ref()) {
            self.field.book.note_secret("ld", &sealed.ld);
            self.field.book.note_secret("lk", &sealed.lk);
        }
    }
}

/// Counts a buyer among those who wait for an attempt in doubt, as long as that is so.
struct Doubting {
    field: Arc<Field>,
    doubts: bool,
}

impl Doubting {
    fn set(&mut self, doubts: bool) {
        let counter = &self.field.book.in_doubt;
        match (self.doubts, doubts) {
            (false, true) => {
                counter.fetch_add(1, Ordering::Relaxed);
            }
            (true, false) => {
                counter.fetch_sub(1, Ordering::Relaxed);
            }
            _ => {}
        }
        self.doubts = doubts;
    }
}

impl Drop for Doubting {
    fn drop(&mut self) {
        self.set(false);
    }
}

/// Nobody waits longer for a proxy that is busy.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// So long an answer may be held back while nothing changes.
pub(super) const HELD_BACK_SECS: u8 = 5;
