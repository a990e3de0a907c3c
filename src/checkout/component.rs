//! `<Checkout>`, for shops that are Leptos themselves.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use leptos::prelude::{IntoView, StoredValue, component};
use leptos::tachys::html::attribute::Attribute;
use leptos::tachys::html::attribute::any_attribute::AnyAttribute;
use leptos::tachys::hydration::Cursor;
use leptos::tachys::view::add_attr::AddAnyAttr;
use leptos::tachys::view::{Mountable, Position, PositionState, Render, RenderHtml};
use web_sys::{Element, Node};

use super::room::{Options, open};
use crate::element::Door;
use crate::locale::{LANGUAGES, Locale};
use crate::reactive::Owner;
use crate::ui::El;

/// A checkout, as a component for shops that are Leptos themselves.
///
/// It stands in the shop's own page, which brings [`STYLES`](crate::STYLES): whatever runs there can read
/// what is typed. The element `<ventanilla-checkout>`, which keeps the card in a frame of the proxy's, is the
/// safer choice.
#[component]
pub fn Checkout(
    /// What the page is told and asked.
    door: Rc<dyn Door>,
    /// How it is set up.
    #[prop(optional)]
    options: Options,
) -> impl IntoView {
    Locale::open(&options.locale, &LANGUAGES).map(|locale| {
        let owner = Owner::new();
        let view = View(owner.with(|| open(door, &options, locale)));
        // Leptos's owner has it now, and lets go of it with the component.
        StoredValue::new_local(owner);
        view
    })
}

/// An element that was built here and takes its place in a Leptos page like any other view.
struct View(El);

/// The element in its place.
struct Placed(Element);

impl Mountable for Placed {
    fn unmount(&mut self) {
        self.0.remove();
    }

    fn mount(&mut self, parent: &Element, marker: Option<&Node>) {
        let _ = parent.insert_before(&self.0, marker);
    }

    fn insert_before_this(&self, child: &mut dyn Mountable) -> bool {
        match self.0.parent_element() {
            Some(parent) => {
                child.mount(&parent, Some(&self.0));
                true
            }
            None => false,
        }
    }

    fn elements(&self) -> Vec<Element> {
        vec![self.0.clone()]
    }
}

impl Render for View {
    type State = Placed;

    fn build(self) -> Placed {
        Placed(self.0.node().clone())
    }

    fn rebuild(self, placed: &mut Placed) {
        let next = self.build();
        let _ = placed.0.replace_with_with_node_1(&next.0);
        *placed = next;
    }
}

impl AddAnyAttr for View {
    type Output<A: Attribute> = Self;

    fn add_any_attr<A: Attribute>(self, _: A) -> Self
    where
        Self: RenderHtml,
    {
        self
    }
}

// A checkout exists in browsers only: on a server it is nothing, and there is nothing to hydrate.
impl RenderHtml for View {
    type AsyncOutput = Self;
    type Owned = Self;

    const MIN_LENGTH: usize = 0;

    fn dry_resolve(&mut self) {}

    async fn resolve(self) -> Self {
        self
    }

    fn to_html_with_buf(
        self,
        _: &mut String,
        _: &mut Position,
        _: bool,
        _: bool,
        _: Vec<AnyAttribute>,
    ) {
    }

    fn hydrate<const FROM_SERVER: bool>(self, _: &Cursor, _: &PositionState) -> Placed {
        self.build()
    }

    fn into_owned(self) -> Self {
        self
    }
}
