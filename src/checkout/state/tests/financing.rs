//! A purchase that a provider finances.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::*;
use ventanilla_core::rails::flexiti::{FinancedView, FinancingPlan, Identified};

const SESSION: &str = "11111111-2222-4333-8444-555555555555";

fn bare(state: AttemptState) -> AttemptView {
    AttemptView {
        rail: Rail::Flexiti,
        ..attempt("a", state)
    }
}

fn at_the_page(address: &str) -> AttemptView {
    AttemptView {
        next_action: NextAction::Identify,
        hosted_page: Some(HostedPage {
            address: address.into(),
            origin: "https://lender.example".into(),
            expires_in_ms: 1_200_000,
        }),
        ..bare(AttemptState::Prepared)
    }
}

fn page() -> AttemptView {
    at_the_page("https://lender.example/#/widget/shop/token?widget_session_id=s")
}

fn with_offers() -> AttemptView {
    AttemptView {
        next_action: NextAction::Choose,
        offers: Some(FinancingOffers {
            regular: None,
            plans: vec![FinancingPlan {
                plan: "4".into(),
                name: "Plan".into(),
                months: 6,
                monthly: total(),
                fees: Vec::new(),
                rates: Vec::new(),
            }],
            expires_in_ms: 900_000,
        }),
        ..bare(AttemptState::Prepared)
    }
}

fn over(advice: Option<FinancingAdvice>) -> AttemptView {
    AttemptView {
        financing_advice: advice,
        ..bare(AttemptState::NotExecuted)
    }
}

fn good() -> Identified {
    Identified::new(SESSION, "10000001").unwrap()
}

fn plan(months: u32) -> FinancingChoice {
    FinancingChoice::Plan {
        plan: "4".into(),
        months,
    }
}

fn identify() -> Screen {
    Screen::Identify { id: "a".into() }
}

fn choose() -> Screen {
    Screen::Choose { id: "a".into() }
}

/// With the provider's page before the buyer.
fn before_the_page() -> (Desk, Vec<Deed>) {
    let mut desk = Desk::open();
    assert_eq!(desk.take(News::PayPressed(Rail::Flexiti)), [Deed::Start]);
    desk.take(News::StartSent);
    let deeds = desk.answered(page());
    assert_eq!(desk.state.screen, identify());
    (desk, deeds)
}

/// With the offers before the buyer.
fn before_the_offers() -> Desk {
    let (mut desk, _) = before_the_page();
    let deeds = desk.take(News::Hosted(HostedMessage::Identified(good())));
    let turn = stepped(&deeds, Step::Identified(good()));
    taken(&mut desk, turn, with_offers());
    assert_eq!(desk.state.screen, choose());
    desk
}

fn taken(desk: &mut Desk, turn: u32, view: AttemptView) -> Vec<Deed> {
    desk.take(News::StepTaken {
        turn,
        view: Box::new(view),
    })
}

fn read(desk: &mut Desk, turn: u32, view: AttemptView) -> Vec<Deed> {
    desk.take(News::AttemptRead {
        turn,
        view: Box::new(view),
    })
}

fn lost(desk: &mut Desk, turn: u32, code: ProblemCode) -> Vec<Deed> {
    desk.take(News::StepLost {
        turn,
        trouble: Problem::new(code, None).into(),
    })
}

fn action(action: NextAction) -> Deed {
    Deed::Tell(Event::Action {
        rail: Rail::Flexiti,
        action,
    })
}

#[test]
fn a_start_brings_the_page_and_what_was_typed_is_emptied() {
    let (desk, deeds) = before_the_page();
    assert!(deeds.contains(&Deed::ClearCard), "{deeds:?}");
    assert!(deeds.contains(&action(NextAction::Identify)));
    assert_eq!(desk.state.left_ms(desk.now_ms), 1_200_000);
}

#[test]
fn a_reload_finds_the_page_and_the_offers_where_they_were() {
    for (view, screen) in [(page(), identify()), (with_offers(), choose())] {
        let mut desk = Desk::new();
        desk.read(checkout(Some(view)), None);
        assert_eq!(desk.state.screen, screen);
    }
    let mut desk = Desk::new();
    desk.read(checkout(Some(bare(AttemptState::Sent))), None);
    assert!(matches!(desk.state.screen, Screen::Waiting { .. }));
}

#[test]
fn while_the_page_stands_questions_do_not_draw_it_anew() {
    let (mut desk, deeds) = before_the_page();
    let (_, _, turn) = asked(&desk.wake(&deeds));
    let deeds = read(&mut desk, turn, page());
    assert_eq!(desk.state.screen, identify());
    assert!(!deeds.contains(&action(NextAction::Identify)), "told once");
    // Another tab went on.
    let (_, _, turn) = asked(&desk.wake(&deeds));
    read(&mut desk, turn, with_offers());
    assert_eq!(desk.state.screen, choose());
}

