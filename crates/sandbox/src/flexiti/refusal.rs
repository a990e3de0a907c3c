//! Why a call is turned away: the codes of each operation, and how they are told.

use serde::Deserialize;

use crate::call::{Reply, to_json};
use crate::fault::Operation;

use super::json::{Object, list};
use super::options::{FlexitiErrorForm, FlexitiOptions};

/// A refusal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Refusal {
    pub(super) code: Code,
    /// Which inputs are wrong.
    pub(super) fields: Vec<WrongField>,
}

/// An input that is wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct WrongField {
    pub(super) param: String,
    pub(super) problem: &'static str,
    /// As JSON; `null` when it is personal or missing.
    pub(super) value: String,
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self {
            code,
            fields: Vec::new(),
        }
    }
}

/// What is said in `error`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Code {
    InvalidClient,
    InvalidRequest,
    InvalidRole,
    InvalidToken,
    InsufficientScope,
    WrongInputs,
    GeneralError,
    NotFound,
    InvalidTransactionType,
    VerificationCodeWrong,
    VerificationCodeRequired,
    UserNotActive,
    UserNotAbleToPurchase,
    LimitPaymentAmount24,
    NotEnoughCredit,
    NotVerified,
    CustomerIdentityNotFound,
    CreditExceeded,
    AuthNotAllowed,
    PlanTermNotSet,
    PlanTermNotAvailable,
    NotPermitted,
    AuthorizationEnded,
    AuthAmountExceeded,
    CaptureAmountExceeded,
    ReturnDateExceeded,
    WrongTransactionType,
    RefundsLimitExceededAmount,
    ExternalLocationIdNotFound,
    AccountTypeNotPermitted,
    VccAccountMismatch,
    /// No document names one for a key that comes again with another body; this is made up.
    IdempotencyConflict,
}

impl Code {
    /// What every call but the token's may be refused with.
    const COMMON: [Self; 7] = [
        Self::InvalidToken,
        Self::InsufficientScope,
        Self::InvalidRole,
        Self::GeneralError,
        Self::ExternalLocationIdNotFound,
        Self::AccountTypeNotPermitted,
        Self::VccAccountMismatch,
    ];

    /// The codes of one operation, without the common ones.
    const fn of(operation: Operation) -> &'static [Self] {
        match operation {
            Operation::FlexitiToken => &[
                Self::InvalidClient,
                Self::InvalidRequest,
                Self::InvalidRole,
                Self::WrongInputs,
            ],
            Operation::FlexitiWidget => &[Self::InvalidRole, Self::GeneralError, Self::WrongInputs],
            Operation::FlexitiInterest => &[Self::NotFound, Self::WrongInputs],
            Operation::FlexitiDeposit => &[
                Self::NotFound,
                Self::InvalidTransactionType,
                Self::VerificationCodeWrong,
                Self::VerificationCodeRequired,
                Self::UserNotActive,
                Self::UserNotAbleToPurchase,
                Self::LimitPaymentAmount24,
                Self::NotEnoughCredit,
                Self::NotVerified,
                Self::WrongInputs,
            ],
            Operation::FlexitiAuthorize => &[
                Self::NotFound,
                Self::CustomerIdentityNotFound,
                Self::CreditExceeded,
                Self::AuthNotAllowed,
                Self::PlanTermNotSet,
                Self::PlanTermNotAvailable,
                Self::UserNotAbleToPurchase,
                Self::NotVerified,
                Self::NotPermitted,
                Self::WrongInputs,
            ],
            Operation::FlexitiRelease | Operation::FlexitiCapture => &[
                Self::NotFound,
                Self::AuthorizationEnded,
                Self::AuthAmountExceeded,
                Self::NotPermitted,
                Self::WrongInputs,
            ],
            Operation::FlexitiReturn => &[
                Self::NotFound,
                Self::CaptureAmountExceeded,
                Self::ReturnDateExceeded,
                Self::WrongTransactionType,
                Self::NotPermitted,
                Self::WrongInputs,
            ],
            Operation::FlexitiRefund => &[
                Self::NotFound,
                Self::RefundsLimitExceededAmount,
                Self::WrongInputs,
            ],
            Operation::FlexitiAuthorizations
            | Operation::FlexitiAuthorization
            | Operation::FlexitiCaptures => &[Self::NotFound, Self::WrongInputs],
            _ => &[],
        }
    }

    /// Whether `operation` may be refused so.
    pub(super) fn fits(self, operation: Operation) -> bool {
        let common = match operation {
            Operation::FlexitiToken | Operation::FlexitiWidget => {
                let door = [Self::InvalidToken, Self::InsufficientScope];
                operation == Operation::FlexitiWidget && door.contains(&self)
            }
            _ => operation.is_flexiti() && Self::COMMON.contains(&self),
        };
        common || Self::of(operation).contains(&self)
    }

    pub(super) const fn status(self) -> u16 {
        match self {
            Self::InvalidClient | Self::InvalidRequest => 400,
            Self::InvalidToken => 401,
            Self::InsufficientScope => 403,
            Self::NotFound | Self::CustomerIdentityNotFound => 404,
            _ => 409,
        }
    }

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::InvalidClient => "invalid_client",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidRole => "invalid_role",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::WrongInputs => "wrong_inputs",
            Self::GeneralError => "general_error",
            Self::NotFound => "not_found",
            Self::InvalidTransactionType => "invalid_transaction_type",
            Self::VerificationCodeWrong => "wrong_verification_code",
            Self::VerificationCodeRequired => "verification_code_required",
            Self::UserNotActive => "user_not_active",
            Self::UserNotAbleToPurchase => "user_not_able_to_purchase",
            Self::LimitPaymentAmount24 => "limit_payment_amount_24",
            Self::NotEnoughCredit => "not_enough_credit",
            Self::NotVerified => "not_verified",
            Self::CustomerIdentityNotFound => "customer_identity_not_found",
            Self::CreditExceeded => "credit_exceeded",
            Self::AuthNotAllowed => "auth_not_allowed",
            Self::PlanTermNotSet => "plan_term_not_set",
            Self::PlanTermNotAvailable => "plan_term_not_available",
            Self::NotPermitted => "not_permitted",
            Self::AuthorizationEnded => "authorization_ended",
            Self::AuthAmountExceeded => "auth_amount_exceeded",
            Self::CaptureAmountExceeded => "capture_amount_exceeded",
            Self::ReturnDateExceeded => "return_date_exceeded",
            Self::WrongTransactionType => "wrong_transaction_type",
            Self::RefundsLimitExceededAmount => "refunds_limit_exceeded_amount",
            Self::ExternalLocationIdNotFound => "external_location_id_not_found",
            Self::AccountTypeNotPermitted => "account_type_not_permitted",
            Self::VccAccountMismatch => "vcc_account_mismatch",
            Self::IdempotencyConflict => "idempotency_conflict",
        }
    }

    fn named(name: &str, operation: Operation) -> Option<Self> {
        let all = Self::COMMON.iter().chain(Self::of(operation));
        all.copied()
            .find(|code| code.name() == name && code.fits(operation))
    }

    /// As it stands in `error`.
    const fn spelt(self, options: &FlexitiOptions) -> &'static str {
        match (self, options.errors) {
            (Self::InsufficientScope, _) => "Insufficient scope: authorized scope is insufficient",
            // The example and the prose of one page.
            (Self::WrongInputs, FlexitiErrorForm::FieldErrors) => "wrong_input",
            (Self::GeneralError, _) if options.generic_error => "generic_error",
            _ => self.name(),
        }
    }
}

