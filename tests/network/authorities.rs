//! The system's authorities, where they are found wanting.

use std::process::Command;

use crate::NODE;
use support::certificates::Authority;
use support::fake::{FakeServer, Tls, response};
use support::program::Program;
use support::toolchain::{output, printed};

/// A server that anybody may read, with a certificate of that authority's.
pub fn server(authority: &Authority) -> FakeServer {
    FakeServer::start_tls(&Tls::new(&authority.server()), |mut conn| {
        while conn.request().is_some() && conn.say(response(200, NODE)) {}
    })
}

/// What the program printed, its log included.
#[track_caller]
fn told(command: &mut Command) -> String {
    let output = output(command);
    assert!(output.status.success(), "{}", printed(&output));
    printed(&output)
}

/// The program, for which the system's authorities are there.
fn with(program: &Program, arguments: &[&str], file: &str) -> Command {
    let mut command = program.command(arguments);
    command.env("SSL_CERT_FILE", file).env_remove("SSL_CERT_DIR");
    command
}

#[test]
fn without_any_authority_connecting_fails_with_the_reason() {
    let (authority, program) = (Authority::new(), Program::compile("tests/c/authorities.c"));
    let server = server(&authority);
    assert_eq!(told(&mut with(&program, &[&server.url()], authority.file())), "get 0 \n");
    let (none, empty) = (authority.path("none.pem"), authority.write("empty.pem", ""));
    let garbage = authority.write("garbage.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let why = [(&none, "No such file"), (&empty, "no certificate"), (&garbage, "1 of 1 certificates cannot be read")];
    for (file, why) in why {
        let told = told(&mut with(&program, &[&server.url()], file));
        assert!(told.starts_with("connect 1001 tls.ca_file: ") && told.contains(why), "{told}");
        assert!(!why.starts_with("No such") || told.contains(file), "{told}");
    }
}

#[test]
fn unreadable_authorities_are_a_line_in_the_log() {
    let (authority, program) = (Authority::new(), Program::compile("tests/c/authorities.c"));
    let (server, none) = (server(&authority), authority.path("none"));
    let told = told(with(&program, &[&server.url()], authority.file()).env("SSL_CERT_DIR", &none));
    assert!(told.starts_with("get 0 \n"), "{told}");
    assert!(told.contains("2 of the system's authorities") && told.contains(&none), "{told}");
}

#[test]
fn a_shortage_of_descriptors_is_told_and_passes() {
    let (authority, program) = (Authority::new(), Program::compile("tests/c/authorities.c"));
    let server = server(&authority);
    let told = told(&mut with(&program, &[&server.url(), "short"], authority.file()));
    let lines = Vec::from_iter(told.lines());
    assert_eq!((lines[0], lines[2]), ("get 0 ", "get 0 "), "{told}");
    assert!(lines[1].starts_with("connect 1011 ") && lines[1].contains("Too many open files"), "{told}");
}
