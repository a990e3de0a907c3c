//! A buyer who pays from a wallet: asks for a link, a code or an account, and does with it what people do.

use std::time::Duration;

use tokio::time::Instant;
use ventanilla_core::api::{AttemptView, Step};
use ventanilla_core::attempt::{AttemptState, NextAction};
use ventanilla_core::rails::cvu::Presentation;
use ventanilla_core::session::SessionState;

use super::checkout::{HELD_BACK_SECS, Pressed, Story};
use crate::failure::{Failure, Result};
use crate::harness::buyer::payable;
use crate::harness::proxy::CVU_LIFETIME;
use crate::harness::wallet::{self, PAYERS, Payment, Target};
use crate::harness::wire::Answer;
use crate::random::Dice;

/// What a buyer with a wallet comes with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Way {
    /// What the order costs, in centavos.
    pub total_minor: u64,
    manner: Manner,
}

/// What a buyer does with what is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Manner {
    /// Pays it.
    Exactly,
    /// Pays it when its time is over, and a wallet may still be so late.
    Late,
    /// Pays it, and the money arrives when no wallet may be so late.
    LongAfter,
    /// Pays it twice.
    Twice,
    /// Pays so many centavos less, in time or not; some pay it all besides.
    Less(u64),
    /// Pays so many centavos more, likewise.
    More(u64),
    /// Leaves it for something else, and pays one of them or both.
    Changes(Which),
    /// Waits until its time is over, asks anew, and pays one of them or both.
    AsksAgain(Which),
    /// Goes away.
    Never,
}

/// What is paid of two things that were shown one after the other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Which {
    Former,
    Latter,
    Both,
}

/// Something payable that was shown.
#[derive(Clone, Debug)]
struct Shown {
    attempt: String,
    target: Target,
}

/// So many of a hundred buyers pay from a wallet.
const SHARE: u64 = 30;
/// So many of a hundred of these pay what others pay at the same time: whose a credit is cannot be told then.
const ALIKE: u64 = 5;
/// What those pay, in centavos. Nobody else's price is near.
const PRICES: [u64; 3] = [50_000, 60_000, 70_000];

impl Way {
    /// What the buyer with this number comes with; none if with a card.
    pub(super) fn drawn(dice: &mut Dice, number: u64) -> Option<Self> {
        if !dice.percent(SHARE) {
            return None;
        }
        // Ten pesos lie between one price and the next: more than anybody pays too little or too much, and
        // more than a false answer is off.
        let total_minor = if dice.percent(ALIKE) {
            *dice.pick(&PRICES)
        } else {
            (1_000 + number * 10) * 100 + dice.below(100)
        };
        Some(Self {
            total_minor,
            manner: Manner::drawn(dice),
        })
    }
}

impl Manner {
    fn drawn(dice: &mut Dice) -> Self {
        let which = *dice.pick(&[Which::Former, Which::Latter, Which::Both]);
        let off_by = dice.between(1, 99) + *dice.pick(&[0, 100]);
        match dice.below(100) {
            0..40 => Self::Exactly,
            40..48 => Self::Late,
            48..54 => Self::LongAfter,
            54..62 => Self::Twice,
            62..68 => Self::Less(off_by),
            68..74 => Self::More(off_by),
            74..84 => Self::Changes(which),
            84..92 => Self::AsksAgain(which),
            _ => Self::Never,
        }
    }
}

impl Story {
    /// Asks for something payable and pays it in this way; gives the attempt that the buyer saw paid.
    pub(super) async fn pay_from_wallet(&mut self, way: Way) -> Result<Option<String>> {
        let total = way.total_minor;
        let presentation = *self.dice.pick(&Presentation::ALL);
        let Some(first) = self.ask_for(presentation).await? else {
            return Ok(None);
        };
        self.till = None;
        match way.manner {
            Manner::Exactly => self.hand_over(&first, once(total)).await?,
            Manner::Late => {
                self.outlive(&first).await?;
                self.hand_over(&first, once(total)).await?;
            }
            Manner::LongAfter => {
                let delay_ms = self.dice.between(LONG_AFTER_MS, LONG_AFTER_MS + SPREAD_MS);
                let payment = Payment {
                    delay_ms,
                    ..once(total)
                };
                self.hand_over(&first, payment).await?;
                return Ok(None);
            }
            Manner::Twice => {
                let payment = Payment {
                    times: 2,
                    ..once(total)
                };
                self.hand_over(&first, payment).await?;
            }
            Manner::Less(by) => self.misjudge(&first, total - by, total).await?,
            Manner::More(by) => self.misjudge(&first, total + by, total).await?,
            Manner::Changes(which) => {
                self.leave(&first).await?;
                return self.pay_of_two(&first, which, total).await;
            }
            Manner::AsksAgain(which) => {
                self.outlive(&first).await?;
                return self.pay_of_two(&first, which, total).await;
            }
            Manner::Never => return Ok(None),
        }
        self.await_credit(&first).await
    }