impl Refusal {
    pub(super) fn json(&self, options: &FlexitiOptions, lang: Lang, path: &str) -> String {
        let error = self.code.spelt(options);
        if options.errors == FlexitiErrorForm::CodeDescription {
            return Object::new()
                .number("code", u64::from(self.code.status()))
                .text("error", error)
                .text("error_description", self.message(lang))
                .end();
        }
        let object = Object::new();
        let wrong = self.code == Code::WrongInputs;
        let as_example = options.errors == FlexitiErrorForm::FieldErrors;
        let object = if wrong && as_example {
            object.text("url", path)
        } else {
            object
        };
        let object = object
            .text("message", self.message(lang))
            .text("error", error);
        if !wrong {
            return object.end();
        }
        let fields = list(self.fields.iter().map(|field| {
            let shown = Object::new()
                .text("param", &field.param)
                .text("msg", field.problem)
                .raw("value", &field.value);
            if as_example {
                shown.end()
            } else {
                shown.text("type", field.problem).end()
            }
        }));
        let name = if as_example {
            "field_errors"
        } else {
            "error_fields"
        };
        object.raw(name, &fields).end()
    }

    fn message(&self, lang: Lang) -> &'static str {
        match (self.code, lang) {
            (Code::WrongInputs, Lang::En) => "Some inputs are wrong or missing!",
            (Code::WrongInputs, Lang::Fr) => "Certaines données sont erronées ou manquantes!",
            (_, Lang::En) => "The request was refused.",
            (_, Lang::Fr) => "La demande a été refusée.",
        }
    }

    pub(super) fn reply(
        &self,
        reference: Option<String>,
        options: &FlexitiOptions,
        lang: Lang,
        path: &str,
    ) -> Reply {
        let json = self.json(options, lang, path);
        Reply::of(reference, false, json).with_status(self.code.status())
    }
}

/// The language of what people read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Lang {
    #[default]
    En,
    Fr,
}

impl Lang {
    pub(super) fn read(text: &str) -> Option<Self> {
        match text {
            "en" => Some(Self::En),
            "fr" => Some(Self::Fr),
            _ => None,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
        }
    }
}

/// The next calls of an operation are refused, whatever they ask for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlexitiRefuse {
    /// Whose calls.
    pub operation: Operation,
    /// One of the operation's codes; `insufficient_scope` for the sentence that says so.
    pub error: String,
    /// How many calls: 1 unless told, at least 1.
    #[serde(default = "once")]
    pub times: u32,
}

const fn once() -> u32 {
    1
}

/// The refusals still to come.
#[derive(Debug, Default)]
pub(super) struct Ordered(Vec<(Operation, Code, u32)>);

impl Ordered {
    pub(super) fn add(&mut self, wanted: &FlexitiRefuse) -> Result<(), String> {
        let FlexitiRefuse {
            operation, error, ..
        } = wanted;
        let Some(code) = Code::named(error, *operation) else {
            return Err(format!(
                "{} is not refused with {}",
                operation.name(),
                to_json(error)
            ));
        };
        if wanted.times == 0 {
            return Err(String::from("times must be at least 1, found 0"));
        }
        self.0.push((*operation, code, wanted.times));
        Ok(())
    }

    pub(super) fn take(&mut self, operation: Operation) -> Option<Code> {
        let index = self.0.iter().position(|(of, ..)| *of == operation)?;
        let (_, code, times) = self.0.get_mut(index)?;
        let code = *code;
        *times -= 1;
        if *times == 0 {
            self.0.remove(index);
        }
        Some(code)
    }
}
