//! A tour of the client in `client.rs`. It works below /tour/rust, and leaves nothing behind.
//!
//!     cargo run --example tour -- [HOST [PORT]]

mod client;

use std::process::ExitCode;
use std::time::Duration;

use client::codes::ETCD_ERROR_KEY_NOT_FOUND;
use client::{Client, Condition, Error, Flags, Node};

fn main() -> ExitCode {
    match tour() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tour: {error}");
            ExitCode::FAILURE
        }
    }
}

fn tour() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let host = arguments.next().unwrap_or("127.0.0.1".to_owned());
    let port = arguments.next().map_or(Ok(2379), |port| port.parse())?;
    let client = Client::connect(&host, port)?;

    match client.delete_dir("/tour/rust", Flags::RECURSIVE) {
        Err(Error { code: ETCD_ERROR_KEY_NOT_FOUND, .. }) => {}
        other => {
            other?;
        }
    }
    read_and_write(&client)?;
    watch(&client)?;
    client.delete_dir("/tour/rust", Flags::RECURSIVE)?;
    Ok(())
}

fn read_and_write(client: &Client) -> client::Result<()> {
    let key = "/tour/rust/greeting";
    client.set(key, "Hello World", Some(Duration::from_secs(60)))?;
    println!("set {key} to Hello World for 60 seconds");
    println!("get: {}", client.get(key)?.value().unwrap_or_default());

    if let Err(error) = client.compare_and_swap(key, "Hello etcd", Condition::Value("Goodbye"), None) {
        println!("cas from Goodbye: {} ({})", error.message, error.code);
    }
    let swapped = client.compare_and_swap(key, "Hello etcd", Condition::Value("Hello World"), None)?;
    println!("cas from Hello World: {}", swapped.value().unwrap_or_default());

    client.set("/tour/rust/numbers/one", "1", None)?;
    client.set("/tour/rust/numbers/two", "2", None)?;
    println!("all below /tour/rust:");
    list(&client.get_with("/tour/rust", Flags::RECURSIVE | Flags::SORTED)?.node.unwrap_or_default());

    match client.get("/tour/rust/nothing") {
        Ok(reply) => println!("get of nothing: {:?}", reply.value()),
        Err(error) => println!("get of nothing: {} ({})", error.message, error.code),
    }
    Ok(())
}

/// Prints the keys of a tree.
fn list(node: &Node) {
    if let Some(value) = &node.value {
        println!("  {} = {value}", node.key);
    }
    node.nodes.iter().for_each(list);
}

fn watch(client: &Client) -> client::Result<()> {
    let changes = client.watch_loop("/tour/rust/numbers", Flags::RECURSIVE, 0)?;
    println!("watching /tour/rust/numbers:");

    // What is changed from here on is delivered, whenever it is read.
    client.set("/tour/rust/numbers/one", "uno", None)?;
    client.set("/tour/rust/numbers/two", "due", None)?;
    client.delete("/tour/rust/numbers/one")?;

    let stopper = changes.stopper();
    for (change, number) in changes.zip(1..) {
        let change = change?;
        let key = change.node.as_ref().map_or("", |node| &node.key);
        match change.value() {
            Some(value) => println!("  {} {key} = {value}", change.action),
            None => println!("  {} {key}", change.action),
        }
        if number == 3 {
            stopper.stop();
        }
    }
    println!("the watch has ended");
    Ok(())
}
