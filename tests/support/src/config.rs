//! Configurations by way of `etcd_config_…`.

use std::ffi::{c_char, c_int};
use std::ptr::null_mut;

use etcd::ffi::config::*;

use crate::api::{Client, Reply, c, etcd_client};

/// A configuration, freed when dropped.
pub struct Config(*mut etcd_config);

impl Config {
    pub fn new() -> Config {
        let config = unsafe { etcd_config_new() };
        assert!(!config.is_null());
        Config(config)
    }

    pub fn raw(&self) -> *mut etcd_config {
        self.0
    }

    /// 0 or an error's code; the error is for `connect` to give.
    pub fn set(&self, name: &str, value: &str) -> c_int {
        unsafe { etcd_config_set(self.0, c(name).as_ptr(), c(value).as_ptr()) }
    }

    /// A client derived from another one, or why there is none.
    #[track_caller]
    pub fn derive(&self, parent: &Client) -> Result<Client, Reply> {
        Config::made(|error| unsafe { etcd_with(parent.raw(), self.0, error) })
    }

    /// The client, or why there is none.
    #[track_caller]
    pub fn connect(&self) -> Result<Client, Reply> {
        Config::made(|error| unsafe { etcd_connect_config(self.0, error) })
    }

    #[track_caller]
    fn made(make: impl FnOnce(*mut *mut c_char) -> *mut etcd_client) -> Result<Client, Reply> {
        let mut error = null_mut();
        let client = make(&mut error);
        assert_eq!(client.is_null(), !error.is_null(), "a handle or an error");
        if client.is_null() { Err(unsafe { Reply::take(error) }) } else { Ok(Client::owning(client)) }
    }
}

impl Drop for Config {
    fn drop(&mut self) {
        unsafe { etcd_config_free(self.0) };
    }
}
