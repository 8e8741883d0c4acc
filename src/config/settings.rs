//! A configuration as a program puts it together: names and values, of which the first that is invalid is remembered.

use super::Config;
use crate::base::error::{Error, Result};

#[derive(Clone, Default)]
pub struct Settings {
    config: Config,
    /// What has been set, in that order.
    changes: Vec<(String, String)>,
    /// The first name or value that was invalid.
    error: Option<Error>,
}

impl Settings {
    /// Sets one thing, given as name and value. The first error is kept.
    pub fn set(&mut self, texts: Result<(&str, &str)>) -> Result<()> {
        let set = texts.and_then(|(name, value)| {
            self.config.set(name, value)?;
            self.changes.push((name.to_owned(), value.to_owned()));
            Ok(())
        });
        set.inspect_err(|error| {
            self.error.get_or_insert_with(|| error.clone());
        })
    }

    /// For a client of its own, if all of it is valid.
    pub fn config(&self) -> Result<Config> {
        Ok(self.valid()?.config.clone())
    }

    /// For one that is derived from a client with this configuration, likewise.
    pub fn over(&self, config: &Config) -> Result<Config> {
        config.with(&self.valid()?.changes)
    }

    fn valid(&self) -> Result<&Settings> {
        self.error.as_ref().map_or(Ok(self), |error| Err(error.clone()))
    }
}
