//! A tour of the crate. It works below /tour/rust, and leaves nothing behind.
//!
//!     cargo run --example tour -- [HOST [PORT]]

use std::process::ExitCode;
use std::time::Duration;

use etcd::codes::ETCD_ERROR_KEY_NOT_FOUND;
use etcd::{ApiVersion, Client, Compare, Config, Error, Expected, GetOptions, Node, Op, Txn, WatchOptions};

const MINUTE: Duration = Duration::from_secs(60);

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
    delete_all(&client)?;
    read_and_write(&client)?;
    watch(&client)?;
    delete_all(&client)?;

    println!("over v3:");
    let client = Config::new().endpoints([format!("http://{host}:{port}")]).api(ApiVersion::V3).connect()?;
    delete_all(&client)?;
    move_twice(&client)?;
    register(&client)?;
    write_under_a_lock(&client)?;
    mirror(&client)?;
    delete_all(&client)?;
    Ok(())
}

fn delete_all(client: &Client) -> etcd::Result<()> {
    match client.delete_tree("/tour/rust") {
        Err(Error { code: ETCD_ERROR_KEY_NOT_FOUND, .. }) => Ok(()),
        other => other.map(drop),
    }
}

fn read_and_write(client: &Client) -> etcd::Result<()> {
    let key = "/tour/rust/greeting";
    client.set(key, "Hello World", Some(MINUTE))?;
    println!("set {key} to Hello World for 60 seconds");
    println!("get: {}", client.get(key)?.value().unwrap_or_default());

    if let Err(error) = client.compare_and_swap(key, "Hello etcd", Expected::Value("Goodbye"), None) {
        println!("cas from Goodbye: {} ({})", error.message, error.code);
    }
    let swapped = client.compare_and_swap(key, "Hello etcd", Expected::Value("Hello World"), None)?;
    println!("cas from Hello World: {}", swapped.value().unwrap_or_default());

    client.set("/tour/rust/numbers/one", "1", None)?;
    client.set("/tour/rust/numbers/two", "2", None)?;
    println!("all below /tour/rust:");
    list(&client.get_with("/tour/rust", GetOptions::new().recursive().sorted())?.node.unwrap_or_default());

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

fn watch(client: &Client) -> etcd::Result<()> {
    let changes = client.watch_with("/tour/rust/numbers", WatchOptions::new().recursive())?;
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

fn move_twice(client: &Client) -> etcd::Result<()> {
    let (from, to) = ("/tour/rust/a", "/tour/rust/b");
    client.set(from, "1", None)?;
    let txn = Txn::new().when([Compare::value(from).equals("1")]).then([Op::put(to, "1"), Op::delete(from)]);
    for attempt in [&*format!("a transaction moves {from} to {to}"), "the same again"] {
        println!("{attempt}: {}", if client.txn(&txn)?.succeeded { "done" } else { "not done" });
    }
    Ok(())
}

fn register(client: &Client) -> etcd::Result<()> {
    let key = "/tour/rust/service";
    let here = client.register(key, "127.0.0.1:80", MINUTE)?;
    println!("registered {key}: {}", format!("{:?}", here.state()?.state).to_lowercase());
    here.revoke()?; // its drop does so, too, if a server answers soon
    if let Err(error) = client.get(key) {
        println!("revoked: {} ({})", error.message, error.code);
    }
    Ok(())
}

fn write_under_a_lock(client: &Client) -> etcd::Result<()> {
    let (name, total) = ("/tour/rust/lock", "/tour/rust/total");
    let lock = client.lock(name, "", MINUTE)?;
    println!("holding the lock {name}");
    // Carried out by who holds the lock, or not at all.
    lock.txn(&Txn::new().then([Op::put(total, "42")]))?;
    println!("  written while it is held: {}", client.get(total)?.value().unwrap_or_default());
    Ok(())
}

fn mirror(client: &Client) -> etcd::Result<()> {
    let (directory, two) = ("/tour/rust/numbers", "/tour/rust/numbers/two");
    let numbers = client.mirror(directory)?;
    let written = client.set(two, "due", None)?;
    numbers.wait(written.index())?;
    println!("a mirror of {directory}: two = {}", numbers.value(two)?.unwrap_or_default());
    Ok(())
}
