//! A checkout: does what the state asks for, and shows what it says.

use alloc::boxed::Box;
use alloc::rc::{Rc, Weak};
use alloc::string::String;
use core::cell::{Cell, RefCell};

use js_sys::Date;
use ventanilla_core::api::{self, CheckoutView, IdempotencyKey, StartAttempt};
use ventanilla_core::rails::Rail;
use ventanilla_core::rails::cvu::PayableView;
use ventanilla_core::rails::flexiti::{FinancingOffers, HostedPage};
use ventanilla_core::random::RandomSource;
use wasm_bindgen::JsValue;

use super::method::Methods;
use super::page::Page;
use super::state::{Check, Deed, News, Pick, SLOW_AFTER_MS, Screen, State};
use super::{ended, financing, head, memory, payable, waiting};
use crate::element::events::Event;
use crate::element::{Door, Later};
use crate::error;
use crate::locale::{Locale, Texts};
use crate::proxy::{Failure, Proxy};
use crate::rails::{self, Surroundings};
use crate::random::BrowserRandom;
use crate::reactive::{Signal, WeakOwner, keep, watch};
use crate::timer::Timer;
use crate::ui::{El, apply_appearance, el, listen, page_is_hidden, run};

/// Card fields that nobody has touched for so long are emptied.
const IDLE_MS: u32 = 600_000;

/// How a checkout is set up by the page around it.
#[derive(Clone, Default)]
pub struct Options {
    /// The proxy's origin, or nothing when this page comes from it.
    pub proxy: String,
    /// BCP 47 tag, or nothing for what the browser's owner reads.
    pub locale: String,
    /// Rails to show first, by name.
    pub rails: String,
    /// An object of `--ventanilla-*` properties and `scheme`.
    pub appearance: JsValue,
    /// Whether this is the proxy's own frame, where no script of the shop can look in.
    pub framed: bool,
}

/// The checkout's element; it lives as long as the surrounding owner.
pub fn open(door: Rc<dyn Door>, options: &Options, locale: Locale) -> El {
    let locale = Rc::new(locale);
    let texts = locale.texts;
    let live = el("p", "vt-live").attr("role", "status");
    let stage = el("div", "vt-stage");
    let column = el("div", "vt-column")
        .child(live.clone())
        .child(stage.clone());
    let root = el("div", "vt")
        .attr("lang", texts.tag)
        .child(column.clone());
    apply_appearance(root.as_node(), &options.appearance);

    let room = Rc::new(Room {
        proxy: Proxy::new(&options.proxy, Rc::clone(&door)),
        door,
        locale,
        options: options.clone(),
        owner: WeakOwner::present(),
        root,
        column,
        live,
        stage,
        head: RefCell::default(),
        methods: RefCell::default(),
        state: RefCell::default(),
        screen: Signal::new(Screen::Loading),
        asking: Signal::new(false),
        check: Signal::new(Check::None),
        pick: Signal::new(Pick::Open),
        pending: RefCell::default(),
        wake: RefCell::default(),
        slow: RefCell::default(),
        expiry: RefCell::default(),
        idle: RefCell::default(),
        gone: Cell::new(false),
    });
    room.settle_in();
    room.root.clone()
}

/// Everything a checkout holds.
pub struct Room {
    proxy: Proxy,
    door: Rc<dyn Door>,
    locale: Rc<Locale>,
    options: Options,
    /// Weak: it owns this room, and ends it.
    owner: WeakOwner,
    root: El,
    column: El,
    live: El,
    stage: El,
    head: RefCell<Option<El>>,
    methods: RefCell<Option<Rc<Methods>>>,
    state: RefCell<State>,
    screen: Signal<Screen>,
    asking: Signal<bool>,
    check: Signal<Check>,
    pick: Signal<Pick>,
    pending: RefCell<Option<Pending>>,
    wake: RefCell<Option<Timer>>,
    slow: RefCell<Option<Timer>>,
    expiry: RefCell<Option<Timer>>,
    idle: RefCell<Option<Timer>>,
    gone: Cell<bool>,
}

/// A start that is not answered yet. Only this can be sent again, and only under its key.
#[derive(Clone)]
struct Pending {
    key: IdempotencyKey,
    start: StartAttempt,
}

