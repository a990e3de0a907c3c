//! The buyer's wallet and bank: where links, codes and transfers are paid, by invented people.

use serde_json::{Value, json};
use ventanilla_core::rails::cvu::PayableView;

use super::proxy::{CVU_ACCOUNT, CVU_CUIT, CVU_USER};
use super::sandbox::{Credit, Sandbox};
use crate::failure::{Failure, Result, Tried as _};

/// Something payable, as whoever pays it was shown it.
#[derive(Clone, Debug)]
pub enum Target {
    /// The address of a payment link.
    Link(String),
    /// The text of a QR code.
    Code(String),
    /// The merchant's account.
    Account,
}

/// One payment.
#[derive(Clone, Copy, Debug)]
pub struct Payment {
    /// How much, in centavos.
    pub amount_minor: u64,
    /// How often, at once.
    pub times: u32,
    /// So much later than usual the merchant sees it, in milliseconds of the scaled clock.
    pub delay_ms: u64,
}

/// The aliases of those who can pay.
pub const PAYERS: [&str; 4] = [
    "prueba.demo.uno",
    "prueba.demo.dos",
    "prueba.demo.tres",
    "empresa.prueba",
];

impl Target {
    /// What a buyer was shown; none if it is nothing that can be paid.
    #[must_use]
    pub fn of(payable: &PayableView) -> Option<Self> {
        match (&payable.link, &payable.code, &payable.transfer) {
            (Some(link), None, None) => Some(Self::Link(link.clone())),
            (None, Some(code), None) => Some(Self::Code(code.clone())),
            (None, None, Some(to)) if to.account == CVU_ACCOUNT => Some(Self::Account),
            _ => None,
        }
    }
}

/// Pays from the account called `payer`, also what has run out or was paid before. `password` opens the
/// provider's API, where a transfer to the merchant begins.
///
/// # Errors
///
/// When the sandbox refuses.
pub async fn pay(
    sandbox: &Sandbox,
    password: &str,
    target: &Target,
    payer: &str,
    payment: Payment,
) -> Result<Vec<Credit>> {
    let amount = pesos(payment.amount_minor);
    let mut request = json!({
        "amount": amount,
        "times": payment.times,
        "delay_ms": payment.delay_ms,
        "payer": payer,
        "insist": true,
    });
    let (name, text) = match target {
        Target::Link(link) => ("link", link.clone()),
        Target::Code(code) => ("code", code.clone()),
        Target::Account => ("link", transfer_link(sandbox, password, &amount).await?),
    };
    if let Some(fields) = request.as_object_mut() {
        fields.insert(name.to_owned(), Value::String(text));
    }
    let paid = sandbox
        .ask(reqwest::Method::POST, "/cvu/pay", &request)
        .await?;
    serde_json::from_slice(&paid).tried("read what was paid")
}

/// A transfer that the provider has no link and no order of the merchant's for.
///
/// Its faults meet these calls as any others, so they are repeated; what is made in vain is paid by nobody.
async fn transfer_link(sandbox: &Sandbox, password: &str, amount: &str) -> Result<String> {
    let http = super::wire::client(CALL_LIMIT)?;
    let account = format!(
        r#"{{"cvu":"{CVU_ACCOUNT}","cuit":"{}","amount":{amount},"concept":"VAR","description":"-"}}"#,
        CVU_CUIT.replace('-', "")
    );
    for _ in 0..MOST_TRIES {
        let Some(token) = token(sandbox, &http, password).await else {
            continue;
        };
        let asked = http
            .post(format!(
                "{}/v2/payment/cashin/transfer/generate",
                sandbox.cvu_url()
            ))
            .bearer_auth(token)
            .header("content-type", "application/json")
            .body(account.clone());
        if let Some(link) = text_in(asked, "payment_link").await
            && link.starts_with("http")
        {
            return Ok(link);
        }
    }
    Err(Failure::of("could not begin a transfer"))
}

/// A token of the CVU wallet API, asked for once.
async fn token(sandbox: &Sandbox, http: &reqwest::Client, password: &str) -> Option<String> {
    let login = json!({ "username": CVU_USER, "password": password });
    let asked = http
        .post(format!("{}/v2/auth/token", sandbox.cvu_url()))
        .json(&login);
    text_in(asked, "token").await
}

/// The first `count` tokens of the CVU wallet API of a sandbox that nobody asked yet.
///
/// # Errors
///
/// When it does not answer.
pub async fn tokens(sandbox: &Sandbox, password: &str, count: usize) -> Result<Vec<String>> {
    let http = super::wire::client(CALL_LIMIT)?;
    let mut tokens = Vec::with_capacity(count);
    while tokens.len() < count {
        let token = token(sandbox, &http, password).await;
        tokens.push(token.ok_or_else(|| Failure::of("the sandbox gave no token"))?);
    }
    Ok(tokens)
}

/// The first `count` access tokens of the Flux API of a sandbox that nobody asked yet.
///
/// # Errors
///
/// When it does not answer.
pub async fn flux_tokens(
    sandbox: &Sandbox,
    refresh_token: &str,
    count: usize,
) -> Result<Vec<String>> {
    let http = super::wire::client(CALL_LIMIT)?;
    let mut tokens = Vec::with_capacity(count);
    while tokens.len() < count {
        let asked = http
            .post(format!(
                "{}/v3/auth/tokens/refreshToken",
                sandbox.flux_url()
            ))
            .json(&json!({ "refreshToken": refresh_token, "grantType": "accessToken" }));
        let answer = asked.send().await.tried("ask for a Flux token")?;
        let answer = answer.bytes().await.tried("ask for a Flux token")?;
        let answer: Value = serde_json::from_slice(&answer).tried("read a Flux token")?;
        let token = answer.pointer("/data/accessToken").and_then(Value::as_str);
        let token = token.ok_or_else(|| Failure::of("the sandbox gave no Flux token"))?;
        tokens.push(token.to_owned());
    }
    Ok(tokens)
}

async fn text_in(asked: reqwest::RequestBuilder, name: &str) -> Option<String> {
    let answer = asked.send().await.ok()?.bytes().await.ok()?;
    let answer: Value = serde_json::from_slice(&answer).ok()?;
    Some(answer.get(name)?.as_str()?.to_owned())
}

/// In pesos with two decimals.
#[must_use]
pub fn pesos(minor: u64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

const MOST_TRIES: u32 = 40;
const CALL_LIMIT: std::time::Duration = std::time::Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn centavos_are_written_as_pesos_with_two_decimals() {
        assert_eq!(pesos(1_250_050), "12500.50");
        assert_eq!(pesos(7), "0.07");
    }
}
