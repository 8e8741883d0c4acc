//! What must agree: the header, the library, the error codes, the settings and the README.

#[cfg(target_arch = "x86_64")] // what the baseline is of
mod abi;
mod architecture;
mod codes;
mod header;
mod makefile;
mod manual;
mod numbers;
mod packages;
mod readme;
mod settings;
mod symbols;
