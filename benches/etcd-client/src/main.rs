//! The crate `etcd-client`, as a contender of the benchmark. See `../child.c` for what is said over standard input and
//! output.

use std::io::BufRead;

use etcd_client::{Client, Compare, CompareOp, GetOptions, KvClient, PutOptions, Txn, TxnOp, WatchOptions};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

const KEY: &str = "/bench/key";
const BELOW: &str = "/bench/key/";
const END: &str = "/bench/key0";
const VALUE: &str = "postgres-primary-0.example.internal.5432.sslmode-require.pool-20";

/// A client on threads of its own: one call at a time is fastest on one, many are on several.
struct Way {
    runtime: Runtime,
    client: Client,
}

fn main() {
    let endpoint = std::env::args().nth(1).expect("the endpoint");
    let alone = Way::new(&mut Builder::new_current_thread(), &endpoint);
    let shared = Way::new(&mut Builder::new_multi_thread(), &endpoint);
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let [what, threads, calls] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let (threads, calls): (usize, usize) = (threads.parse().expect("a number"), calls.parse().expect("a number"));
        if what == "watch" {
            alone.runtime.block_on(watch(alone.client.clone(), calls));
            continue;
        }
        let (wall, processor) = (now(libc::CLOCK_MONOTONIC), now(libc::CLOCK_PROCESS_CPUTIME_ID));
        if threads == 1 {
            alone.runtime.block_on(run(what.to_owned(), alone.client.kv_client(), calls));
        } else {
            shared.runtime.block_on(async {
                let kv = || shared.client.kv_client();
                let all: JoinSet<()> = (0..threads).map(|_| run(what.to_owned(), kv(), calls)).collect();
                all.join_all().await;
            });
        }
        let (wall, processor) = (now(libc::CLOCK_MONOTONIC) - wall, now(libc::CLOCK_PROCESS_CPUTIME_ID) - processor);
        println!("{wall:.3} {processor:.3}");
    }
}

impl Way {
    fn new(builder: &mut Builder, endpoint: &str) -> Way {
        let runtime = builder.enable_all().build().expect("a runtime");
        let client = runtime.block_on(Client::connect([endpoint], None)).expect("a client");
        Way { runtime, client }
    }
}

async fn run(what: String, mut kv: KvClient, calls: usize) {
    for _ in 0..calls {
        match &*what {
            "GET" => get(&mut kv).await,
            "PUT" => put(&mut kv).await,
            "plain-GET" => {
                let reply = kv.get(KEY, None).await.expect("a reply");
                assert_eq!(reply.kvs()[0].value(), VALUE.as_bytes());
            }
            "plain-PUT" => _ = kv.put(KEY, VALUE, None).await.expect("a reply"),
            _ => panic!("{what}"),
        }
    }
}

/// What libetcd sends for the same.
async fn get(kv: &mut KvClient) {
    let reply = kv.get(KEY, Some(GetOptions::new().with_serializable())).await.expect("a reply");
    assert_eq!(reply.kvs()[0].value(), VALUE.as_bytes());
}

async fn put(kv: &mut KvClient) {
    let look = GetOptions::new().with_keys_only();
    let below = look.clone().with_range(END).with_limit(1);
    let rules = [
        Compare::version("/bench", CompareOp::Equal, 0),
        Compare::version(BELOW, CompareOp::Equal, 0).with_range(END),
    ];
    let txn = Txn::new()
        .when(rules)
        .and_then([TxnOp::put(KEY, VALUE, Some(PutOptions::new().with_prev_key()))])
        .or_else([TxnOp::get("/bench", Some(look)), TxnOp::get(BELOW, Some(below))]);
    assert!(kv.txn(txn).await.expect("a reply").succeeded());
}

/// Prints when each of so many events was delivered.
async fn watch(mut client: Client, events: usize) {
    let mut stream = client.watch(KEY, None::<WatchOptions>).await.expect("a watch");
    assert!(stream.message().await.expect("an answer").is_some_and(|reply| reply.created()));
    println!("0 0");
    for _ in 0..events {
        let reply = stream.message().await.expect("an answer").expect("an event");
        let at = now(libc::CLOCK_MONOTONIC);
        assert_eq!(reply.events().len(), 1);
        println!("{at:.3} 0");
    }
}

/// Microseconds.
fn now(clock: libc::clockid_t) -> f64 {
    let mut at = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it writes what it is given the address of.
    unsafe { libc::clock_gettime(clock, &raw mut at) };
    at.tv_sec as f64 * 1e6 + at.tv_nsec as f64 / 1e3
}