#[test]
fn one_word_of_the_page_counts() {
    let (mut desk, _) = before_the_page();
    let deeds = desk.take(News::Hosted(HostedMessage::Identified(good())));
    let turn = stepped(&deeds, Step::Identified(good()));
    let cancel = || News::Hosted(HostedMessage::NotIdentified(NotIdentifiedAs::Cancelled));
    assert_eq!(desk.take(cancel()), []);
    taken(&mut desk, turn, with_offers());
    assert_eq!(desk.take(cancel()), []);
    assert_eq!(desk.state.screen, choose());
    assert_eq!(Desk::open().take(cancel()), []);
}

#[test]
fn each_other_end_of_the_page_ends_the_attempt_with_its_advice() {
    for end in NotIdentifiedAs::ALL {
        let (mut desk, _) = before_the_page();
        let deeds = desk.take(News::Hosted(HostedMessage::NotIdentified(end)));
        let turn = stepped(&deeds, Step::NotIdentified(NotIdentified { end }));
        let deeds = taken(&mut desk, turn, over(Some(end.advice())));
        let advice = end.advice();
        assert_eq!(desk.state.screen, Screen::NotFinanced { advice });
        assert_eq!(deeds, [action(NextAction::TryAgain)]);
        desk.take(News::TryAgain);
        assert_eq!(desk.state.screen, form());
    }
}

#[test]
fn what_the_page_said_is_said_again_until_the_proxy_has_it() {
    for code in [ProblemCode::Network, ProblemCode::ProviderUnavailable] {
        let (mut desk, _) = before_the_page();
        let deeds = desk.take(News::Hosted(HostedMessage::Identified(good())));
        let turn = stepped(&deeds, Step::Identified(good()));
        let deeds = lost(&mut desk, turn, code);
        assert_eq!(desk.state.screen, Screen::Fetching);
        let (_, _, turn) = asked(&desk.wake(&deeds));
        let deeds = read(&mut desk, turn, page());
        let turn = stepped(&deeds, Step::Identified(good()));
        taken(&mut desk, turn, with_offers());
        assert_eq!(desk.state.screen, choose());
    }
}

#[test]
fn a_word_that_is_not_of_this_attempt_ends_it() {
    for code in [ProblemCode::IdentityRefused, ProblemCode::IdentityMalformed] {
        let (mut desk, _) = before_the_page();
        let deeds = desk.take(News::Hosted(HostedMessage::Identified(good())));
        let turn = stepped(&deeds, Step::Identified(good()));
        let deeds = lost(&mut desk, turn, code);
        let end = NotIdentifiedAs::Retry;
        let turn = stepped(&deeds[1..], Step::NotIdentified(NotIdentified { end }));
        taken(&mut desk, turn, over(Some(FinancingAdvice::Retry)));
        let advice = FinancingAdvice::Retry;
        assert_eq!(desk.state.screen, Screen::NotFinanced { advice });
    }
}

#[test]
fn an_address_elsewhere_is_never_shown() {
    for address in [
        "https://lender.example.evil/#/x",
        "https://evil.example/https://lender.example/",
        "javascript:alert(1)",
        "https://lender.example",
    ] {
        let mut desk = Desk::new();
        let deeds = desk.read(checkout(Some(at_the_page(address))), None);
        assert_eq!(desk.state.screen, Screen::Fetching, "{address}");
        let end = NotIdentifiedAs::Failure;
        let last = &deeds[deeds.len() - 1..];
        stepped(last, Step::NotIdentified(NotIdentified { end }));
    }
}

#[test]
fn a_pick_is_sent_once_and_only_if_it_was_offered() {
    let mut desk = before_the_offers();
    assert_eq!(desk.take(News::Picked(plan(12))), []);
    assert_eq!(desk.take(News::Picked(FinancingChoice::Regular {})), []);
    let deeds = desk.take(News::Picked(plan(6)));
    let turn = stepped(&deeds[..1], Step::Finance(plan(6)));
    assert_eq!(deeds[1..], [Deed::WakeSlow]);
    assert_eq!(desk.state.pick, Pick::Sent);
    assert_eq!(desk.take(News::Picked(plan(6))), []);
    assert_eq!(desk.take(News::Wants(Instead::Method)), []);
    desk.now_ms += 1_000_000;
    assert_eq!(desk.take(News::RanOut), []);
    taken(&mut desk, turn, bare(AttemptState::Succeeded));
    assert!(matches!(desk.state.screen, Screen::Paid { .. }));
}

#[test]
fn a_pick_that_takes_its_time_says_so_and_that_nothing_is_financed_twice() {
    let mut desk = before_the_offers();
    let deeds = desk.take(News::Picked(plan(6)));
    let turn = stepped(&deeds[..1], Step::Finance(plan(6)));
    desk.now_ms += u64::from(SLOW_AFTER_MS);
    desk.take(News::Slow);
    let waits = |screen: &Screen| {
        matches!(
            screen,
            Screen::Waiting {
                rail: Rail::Flexiti,
                ..
            }
        )
    };
    assert!(waits(&desk.state.screen));
    taken(&mut desk, turn, bare(AttemptState::Unknown));
    assert!(waits(&desk.state.screen));
}