    /// Pays what was not asked for; some when it is too late besides, and some pay it all when they notice.
    async fn misjudge(&mut self, shown: &Shown, amount_minor: u64, total: u64) -> Result<()> {
        if self.dice.percent(40) {
            self.outlive(shown).await?;
        }
        self.hand_over(shown, once(amount_minor)).await?;
        if self.dice.percent(40) {
            tokio::time::sleep(self.field.clock.real(NOTICES_AFTER)).await;
            self.hand_over(shown, once(total)).await?;
        }
        Ok(())
    }

    async fn pay_of_two(
        &mut self,
        former: &Shown,
        which: Which,
        total: u64,
    ) -> Result<Option<String>> {
        let presentation = *self.dice.pick(&Presentation::ALL);
        let latter = self.ask_for(presentation).await?;
        self.till = None;
        let mut paid = Vec::new();
        if which != Which::Latter {
            paid.push(former.clone());
        }
        if which != Which::Former {
            paid.extend(latter);
        }
        for shown in &paid {
            self.hand_over(shown, once(total)).await?;
            if self.dice.percent(50) {
                self.rest().await;
            }
        }
        match paid.last() {
            Some(shown) => self.await_credit(shown).await,
            None => Ok(None),
        }
    }

    /// Tries until something payable is shown; none when the buyer has had enough, or nothing is to be paid.
    async fn ask_for(&mut self, presentation: Presentation) -> Result<Option<Shown>> {
        for _ in 0..MOST_ASKED {
            let Some(view) = self.look().await? else {
                return Ok(None);
            };
            if view.state != SessionState::Open {
                return Ok(None);
            }
            let attempt = match view.attempt {
                Some(attempt)
                    if matches!(attempt.next_action, NextAction::Wait | NextAction::Pay) =>
                {
                    attempt.id
                }
                Some(attempt) if attempt.next_action != NextAction::TryAgain => return Ok(None),
                _ => {
                    self.perhaps_shop_ends_it();
                    self.queue().await;
                    match self.press_with(&payable(presentation)).await? {
                        Pressed::Attempt(attempt) => attempt.id,
                        Pressed::Other(id) => id,
                        Pressed::Over => return Ok(None),
                    }
                }
            };
            let view = self
                .watch(&attempt, |view| view.next_action != NextAction::Wait)
                .await?;
            if let Some(view) = view
                && view.next_action == NextAction::Pay
            {
                return self.shown(view).map(Some);
            }
            if !self.rest().await {
                return Ok(None);
            }
        }
        Ok(None)
    }

    fn shown(&self, view: AttemptView) -> Result<Shown> {
        let target = view
            .payable
            .as_ref()
            .and_then(Target::of)
            .ok_or_else(|| Failure::of("what is to be paid is not shown"))?;
        match &target {
            Target::Link(link) => self.field.book.note_shown("payment link", link),
            Target::Code(code) => self.field.book.note_shown("QR code", code),
            Target::Account => {}
        }
        Ok(Shown {
            attempt: view.id,
            target,
        })
    }

    /// Pays, and perhaps says so.
    async fn hand_over(&mut self, shown: &Shown, payment: Payment) -> Result<()> {
        let payer = *self.dice.pick(&PAYERS);
        let (sandbox, password) = (&self.field.sandbox, &self.field.cvu_password);
        wallet::pay(sandbox, password, &shown.target, payer, payment).await?;
        if self.dice.percent(25) {
            let _ = self.buyer.step(&shown.attempt, Step::Check).await;
        }
        Ok(())
    }

