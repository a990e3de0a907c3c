//! What the Flexiti rail sends to the proxy and is offered by it.
//!
//! The buyer finances the purchase (Canada, CAD): they prove who they are on a page of the provider's, pick
//! how to pay it off, and the proxy authorizes and captures.
//!
//! | step | from | what |
//! |---|---|---|
//! | start | widget | who the buyer says they are, and their addresses: [`FlexitiStart`] |
//! | identify | proxy | the provider's page, for a frame: [`HostedPage`] |
//! | | the page | one message: [`HostedMessage`] |
//! | identified | widget | what the page said: [`Identified`], or [`NotIdentified`]. A hint: the provider decides |
//! | choose | proxy | how it may be paid off: [`FinancingOffers`] |
//! | finance | widget | one of them: [`FinancingChoice`] |

mod advice;
mod hosted;
mod identity;
mod offers;

pub use advice::FinancingAdvice;
pub use hosted::{
    HostedEvent, HostedMessage, HostedPage, Identified, NotIdentified, NotIdentifiedAs,
};
pub use identity::{
    Day, FlexitiOffer, FlexitiStart, Identification, IdentificationKind, IdentityError, Language,
    PROVINCES, Person, PostalAddress, check_account_number, check_birth_date, check_line,
    check_name, check_postal_code,
};
pub use offers::{
    Fee, FinancedCredit, FinancedPlan, FinancedView, FinancingChoice, FinancingOffers,
    FinancingPlan, Rate, RegularPurchase,
};
