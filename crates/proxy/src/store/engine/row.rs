//! A row of either database, read by the name of its columns.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row as _, Type};
use ventanilla_core::money::{Currency, Money};

use crate::clock::Timestamp;
use crate::error::{Error, Result};

/// A row.
pub(in crate::store) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    fn get<'r, T>(&'r self, column: &str) -> Result<T>
    where
        T: Decode<'r, sqlx::Sqlite>
            + Type<sqlx::Sqlite>
            + Decode<'r, sqlx::Postgres>
            + Type<sqlx::Postgres>,
    {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
        .map_err(|cause| Error::internal(format!("store: {cause}")))
    }

    pub fn text(&self, column: &str) -> Result<String> {
        self.get(column)
    }

    pub fn text_if(&self, column: &str) -> Result<Option<String>> {
        self.get(column)
    }

    pub fn bytes(&self, column: &str) -> Result<Vec<u8>> {
        self.get(column)
    }

    pub fn flag(&self, column: &str) -> Result<bool> {
        self.get(column)
    }

    pub fn whole(&self, column: &str) -> Result<i64> {
        self.get(column)
    }

    pub fn whole_if(&self, column: &str) -> Result<Option<i64>> {
        self.get(column)
    }

    /// A whole number in a narrower type.
    pub fn small<T: TryFrom<i64>>(&self, column: &str) -> Result<T> {
        narrow(column, self.whole(column)?)
    }

    pub fn small_if<T: TryFrom<i64>>(&self, column: &str) -> Result<Option<T>> {
        self.whole_if(column)?
            .map(|value| narrow(column, value))
            .transpose()
    }

    pub fn moment(&self, column: &str) -> Result<Timestamp> {
        self.whole(column).map(Timestamp::from_millis)
    }

    pub fn moment_if(&self, column: &str) -> Result<Option<Timestamp>> {
        Ok(self.whole_if(column)?.map(Timestamp::from_millis))
    }

    /// A name that stands for a value.
    pub fn named<T>(&self, column: &str, read: impl Fn(&str) -> Option<T>) -> Result<T> {
        let name: &str = self.get(column)?;
        read(name).ok_or_else(|| {
            Error::internal(format!(
                "the store holds the {column} {name}, which is unknown"
            ))
        })
    }

    pub fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<T> {
        let text: &str = self.get(column)?;
        serde_json::from_str(text).map_err(Error::internal)
    }

    pub fn money(&self, minor: &str, currency: &str) -> Result<Money> {
        self.money_if(minor, currency)?
            .ok_or_else(|| Error::internal(format!("the store holds no {minor}")))
    }

    pub fn money_if(&self, minor: &str, currency: &str) -> Result<Option<Money>> {
        let (Some(minor), Some(code)) = (self.whole_if(minor)?, self.text_if(currency)?) else {
            return Ok(None);
        };
        let read = || {
            let currency = Currency::from_code(&code)?;
            Money::from_minor(u64::try_from(minor).ok()?, currency).ok()
        };
        read()
            .map(Some)
            .ok_or_else(|| Error::internal(format!("the store holds the amount {minor} {code}")))
    }
}

fn narrow<T: TryFrom<i64>>(column: &str, value: i64) -> Result<T> {
    T::try_from(value).map_err(|_| Error::internal(format!("the store holds the {column} {value}")))
}
