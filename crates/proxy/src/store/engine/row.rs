//! A row of either database, read by the name of its columns.

use std::sync::Arc;

use rusqlite::types::{FromSql, Value as Cell, ValueRef};
use sqlx::postgres::PgRow;
use sqlx::{Decode, Row as _, Type};
use ventanilla_core::money::{Currency, Money};

use crate::clock::Timestamp;
use crate::error::{Error, Result};

/// A row.
pub(in crate::store) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// A row of SQLite's, which is read before the next one is.
pub(in crate::store) struct SqliteRow {
    names: Arc<[Box<str>]>,
    cells: Vec<Cell>,
}

impl SqliteRow {
    pub const fn new(names: Arc<[Box<str>]>, cells: Vec<Cell>) -> Self {
        Self { names, cells }
    }

    fn cell(&self, column: &str) -> Result<ValueRef<'_>> {
        let place = self.names.iter().position(|name| **name == *column);
        place
            .and_then(|place| self.cells.get(place))
            .map(ValueRef::from)
            .ok_or_else(|| unreadable(column, &"there is no such column"))
    }
}

impl Row {
    fn get<'r, T>(&'r self, column: &str) -> Result<T>
    where
        T: FromSql + Decode<'r, sqlx::Postgres> + Type<sqlx::Postgres>,
    {
        match self {
            Self::Sqlite(row) => {
                T::column_result(row.cell(column)?).map_err(|cause| unreadable(column, &cause))
            }
            Self::Postgres(row) => row
                .try_get(column)
                .map_err(|cause| unreadable(column, &cause)),
        }
    }

    /// A text that stays where it is.
    fn str(&self, column: &str) -> Result<&str> {
        match self {
            Self::Sqlite(row) => row
                .cell(column)?
                .as_str()
                .map_err(|cause| unreadable(column, &cause)),
            Self::Postgres(row) => row
                .try_get(column)
                .map_err(|cause| unreadable(column, &cause)),
        }
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
        let name = self.str(column)?;
        read(name).ok_or_else(|| {
            Error::internal(format!(
                "the store holds the {column} {name}, which is unknown"
            ))
        })
    }

    pub fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<T> {
        serde_json::from_str(self.str(column)?).map_err(Error::internal)
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

fn unreadable(column: &str, cause: &dyn std::fmt::Display) -> Error {
    Error::internal(format!("store: the column {column}: {cause}"))
}

fn narrow<T: TryFrom<i64>>(column: &str, value: i64) -> Result<T> {
    T::try_from(value).map_err(|_| Error::internal(format!("the store holds the {column} {value}")))
}