#[test]
fn a_lost_pick_is_looked_for_before_another_can_be_made() {
    let mut desk = before_the_offers();
    let deeds = desk.take(News::Picked(plan(6)));
    let turn = stepped(&deeds[..1], Step::Finance(plan(6)));
    let deeds = lost(&mut desk, turn, ProblemCode::Network);
    assert_eq!(desk.state.pick, Pick::Sent);
    let (_, _, turn) = asked(&desk.wake(&deeds));
    // It had arrived.
    let mut other = before_the_offers();
    let turn_there = stepped(
        &other.take(News::Picked(plan(6)))[..1],
        Step::Finance(plan(6)),
    );
    let deeds = lost(&mut other, turn_there, ProblemCode::Network);
    let (_, _, turn_there) = asked(&other.wake(&deeds));
    read(&mut other, turn_there, bare(AttemptState::Sent));
    assert_eq!(other.state.pick, Pick::Sent);
    other.take(News::Slow);
    assert!(matches!(other.state.screen, Screen::Waiting { .. }));
    // It had not.
    read(&mut desk, turn, with_offers());
    assert_eq!(desk.state.pick, Pick::Lost(error::NETWORK.into()));
    assert_eq!(desk.state.screen, choose());
    stepped(
        &desk.take(News::Picked(plan(6)))[..1],
        Step::Finance(plan(6)),
    );
}

#[test]
fn a_pick_that_the_proxy_turned_away_can_be_made_again() {
    let mut desk = before_the_offers();
    let deeds = desk.take(News::Picked(plan(6)));
    let turn = stepped(&deeds[..1], Step::Finance(plan(6)));
    let deeds = lost(&mut desk, turn, ProblemCode::ProviderUnavailable);
    let Pick::Lost(trouble) = &desk.state.pick else {
        panic!("the buyer is told");
    };
    assert_eq!(trouble.fault, Fault::Provider);
    assert!(deeds.contains(&Deed::Tell(Event::Error(trouble.clone()))));
    assert_eq!(desk.state.screen, choose());
}

#[test]
fn the_buyer_may_leave_before_anything_is_sent() {
    let (at_page, _) = before_the_page();
    for mut desk in [at_page, before_the_offers()] {
        let deeds = desk.take(News::Wants(Instead::Method));
        let turn = stepped(&deeds, Step::Supersede);
        taken(&mut desk, turn, over(Some(FinancingAdvice::Cancelled)));
        assert_eq!(desk.state.screen, form());
    }
    let mut desk = before_the_offers();
    let turn = stepped(&desk.take(News::Wants(Instead::Method)), Step::Supersede);
    lost(&mut desk, turn, ProblemCode::Network);
    assert_eq!(desk.state.screen, choose(), "back, until it is known");
}

#[test]
fn when_the_time_is_over_the_page_goes_and_the_proxy_says_how_it_ended() {
    let (at_page, _) = before_the_page();
    for mut desk in [at_page, before_the_offers()] {
        assert_eq!(desk.take(News::RanOut), [], "not before");
        desk.now_ms += 1_200_000;
        let (_, _, turn) = asked(&desk.take(News::RanOut));
        assert_eq!(desk.state.screen, Screen::Fetching);
        let deeds = read(&mut desk, turn, bare(AttemptState::Prepared));
        assert_eq!(desk.state.screen, Screen::Fetching);
        let (_, _, turn) = asked(&desk.wake(&deeds));
        read(&mut desk, turn, over(Some(FinancingAdvice::Expired)));
        let advice = FinancingAdvice::Expired;
        assert_eq!(desk.state.screen, Screen::NotFinanced { advice });
    }
}

#[test]
fn a_decline_says_what_to_do_whatever_is_known() {
    for (view, advice) in [
        (
            AttemptView {
                financing_advice: Some(FinancingAdvice::Credit),
                ..bare(AttemptState::Declined)
            },
            FinancingAdvice::Credit,
        ),
        (bare(AttemptState::Declined), FinancingAdvice::OtherMethod),
        (over(None), FinancingAdvice::Failure),
    ] {
        let mut desk = before_the_offers();
        let deeds = desk.take(News::Picked(plan(6)));
        let turn = stepped(&deeds[..1], Step::Finance(plan(6)));
        taken(&mut desk, turn, view);
        assert_eq!(desk.state.screen, Screen::NotFinanced { advice });
    }
}

#[test]
fn what_is_only_held_is_told_as_authorized_and_what_is_taken_as_captured() {
    for (credit, outcome) in [
        (FinancedCredit::Held, Outcome::Authorized),
        (FinancedCredit::Captured, Outcome::Captured),
        (FinancedCredit::Released, Outcome::Authorized),
    ] {
        let mut desk = before_the_offers();
        let deeds = desk.take(News::Picked(plan(6)));
        let turn = stepped(&deeds[..1], Step::Finance(plan(6)));
        let mut view = bare(AttemptState::Succeeded);
        let financing = FinancedView { plan: None, credit };
        view.receipt.as_mut().unwrap().financing = Some(financing);
        let deeds = taken(&mut desk, turn, view);
        let told = deeds.iter().find_map(|deed| match deed {
            Deed::Tell(Event::Complete { outcome, .. }) => Some(*outcome),
            _ => None,
        });
        assert_eq!(told, Some(outcome));
    }
}