    /// Leaves what is shown.
    async fn leave(&mut self, shown: &Shown) -> Result<()> {
        loop {
            match self.buyer.step(&shown.attempt, Step::Supersede).await {
                Answer::Done(_) => return Ok(()),
                Answer::Problem(trouble) => {
                    if !self.gets_over(&trouble).await? {
                        return Ok(());
                    }
                    self.stand_back(&trouble).await;
                }
                Answer::Nothing(_) => {}
            }
            if !self.rest().await {
                return Ok(());
            }
        }
    }

    /// Waits until what is shown has run out.
    async fn outlive(&mut self, shown: &Shown) -> Result<()> {
        let over = |view: &AttemptView| view.state != AttemptState::Issued;
        self.watch(&shown.attempt, over).await.map(|_| ())
    }

    /// Waits for what was paid to be seen, for as long as people do.
    async fn await_credit(&mut self, shown: &Shown) -> Result<Option<String>> {
        let patience = self.field.clock.real(CVU_LIFETIME * 2);
        self.patient_until = self.patient_until.min(Instant::now() + patience);
        let over = |view: &AttemptView| {
            matches!(view.next_action, NextAction::Finish | NextAction::AskShop)
        };
        let view = self.watch(&shown.attempt, over).await?;
        Ok(view
            .filter(|view| view.next_action == NextAction::Finish)
            .map(|view| view.id))
    }

    /// Reads an attempt until it is as `wanted`; none when the buyer has had enough.
    pub(super) async fn watch(
        &mut self,
        attempt: &str,
        wanted: impl Fn(&AttemptView) -> bool + Send,
    ) -> Result<Option<AttemptView>> {
        loop {
            match self.buyer.read(attempt, HELD_BACK_SECS).await {
                Answer::Done(view) if wanted(&view) => return Ok(Some(view)),
                Answer::Done(_) | Answer::Nothing(_) => {}
                Answer::Problem(trouble) => {
                    if !self.gets_over(&trouble).await? {
                        return Ok(None);
                    }
                    self.stand_back(&trouble).await;
                }
            }
            if !self.rest().await {
                return Ok(None);
            }
        }
    }
}

const fn once(amount_minor: u64) -> Payment {
    Payment {
        amount_minor,
        times: 1,
        delay_ms: 0,
    }
}

/// So often a buyer asks until something is shown.
const MOST_ASKED: u32 = 8;
/// A credit of the wrong amount has been seen by then.
const NOTICES_AFTER: Duration = Duration::from_secs(4 * 60);
/// Past the time in which it can be paid, and past that in which a wallet may be late, by far.
const LONG_AFTER_MS: u64 = 50 * 60 * 1_000;
const SPREAD_MS: u64 = 15 * 60 * 1_000;
/// What a credit that arrives in time may take at the most, from the beginning of its attempt: until its
/// call is answered by a busy proxy, its lifetime, and what a wallet may be late. What arrives long after does
/// so later than that.
pub(super) const IN_TIME: Duration = Duration::from_secs(40 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_a_third_come_with_a_wallet_and_few_of_them_pay_the_same() {
        let ways: Vec<Way> = (0..10_000)
            .filter_map(|number| Way::drawn(&mut Dice::new(number), number))
            .collect();
        assert!((2_700..3_300).contains(&ways.len()), "{}", ways.len());
        let alike = |way: &&Way| PRICES.contains(&way.total_minor);
        let alike = ways.iter().filter(alike).count();
        assert!((80..250).contains(&alike), "{alike}");
    }

    #[test]
    fn no_payment_of_one_buyer_is_near_the_price_of_another() {
        let mut paid: Vec<(u64, u64)> = Vec::new();
        for number in 0..3_000 {
            if let Some(way) = Way::drawn(&mut Dice::new(number), number)
                && !PRICES.contains(&way.total_minor)
            {
                let most_off = 199;
                let one_peso = 100;
                let range = (
                    way.total_minor - most_off,
                    way.total_minor + most_off + one_peso,
                );
                assert!(paid.last().is_none_or(|before| before.1 < range.0));
                paid.push(range);
            }
        }
        assert!(paid.first().is_some_and(|first| first.0 > PRICES[2] + 299));
    }

    #[test]
    fn what_arrives_long_after_does_so_when_nothing_arrives_in_time() {
        assert!(IN_TIME < Duration::from_millis(LONG_AFTER_MS));
    }
}
