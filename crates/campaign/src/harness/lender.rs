//! The page on which a buyer who finances a purchase shows who they are.

use serde::Deserialize;
use serde_json::json;
use ventanilla_core::api::{AttemptView, Step};
use ventanilla_core::rails::flexiti::{HostedEvent, HostedMessage, NotIdentified};

use super::sandbox::Sandbox;
use crate::failure::{Failure, Result, Tried as _};

/// The page that an attempt has, by its address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LenderPage {
    /// The access token in it.
    pub token: String,
    /// The identity check in it.
    pub session: String,
}

/// What the page posts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Posted {
    event_type: String,
    #[serde(default)]
    event_data: Data,
}

#[derive(Default, Deserialize)]
struct Data {
    #[serde(default, rename = "accountNumber")]
    account_number: Option<u64>,
    #[serde(default)]
    verified: Option<bool>,
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    widget_session_id: Option<String>,
}

impl LenderPage {
    /// The page before the buyer.
    ///
    /// # Errors
    ///
    /// When there is none, or its address is not as the provider makes it.
    pub fn of(view: &AttemptView) -> Result<Self> {
        let page = view.hosted_page.as_ref();
        let address = page.map(|page| page.address.as_str()).unwrap_or_default();
        let (before, query) = address
            .split_once('?')
            .ok_or_else(|| Failure::of("the provider's page has no query"))?;
        let session = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("widget_session_id="))
            .ok_or_else(|| Failure::of("the provider's page names no session"))?;
        Ok(Self {
            token: before.rsplit('/').next().unwrap_or_default().to_owned(),
            session: session.to_owned(),
        })
    }

    /// Brings the page to an end: `verified`, `unverified`, `cancel` and so on. The step that follows, if one
    /// does; an error when it had come to an end before.
    ///
    /// # Errors
    ///
    /// When the sandbox refuses.
    pub async fn end(&self, sandbox: &Sandbox, outcome: &str) -> Result<Option<Step>> {
        let wanted = json!({ "widget_session_id": self.session, "outcome": outcome });
        let path = "/flexiti/identify";
        let posted = sandbox.ask(reqwest::Method::POST, path, &wanted).await?;
        let posted: Posted = serde_json::from_slice(&posted).tried("read the page's message")?;
        let data = posted.event_data;
        let event = HostedEvent {
            kind: posted.event_type,
            account_number: data.account_number.map(|number| number.to_string()),
            verified: data.verified,
            action: data.action,
            widget_session_id: data.widget_session_id,
        };
        Ok(HostedMessage::read(&event).map(|message| match message {
            HostedMessage::Identified(said) => Step::Identified(said),
            HostedMessage::NotIdentified(end) => Step::NotIdentified(NotIdentified { end }),
        }))
    }
}
