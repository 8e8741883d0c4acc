//! Futures, with an executor of twenty lines.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use etcd::Client;

use crate::{at, clear, v3};

/// All of an executor that a future needs.
pub fn block_on<F: Future>(future: F) -> F::Output {
    struct Unparker(Thread);
    impl Wake for Unparker {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unparker(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

pub fn futures(v2: &Client, url: &str) {
    for client in [v2, &v3(url)] {
        let (key, name, minute) = (&at("key"), at("lock"), Duration::from_secs(60));
        block_on(async {
            let written = client.future({
                let key = key.clone();
                move |client| client.set(&key, "1", None)
            });
            assert_eq!(written.await.unwrap().value(), Some("1"));
            let mirror = client.mirror(key).unwrap();
            let mut watch = client.watch(key).unwrap();
            let writer = client.clone();
            let other = key.clone();
            let writes =
                client.future(move |_| (2..5).try_for_each(|n| writer.set(&other, &n.to_string(), None).map(drop)));
            writes.await.unwrap();
            for number in ["2", "3", "4"] {
                assert_eq!(watch.next_change().await.unwrap().unwrap().value(), Some(number));
            }
            let index = client.set("/test/elsewhere", "1", None).unwrap().node.unwrap().modified_index;
            mirror.seen(index).await.unwrap();
            while mirror.next_change().await.unwrap().unwrap().value() != Some("4") {}
            watch.stopper().stop();
            assert!(watch.next_change().await.is_none());

            let first = client.lock(&name, "", minute).unwrap();
            first.held().await.unwrap();
            let second = client.future(move |client| client.lock_open(&name, "", minute)).await.unwrap();
            let giver = thread::spawn(move || drop(first));
            second.held().await.unwrap();
            assert!(second.is_held());
            giver.join().unwrap();
        });
        client.delete("/test/elsewhere").unwrap();
        clear(client);
    }
}