/// Ends the room with its owner: nothing that is still under way may draw or send any more.
struct Tenancy(Rc<Room>);

impl Drop for Tenancy {
    fn drop(&mut self) {
        let room = &self.0;
        room.gone.set(true);
        room.clear_card();
        for timer in [&room.wake, &room.slow, &room.expiry, &room.idle] {
            timer.take();
        }
        room.methods.take();
    }
}

impl Room {
    fn settle_in(self: &Rc<Self>) {
        keep(Tenancy(Rc::clone(self)));
        self.watch_page();
        let room = Rc::clone(self);
        let screen = self.screen.clone();
        let mut before = None;
        watch(Box::new(move || {
            let screen = screen.get();
            room.draw(&screen, before.as_ref());
            before = Some(screen);
        }));
        self.take(News::Opened);
    }

    pub fn texts(&self) -> &'static Texts {
        self.locale.texts
    }

    pub fn locale(&self) -> Rc<Locale> {
        Rc::clone(&self.locale)
    }

    pub fn asking(&self) -> Signal<bool> {
        self.asking.clone()
    }

    pub fn is_framed(&self) -> bool {
        self.options.framed
    }

    pub fn checkout(&self) -> Option<Rc<CheckoutView>> {
        self.state.borrow().checkout.clone()
    }

    /// Payee and order, for a receipt.
    pub fn order(&self) -> (Option<String>, Option<String>) {
        match &self.state.borrow().checkout {
            Some(view) => (Some(view.payee.clone()), Some(view.order_reference.clone())),
            None => (None, None),
        }
    }

    pub fn tell(&self, event: &Event) {
        if !self.gone.get() {
            self.door.tell(event);
        }
    }

    /// Speaks to a screen reader, without moving the focus.
    pub fn say(&self, text: &str) {
        // The same words twice are no change, and not read aloud.
        let again = self.live.node().text_content().as_deref() == Some(text);
        self.live.set_text(text);
        if again {
            self.live.set_text(&[text, "\u{a0}"].concat());
        }
    }

    /// Speaks as [`Room::say`], for as long as the room is there.
    pub fn teller(self: &Rc<Self>) -> Rc<dyn Fn(&str)> {
        let room = Rc::downgrade(self);
        Rc::new(move |text| {
            if let Some(room) = room.upgrade() {
                room.say(text);
            }
        })
    }

    /// What a rail finds around it; `None` before the session was read.
    pub fn surroundings(self: &Rc<Self>) -> Option<Surroundings> {
        let told = Rc::downgrade(self);
        Some(Surroundings {
            locale: self.locale(),
            checkout: self.checkout()?,
            changed: Rc::new(move |choice| {
                if let Some(room) = told.upgrade() {
                    room.tell(&Event::Change(choice.clone()));
                }
            }),
            say: self.teller(),
            pay: self.with_methods(Methods::submit),
            retitle: self.with_methods(|methods, _| methods.name_the_deed()),
            reader: self.opens_readers(),
        })
    }

    fn with_methods(self: &Rc<Self>, deed: impl Fn(&Methods, &Rc<Self>) + 'static) -> Rc<dyn Fn()> {
        let room = Rc::downgrade(self);
        Rc::new(move || {
            let Some(room) = room.upgrade() else {
                return;
            };
            // Not while they are being made.
            let methods = room
                .methods
                .try_borrow()
                .ok()
                .and_then(|methods| methods.clone());
            if let Some(methods) = methods {
                deed(&methods, &room);
            }
        })
    }

    fn opens_readers(&self) -> Rc<dyn Fn() -> Later<Option<JsValue>>> {
        let door = Rc::clone(&self.door);
        Rc::new(move || door.reader())
    }

    /// What the buyer pays by themselves.
    pub fn payable(&self) -> Option<PayableView> {
        self.state.borrow().payable().cloned()
    }

    /// The provider's page on which the buyer shows who they are.
    pub fn hosted_page(&self) -> Option<HostedPage> {
        self.state.borrow().hosted_page().cloned()
    }

    /// How the purchase may be paid off.
    pub fn offers(&self) -> Option<FinancingOffers> {
        self.state.borrow().offers().cloned()
    }

    /// How long what is before the buyer may still be paid or used, rounded up.
    pub fn left_secs(&self) -> u64 {
        self.state.borrow().left_ms(now_ms()).div_ceil(1_000)
    }

    /// The attempt's reference.
    pub fn reference(&self) -> Option<String> {
        self.state.borrow().reference().map(String::from)
    }

    /// By which rail the attempt is.
    pub fn attempted(&self) -> Option<Rail> {
        self.state.borrow().rail()
    }

    /// What came of the buyer's word that it is paid.
    pub fn check(&self) -> Signal<Check> {
        self.check.clone()
    }

    /// What came of the buyer's pick.
    pub fn pick(&self) -> Signal<Pick> {
        self.pick.clone()
    }

    /// Takes a piece of news and does what follows from it.
    pub fn take(self: &Rc<Self>, news: News) {
        if self.gone.get() {
            return;
        }
        let deeds = self.state.borrow_mut().take(news, now_ms());
        {
            let state = self.state.borrow();
            self.screen.set(state.screen.clone());
            self.asking.set(state.asking);
            self.check.set(state.check);
            self.pick.set(state.pick.clone());
        }
        for deed in deeds {
            self.perform(deed);
        }
    }

    fn perform(self: &Rc<Self>, deed: Deed) {
        let room = Rc::clone(self);
        match deed {
            Deed::ReadCheckout => run(room.read_checkout()),
            Deed::Prefer(presentation) => {
                // Where no form can be opened, the start finds out.
                if let Ok(methods) = room.methods() {
                    methods.prefer(presentation);
                }
            }
            Deed::Start => run(room.start()),
            Deed::StartAgain => run(room.send_start()),
            Deed::ReadAttempt {
                id,
                wait_secs,
                turn,
            } => run(async move {
                let answer = room.proxy.send(&api::read_attempt(&id, wait_secs)).await;
                room.take(match answer {
                    Ok(view) => News::AttemptRead {
                        turn,
                        view: Box::new(view),
                    },
                    Err(_) => News::AttemptLost { turn },
                });
            }),
            Deed::Step { id, step, turn } => run(async move {
                let answer = room.proxy.send(&api::take_step(&id, step)).await;
                room.take(match answer {
                    Ok(view) => News::StepTaken {
                        turn,
                        view: Box::new(view),
                    },
                    Err(Failure { trouble, .. }) => News::StepLost { turn, trouble },
                });
            }),
            Deed::Forget => {
                self.pending.take();
                if let Some(view) = &self.state.borrow().checkout {
                    memory::forget(&view.session_id);
                }
            }
            Deed::ClearCard => self.clear_card(),
            Deed::Wake { after_ms, turn } => {
                let deed = move |room: Rc<Self>| {
                    let hidden = page_is_hidden();
                    room.take(News::Awake { turn, hidden });
                };
                self.later(&self.wake, after_ms, Box::new(deed));
            }
            Deed::WakeSlow => self.later(
                &self.slow,
                SLOW_AFTER_MS,
                Box::new(|room| room.take(News::Slow)),
            ),
            Deed::Tell(event) => self.tell(&event),
        }
    }

    async fn read_checkout(self: Rc<Self>) {
        match self.proxy.send(&api::read_checkout()).await {
            Ok(view) => {
                let needed = rails::needed(&view);
                // Whoever takes over reads the session anew.
                if !rails::has_all(&needed) && self.door.hand_over(&needed) {
                    return;
                }
                self.watch_expiry(&view);
                let remembered = memory::recall(&view.session_id);
                self.take(News::CheckoutRead {
                    view: Box::new(view),
                    remembered,
                });
            }
            Err(failure) => self.take(News::CheckoutLost(failure.trouble)),
        }
    }

    async fn start(self: Rc<Self>) {
        let methods = self.methods.borrow().clone();
        let Some((methods, rail)) =
            methods.and_then(|methods| methods.rail().map(|rail| (methods, rail)))
        else {
            return self.take(News::PayWithdrawn(None));
        };
        let allowed = self.door.allows_submit(rail).await;
        if !allowed || self.gone.get() {
            return self.take(News::PayWithdrawn(None));
        }
        let start = methods.start().await;
        if self.gone.get() {
            return;
        }
        let mut bytes = [0; 16];
        let pending = start.and_then(|start| {
            BrowserRandom
                .fill(&mut bytes)
                .map_err(|_| error::INTERNAL)?;
            let key = IdempotencyKey::from_bytes(bytes);
            Ok(Pending { key, start })
        });
        match pending {
            Ok(pending) => {
                {
                    let state = self.state.borrow();
                    if let Some(view) = &state.checkout {
                        memory::remember(&view.session_id, &pending.key, state.attempt_id());
                    }
                }
                self.pending.replace(Some(pending));
                self.take(News::StartSent);
                self.perform(Deed::StartAgain);
            }
            Err(trouble) => self.take(News::PayWithdrawn(Some(trouble))),
        }
    }

    async fn send_start(self: Rc<Self>) {
        let Some(pending) = self.pending.borrow().clone() else {
            return;
        };
        let key = pending.key.clone();
        let answer = self
            .proxy
            .send(&api::start_attempt(pending.key, pending.start))
            .await;
        // An answer to a start that was given up is about nothing that is on screen.
        if self
            .pending
            .borrow()
            .as_ref()
            .is_none_or(|pending| pending.key != key)
        {
            return;
        }
        self.take(match answer {
            Ok(view) => News::StartAnswered(Box::new(view)),
            Err(failure) => News::StartFailed {
                trouble: failure.trouble,
                attempt_id: failure.attempt_id,
            },
        });
    }

    fn draw(self: &Rc<Self>, screen: &Screen, before: Option<&Screen>) {
        let had_focus = self.root.has_focus();
        self.draw_head(screen);
        if let Screen::Form { busy, alert } = screen {
            let methods = match self.methods() {
                Ok(methods) => methods,
                Err(trouble) => {
                    self.tell(&Event::Error(trouble.clone()));
                    return self.put(ended::trouble(self, &trouble), had_focus);
                }
            };
            methods.show(*busy, alert.as_ref());
            methods.el.hide(false);
            self.stage.hide(true);
            self.stage.set_text("");
            if !matches!(before, Some(Screen::Form { .. } | Screen::Loading) | None) && had_focus {
                methods.focus();
            }
            return;
        }
        if let Some(methods) = &*self.methods.borrow() {
            methods.el.hide(true);
            methods.leave();
        }
        let page = match screen {
            Screen::Loading | Screen::Form { .. } => return self.draw_skeleton(),
            Screen::Waiting {
                why,
                rail,
                reference,
            } => waiting::waiting(self, *why, *rail, reference.as_deref()),
            Screen::Declined { advice } => ended::declined(self, *advice),
            Screen::DeclinedByWallet { advice } => ended::declined_by_wallet(self, *advice),
            Screen::NotExecuted => ended::not_executed(self),
            Screen::NotIssued { .. } | Screen::Payable { .. } if !rails::PAYABLE => {
                ended::trouble(self, &error::RAIL_NOT_OFFERED.into())
            }
            Screen::Identify { .. } | Screen::Choose { .. } | Screen::NotFinanced { .. }
                if !rails::FINANCED =>
            {
                ended::trouble(self, &error::RAIL_NOT_OFFERED.into())
            }
            Screen::Fetching => waiting::fetching(self),
            Screen::Identify { .. } => financing::identify(self),
            Screen::Choose { .. } => financing::choose(self),
            Screen::NotFinanced { advice } => financing::not_financed(self, *advice),
            Screen::NotIssued { refused, reference } => {
                payable::not_issued(self, *refused, reference)
            }
            Screen::Payable { standing, .. } => payable::payable(self, *standing),
            Screen::Paid { receipt, reference } => {
                ended::paid(self, receipt.as_ref(), reference.as_deref())
            }
            Screen::Review { twice, reference } => ended::review(self, *twice, reference),
            Screen::Expired => ended::expired(self),
            Screen::Exhausted => ended::exhausted(self),
            Screen::Trouble(trouble) => ended::trouble(self, trouble),
        };
        self.put(page, had_focus);
    }

    fn put(&self, page: Page, had_focus: bool) {
        self.root.toggle("aria-busy", false);
        self.stage.hide(false);
        self.stage.show_only(&page.el);
        if had_focus {
            // Read aloud by taking the focus; saying it as well would be twice.
            self.say("");
            page.heading.focus();
        } else {
            self.say(&page.heading.node().text_content().unwrap_or_default());
        }
    }

    fn draw_head(&self, screen: &Screen) {
        let mut head = self.head.borrow_mut();
        if head.is_none()
            && let Some(view) = &self.state.borrow().checkout
        {
            let made = head::head(view, &self.locale);
            let _ = self
                .column
                .node()
                .insert_before(made.node(), Some(self.stage.node()));
            *head = Some(made);
        }
        if let Some(head) = &*head {
            // A receipt says both itself.
            head.hide(matches!(
                screen,
                Screen::Paid {
                    receipt: Some(_),
                    ..
                }
            ));
        }
    }

    /// In the form's dimensions, so that nothing jumps when it comes.
    fn draw_skeleton(&self) {
        self.root.set("aria-busy", "true");
        let bars = [
            "line", "amount", "row", "field", "half", "half", "field", "button",
        ];
        let skeleton =
            el("div", "vt-skeleton").child(el("p", "vt-live").text(self.texts().loading));
        self.stage.show_only(
            &skeleton.children(bars.map(|bar| el("div", &["vt-bar vt-bar-", bar].concat()))),
        );
    }

    fn methods(self: &Rc<Self>) -> Result<Rc<Methods>, error::Trouble> {
        if let Some(methods) = &*self.methods.borrow() {
            return Ok(Rc::clone(methods));
        }
        // Not under the effect that draws: what is typed must outlive every screen.
        let owner = self.owner.upgrade().ok_or(error::INTERNAL)?;
        let methods = owner.with(|| {
            let methods = Methods::open(self, &self.options.rails)?;
            let room = Rc::downgrade(self);
            let _ = methods.el.clone().on("input", move |_| {
                if let Some(room) = room.upgrade() {
                    room.later(&room.idle, IDLE_MS, Box::new(|room| room.clear_card()));
                }
            });
            Ok::<_, error::Trouble>(methods)
        })?;
        self.root.toggle("aria-busy", false);
        // Until it is drawn: it may be needed behind another screen.
        methods.el.hide(true);
        self.column.append(&methods.el);
        self.methods.replace(Some(Rc::clone(&methods)));
        Ok(methods)
    }

    fn clear_card(&self) {
        // The busy form shows what is being paid with until it is answered.
        if let Some(methods) = &*self.methods.borrow() {
            methods.clear();
        }
    }

    fn watch_page(self: &Rc<Self>) {
        let Some(window) = web_sys::window() else {
            return;
        };
        let room = Rc::downgrade(self);
        // A page that the browser keeps for the way back keeps its inputs too.
        listen(
            &window,
            "pagehide",
            Box::new(move |_| {
                if let Some(room) = room.upgrade() {
                    room.clear_card();
                }
            }),
        );
        let room = Rc::downgrade(self);
        if let Some(document) = window.document() {
            listen(
                &document,
                "visibilitychange",
                Box::new(move |_| {
                    if let (Some(room), false) = (room.upgrade(), page_is_hidden()) {
                        room.take(News::Shown);
                    }
                }),
            );
        }
    }

    fn watch_expiry(self: &Rc<Self>, view: &CheckoutView) {
        let at = |time: &str| Date::new(&time.into()).get_time();
        let left_ms = at(&view.expires_at) - at(&view.server_time);
        // A second later, so that the proxy sees it the same way.
        if left_ms.is_finite() && left_ms < f64::from(i32::MAX - 1_000) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between 1 s and 2³¹ ms"
            )]
            let after_ms = (left_ms.max(0.0) + 1_000.0) as u32;
            self.later(
                &self.expiry,
                after_ms,
                Box::new(|room| room.take(News::TimeOver)),
            );
        }
    }

    /// Does something later, unless the timer is set anew or the room is gone by then.
    fn later(
        self: &Rc<Self>,
        timer: &RefCell<Option<Timer>>,
        after_ms: u32,
        deed: Box<dyn FnOnce(Rc<Self>)>,
    ) {
        let room: Weak<Self> = Rc::downgrade(self);
        let timeout = Timer::once(after_ms, move || {
            if let Some(room) = room.upgrade() {
                deed(room);
            }
        });
        timer.replace(Some(timeout));
    }
}

/// A clock that only goes forward.
fn now_ms() -> u64 {
    let now = web_sys::window()
        .and_then(|window| window.performance())
        .map_or(0.0, |clock| clock.now());
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "milliseconds since the page began"
    )]
    let now = now as u64;
    now
}
