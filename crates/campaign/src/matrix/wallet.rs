//! What is paid from a wallet: shown, paid, recorded, and somebody's word on whose it is.

use std::time::Duration;

use tokio::time::Instant;
use ventanilla_core::attempt::AttemptState;

use super::case::{Case, Deed};
use super::client::{Client, Wish};
use super::ground::Ground;
use super::life::Life;
use super::play::Played;
use crate::failure::{Failure, Result};
use crate::harness::sandbox::Sandbox;
use crate::harness::shop::{Credit, CreditState, Session};
use crate::harness::wallet::{self, PAYERS, Payment, Target};

/// Plays the cases in which money comes by itself.
pub(super) async fn live(
    ground: &Ground,
    case: Case,
    number: u32,
    life: &mut Life<'_>,
    played: &mut Played,
) -> Result<()> {
    let account = life.account()?;
    let mut client = Client::of(ground, life, case, number);
    let (mut wish, mut beside) = (Wish::default(), Wish::default());
    life.begin_well().await?;
    let target = client.have_shown(&mut wish).await?;
    let mut in_review = None;
    if case.deed == Deed::Resolve {
        // Somebody else is asked for as much, so nobody can tell whose it is.
        client.have_shown(&mut beside).await?;
        pay(ground, &account, &target, client.price()).await?;
        let session = until(&client, &wish, played, |session| {
            in_doubt(session).is_some()
        })
        .await?;
        in_review = in_doubt(&session).cloned();
    }
    life.end_well(usize::from(in_review.is_some())).await?;
    life.begin().await?;
    let price = match case.deed {
        Deed::OtherCredit => client.price() - ONE_PESO,
        _ => client.price(),
    };
    let asking = async {
        match &in_review {
            Some(credit) => {
                // Whoever is not answered asks again, below.
                let attempt = wish.id.as_deref();
                client.shop.settle_credit(&credit.id, attempt).await;
                Ok(())
            }
            None => pay(ground, &account, &target, price).await,
        }
    };
    let (asked, befallen) = tokio::join!(asking, life.befall());
    if let Err(failure) = befallen {
        played.amiss(failure.to_string());
    }
    asked?;
    client.turn_to(life);
    if let Some(credit) = &in_review {
        insist(&client, &wish, credit, played).await?;
    }
    let session = match case.deed {
        Deed::OtherCredit => {
            until(&client, &wish, played, |session| {
                in_doubt(session).is_some()
            })
            .await?
        }
        _ => until(&client, &wish, played, is_paid).await?,
    };
    played.ends.extend(wish.end_in(&session));
    if let (Deed::OtherCredit, Some(credit)) = (case.deed, in_doubt(&session)) {
        played.settled.push(Credit {
            state: CreditState::Dismissed,
            ..credit.clone()
        });
        if !client.shop.settle_credit(&credit.id, None).await {
            played.amiss("a credit in review was not done with");
        }
        pay_all(life, &client, &mut wish, played).await?;
        let session = client.shop.session(wish.session()?).await?;
        played.ends.extend(wish.end_in(&session));
    } else {
        client.ask_once_more(&session, &mut wish, played).await?;
    }
    let mut sessions = vec![client.shop.session(wish.session()?).await?];
    if in_review.is_some() {
        sessions.push(client.shop.session(beside.session()?).await?);
    }
    played.closes(life, sessions).await;
    Ok(())
}

/// Has a payment made and seen that is to be sent back.
pub(super) async fn pay_before(
    life: &mut Life<'_>,
    client: &Client<'_>,
    wish: &mut Wish,
    played: &mut Played,
) -> Result<()> {
    let account = life.account()?;
    life.begin_well().await?;
    let target = client.have_shown(wish).await?;
    pay(life.ground, &account, &target, client.price()).await?;
    until(client, wish, played, is_paid).await?;
    wish.attempt = wish.id.take();
    // Of the attempt, and of its session.
    life.end_well(2).await
}

/// Pays what is shown, or asks for it first, and waits until that is seen.
pub(super) async fn pay_all(
    life: &Life<'_>,
    client: &Client<'_>,
    wish: &mut Wish,
    played: &mut Played,
) -> Result<()> {
    let account = life.account()?;
    let (attempt, target) = client.payable(wish).await?;
    pay(life.ground, &account, &target, client.price()).await?;
    wish.once_more = Some(attempt);
    until(client, wish, played, is_paid).await?;
    Ok(())
}

async fn pay(ground: &Ground, account: &Sandbox, target: &Target, amount_minor: u64) -> Result<()> {
    be_looked_for(account).await?;
    let payment = Payment {
        amount_minor,
        times: 1,
        delay_ms: 0,
    };
    let [payer, ..] = PAYERS;
    let password = &ground.secrets.cvu_password;
    wallet::pay(account, password, target, payer, payment).await?;
    Ok(())
}

/// Waits until the account was looked at since something was last shown: as the provider writes to the minute, a
/// credit that was there at the first look may have come before.
async fn be_looked_for(account: &Sandbox) -> Result<()> {
    let deadline = Instant::now() + SEEN_WITHIN;
    loop {
        let calls = account.ledger().await?.calls;
        let newest = |names: &[&str]| {
            calls
                .iter()
                .rposition(|call| names.contains(&call.operation.as_str()))
        };
        if newest(&["cvu_transactions"]) > newest(&["cvu_link", "cvu_qr"]) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Failure::of("nobody looked at the account"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Says whose the credit is until that is taken. Said again, it is refused.
async fn insist(
    client: &Client<'_>,
    wish: &Wish,
    credit: &Credit,
    played: &mut Played,
) -> Result<()> {
    let deadline = Instant::now() + SEEN_WITHIN;
    played.settled.push(Credit {
        state: CreditState::Matched,
        attempts: wish.id.iter().cloned().collect(),
        ..credit.clone()
    });
    loop {
        let session = client.shop.session(wish.session()?).await?;
        if in_doubt(&session).is_none() {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Failure::of("nobody may say whose a credit is"));
        }
        let attempt = wish.id.as_deref();
        client.shop.settle_credit(&credit.id, attempt).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The session as soon as it is as `wanted`, or as it is after a long while.
async fn until(
    client: &Client<'_>,
    wish: &Wish,
    played: &mut Played,
    wanted: impl Fn(&Session) -> bool,
) -> Result<Session> {
    let deadline = Instant::now() + SEEN_WITHIN;
    loop {
        let session = client.shop.session(wish.session()?).await?;
        played.saw(&session);
        if wanted(&session) || Instant::now() > deadline {
            return Ok(session);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn is_paid(session: &Session) -> bool {
    let mut attempts = session.attempts.iter();
    attempts.any(|attempt| attempt.state == AttemptState::Succeeded)
}

fn in_doubt(session: &Session) -> Option<&Credit> {
    let mut credits = session.credits.iter();
    credits.find(|credit| credit.state == CreditState::Review)
}

const ONE_PESO: u64 = 100;
/// Whoever was to look at the account may have died with it, whose turn it is for some seconds of real time.
const SEEN_WITHIN: Duration = Duration::from_secs(100);
