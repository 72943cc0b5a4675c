use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn maps() -> GroupResource {
    GroupResource::new("", "configmaps")
}

fn object(namespace: &str, name: &str, value: u32) -> Value {
    json!({"metadata": {"namespace": namespace, "name": name}, "data": {"value": value.to_string()}})
}

fn revision_of(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

async fn put(store: &Store, namespace: &str, name: &str, value: u32) -> Arc<Value> {
    let expect = store
        .head(&maps(), namespace, name)
        .map_or(Expect::Absent, |old| Expect::Revision(revision_of(&old)));
    store
        .write(
            &maps(),
            namespace,
            name,
            expect,
            Some(object(namespace, name, value)),
        )
        .await
        .unwrap()
}

async fn remove(store: &Store, namespace: &str, name: &str) -> bool {
    let Some(old) = store.head(&maps(), namespace, name) else {
        return false;
    };
    let expect = Expect::Revision(revision_of(&old));
    store
        .write(&maps(), namespace, name, expect, None)
        .await
        .unwrap();
    true
}

type Content = BTreeMap<(String, String), Value>;

fn content(items: &[Object]) -> Content {
    items
        .iter()
        .map(|item| {
            let item = item.value();
            let text = |field: &str| item["metadata"][field].as_str().unwrap().to_owned();
            ((text("namespace"), text("name")), (*item).clone())
        })
        .collect()
}

fn replay(content: &mut Content, event: &Event) {
    let key = (event.namespace().to_owned(), event.name().to_owned());
    match event.kind() {
        EventKind::Added => assert!(content.insert(key, (**event.object()).clone()).is_none()),
        EventKind::Modified => assert!(content.insert(key, (**event.object()).clone()).is_some()),
        EventKind::Deleted => assert!(content.remove(&key).is_some()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A list at any revision and the events after it make the final list;
    /// revisions grow by one.
    #[test]
    fn lists_and_watches_agree(
        steps in prop::collection::vec((0..3u8, 0..4u8, prop::option::weighted(0.7, 0..100u32)), 1..60),
        cut in 0..60usize,
    ) {
        run(async {
            let store = Store::memory();
            let mut subscription = store.subscribe(&[], false);
            let mut snapshots = Vec::new();
            for (namespace, name, value) in steps {
                snapshots.push((store.revision(), store.list(&maps(), None).items));
                let (namespace, name) = (format!("n{namespace}"), format!("o{name}"));
                match value {
                    Some(value) => { put(&store, &namespace, &name, value).await; }
                    None => { remove(&store, &namespace, &name).await; }
                }
            }
            let last = store.list(&maps(), None);
            let (revision, items) = &snapshots[cut % snapshots.len()];
            // The past can be listed again …
            let again = store.list_at(&maps(), None, *revision, None).unwrap();
            prop_assert_eq!(content(&again.items), content(items));
            // … in namespaces and pages, too …
            let page = store.list_at(&maps(), Some("n1"), *revision, Some(("n1", "o1"))).unwrap();
            let expected: Content = content(items).into_iter().filter(|((ns, name), _)| ns == "n1" && name.as_str() > "o1").collect();
            prop_assert_eq!(content(&page.items), expected);
            // … and followed to the present.
            let mut content_now = content(items);
            let watch = store.watch(&maps(), Scope::default(), Some(*revision)).unwrap();
            let mut before = *revision;
            for event in &watch.backlog {
                prop_assert!(event.revision() > before);
                before = event.revision();
                prop_assert_eq!(revision_of(event.object()), event.revision());
                replay(&mut content_now, event);
            }
            prop_assert_eq!(content_now, content(&last.items));
            let (mut all, mut count) = (Content::new(), 0);
            while let Ok(event) = subscription.try_recv() {
                count += 1;
                prop_assert_eq!(event.revision(), count);
                replay(&mut all, &event);
            }
            prop_assert_eq!(all, content(&last.items));
            prop_assert_eq!(count, store.revision());
            Ok(())
        })?;
    }
}

#[test]
fn writes_expect_what_they_saw() {
    run(async {
        let store = Store::memory();
        let first = put(&store, "n", "a", 1).await;
        let taken = store
            .write(&maps(), "n", "a", Expect::Absent, Some(object("n", "a", 2)))
            .await;
        assert!(matches!(taken, Err(WriteError::Exists(_))));
        put(&store, "n", "a", 3).await;
        let old = Expect::Revision(revision_of(&first));
        let changed = store
            .write(&maps(), "n", "a", old, Some(object("n", "a", 4)))
            .await;
        assert!(matches!(changed, Err(WriteError::Changed(_))));
        let missing = store.write(&maps(), "n", "b", old, None).await;
        assert!(matches!(missing, Err(WriteError::Missing)));
    });
}

#[test]
fn the_log_is_compacted() {
    run(async {
        let store = Store::memory();
        for value in 0..5000 {
            put(&store, "n", "a", value).await;
        }
        let old = store.watch(&maps(), Scope::default(), Some(10));
        assert!(matches!(old, Err(RevisionError::Expired { asked: 10, .. })));
        assert!(store.list_at(&maps(), None, 10, None).is_err());
        assert!(store.watch(&maps(), Scope::default(), Some(4000)).is_ok());
        let future = store.watch(&maps(), Scope::default(), Some(6000));
        assert_eq!(
            future.err(),
            Some(RevisionError::Future {
                asked: 6000,
                current: 5000
            })
        );
    });
}

#[test]
fn watches_see_their_namespace_and_name_only() {
    run(async {
        let store = Store::memory();
        let scope = |namespace, name| Scope { namespace, name };
        let mut all = store.watch(&maps(), scope(None, None), None).unwrap();
        let mut one = store.watch(&maps(), scope(Some("n"), None), None).unwrap();
        let mut single = store
            .watch(&maps(), scope(Some("n"), Some("b")), None)
            .unwrap();
        put(&store, "n", "a", 1).await;
        put(&store, "m", "a", 1).await;
        put(&store, "n", "b", 1).await;
        let names = |watch: &mut Watch| -> Vec<String> {
            std::iter::from_fn(|| watch.live.try_recv().ok())
                .map(|event| format!("{}/{}", event.namespace(), event.name()))
                .collect()
        };
        assert_eq!(names(&mut all), ["n/a", "m/a", "n/b"]);
        assert_eq!(names(&mut one), ["n/a", "n/b"]);
        assert_eq!(names(&mut single), ["n/b"]);
    });
}

#[test]
fn a_slow_watcher_is_cut_off_and_a_subscriber_is_not() {
    run(async {
        let store = Store::memory();
        let mut watch = store.watch(&maps(), Scope::default(), None).unwrap();
        let mut subscription = store.subscribe(&[maps()], false);
        let count = WATCH_BUFFER + 10;
        for value in 0..count {
            put(&store, "n", "a", u32::try_from(value).unwrap()).await;
        }
        let mut seen = 0;
        while watch.live.recv().await.is_some() {
            seen += 1;
        }
        assert_eq!(seen, WATCH_BUFFER);
        let mut seen = 0;
        while subscription.try_recv().is_ok() {
            seen += 1;
        }
        assert_eq!(seen, count);
    });
}

#[test]
fn what_was_acknowledged_is_there_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("objects.redb");
    let copy = folder.path().join("copy.redb");
    let (revision, items) = run(async {
        let store = Store::open(&path).unwrap();
        let writes = (0..200u32).map(|n| {
            let store = store.clone();
            async move { put(&store, "n", &format!("o{n}"), n).await }
        });
        futures::future::join_all(writes).await;
        remove(&store, "n", "o7").await;
        // As kill -9 leaves it: the file as it is now, without any closing.
        std::fs::copy(&path, &copy).unwrap();
        (store.revision(), store.list(&maps(), None).items)
    });
    assert_eq!(revision, 201);
    run(async {
        let store = Store::open(&copy).unwrap();
        assert_eq!(store.revision(), revision);
        assert_eq!(content(&store.list(&maps(), None).items), content(&items));
        // A watch from the last change has missed nothing; an older one has.
        assert!(
            store
                .watch(&maps(), Scope::default(), Some(revision))
                .is_ok()
        );
        assert!(
            store
                .watch(&maps(), Scope::default(), Some(revision - 1))
                .is_err()
        );
        let next = put(&store, "n", "new", 1).await;
        assert_eq!(revision_of(&next), revision + 1);
        store.close().await;
        let late = store
            .write(
                &maps(),
                "n",
                "late",
                Expect::Absent,
                Some(object("n", "late", 1)),
            )
            .await;
        assert!(matches!(late, Err(WriteError::Disk(_))));
    });
    let store = Store::open(&copy).unwrap();
    assert!(store.get(&maps(), "n", "new").is_some());
    assert!(store.get(&maps(), "n", "late").is_none());
}

#[test]
fn a_file_in_use_or_out_of_reach_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("objects.redb");
    let _open = Store::open(&path).unwrap();
    assert!(matches!(Store::open(&path), Err(OpenError::Open { .. })));
    let missing = folder.path().join("missing/objects.redb");
    assert!(matches!(Store::open(&missing), Err(OpenError::Open { .. })));
}

#[test]
fn replay_gives_the_present_in_order_of_change() {
    run(async {
        let store = Store::memory();
        for name in ["c", "a", "b"] {
            put(&store, "n", name, 1).await;
        }
        put(&store, "n", "c", 2).await;
        let mut subscription = store.subscribe(&[maps()], true);
        let names: Vec<String> = std::iter::from_fn(|| subscription.try_recv().ok())
            .map(|event| event.name().to_owned())
            .collect();
        assert_eq!(names, ["a", "b", "c"]);
    });
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("objects.redb");
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    drop(Store::open(&path).unwrap());
    assert_eq!(mode(), 0o600);
}
