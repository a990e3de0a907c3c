//! What follows from a change, and what ends together.
//!
//! A [`Signal`] is a value that is watched. [`watch`] runs a deed now, and again after any signal that it read has
//! changed: in a microtask, so that several changes are one. An [`Owner`] holds whatever must be let go of
//! together; what is made while a deed runs lives until the deed runs again.

use alloc::boxed::Box;
use alloc::rc::{Rc, Weak};
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use crate::single::Single;
use crate::ui::run;

/// Holds what was made in its presence, and lets go of it when it goes itself.
pub struct Owner(Rc<Holding>);

/// An owner that may be gone.
#[derive(Clone, Default)]
pub struct WeakOwner(Weak<Holding>);

type Holding = RefCell<Vec<Box<dyn Held>>>;

/// Anything: what is held is only ever dropped.
trait Held {}

impl<T> Held for T {}

/// What is in force while something is made or runs.
#[derive(Default)]
struct Present {
    owner: WeakOwner,
    watcher: Weak<Watcher>,
}

static PRESENT: Single<RefCell<Present>> = Single::new(RefCell::new(Present {
    owner: WeakOwner(Weak::new()),
    watcher: Weak::new(),
}));

impl Owner {
    /// An owner of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Rc::default())
    }

    /// Does something in its presence.
    pub fn with<T>(&self, deed: impl FnOnce() -> T) -> T {
        let owner = WeakOwner(Rc::downgrade(&self.0));
        let before = core::mem::replace(&mut PRESENT.borrow_mut().owner, owner);
        let made = deed();
        PRESENT.borrow_mut().owner = before;
        made
    }
}

impl WeakOwner {
    /// The one in whose presence this is called.
    #[must_use]
    pub fn present() -> Self {
        PRESENT.borrow().owner.clone()
    }

    /// The owner, unless it is gone.
    #[must_use]
    pub fn upgrade(&self) -> Option<Owner> {
        self.0.upgrade().map(Owner)
    }
}

/// Keeps a value until the owner that is present is gone, then drops it.
pub fn keep<T: 'static>(value: T) {
    hold(Box::new(value));
}

fn hold(value: Box<dyn Held>) {
    if let Some(owner) = WeakOwner::present().upgrade() {
        owner.0.borrow_mut().push(value);
    }
}

/// Runs `deed` now and whenever a signal that it read has changed, for as long as the owner that is present lives.
pub fn watch(deed: Box<dyn FnMut()>) {
    let watcher = Rc::new(Watcher {
        deed: RefCell::new(deed),
        made: RefCell::default(),
        due: Cell::new(false),
    });
    keep(Rc::clone(&watcher));
    watcher.run();
}

struct Watcher {
    deed: RefCell<Box<dyn FnMut()>>,
    /// What the last run made.
    made: RefCell<Option<Owner>>,
    due: Cell<bool>,
}

impl Watcher {
    fn run(self: &Rc<Self>) {
        self.due.set(false);
        self.made.take();
        let owner = Owner::new();
        let present = Present {
            owner: WeakOwner(Rc::downgrade(&owner.0)),
            watcher: Rc::downgrade(self),
        };
        let before = PRESENT.replace(present);
        (self.deed.borrow_mut())();
        PRESENT.replace(before);
        self.made.replace(Some(owner));
    }
}

/// A value that is watched; a clone is the same one.
#[derive(Clone)]
pub struct Signal<T>(Rc<Watched<T>>);

struct Watched<T> {
    value: RefCell<T>,
    watchers: RefCell<Watchers>,
}

type Watchers = Vec<Weak<Watcher>>;

impl<T: Clone + PartialEq> Signal<T> {
    /// A signal with its first value.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self(Rc::new(Watched {
            value: RefCell::new(value),
            watchers: RefCell::default(),
        }))
    }

    /// The value. A deed that reads it runs again after it has changed.
    #[must_use]
    pub fn get(&self) -> T {
        let watcher = Weak::clone(&PRESENT.borrow().watcher);
        note(&mut self.0.watchers.borrow_mut(), watcher);
        self.0.value.borrow().clone()
    }

    /// Changes the value; the same again is no change.
    pub fn set(&self, value: T) {
        if *self.0.value.borrow() != value {
            self.0.value.replace(value);
            wake(self.0.watchers.take());
        }
    }
}

fn note(watchers: &mut Watchers, watcher: Weak<Watcher>) {
    watchers.retain(|known| known.strong_count() > 0 && !known.ptr_eq(&watcher));
    watchers.push(watcher);
}

fn wake(watchers: Watchers) {
    for weak in watchers {
        if let Some(watcher) = weak.upgrade()
            && !watcher.due.replace(true)
        {
            run(async move {
                if let Some(watcher) = weak.upgrade() {
                    watcher.run();
                }
            });
        }
    }
}
