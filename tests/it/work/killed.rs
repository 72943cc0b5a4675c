//! An agent that ends at random moments, in the middle of whatever it is doing, while
//! works come, change and go: nothing is left behind, nothing is missing, and no
//! status lies. Four seeds; `OCMADM_SEEDS=20` for more. (`sandbox::killed` does the
//! same with processes.)

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::bed::*;
use crate::harness::Dice;

/// The content of each work: how many config maps, and their value.
type Wanted = BTreeMap<String, (u64, u64)>;

fn manifests(work: &str, (count, value): (u64, u64)) -> Vec<Value> {
    let map = |number| {
        let mut map = config_map(&format!("{work}-{number}"), &value.to_string());
        map["metadata"]["labels"] = json!({"dice": "yes"});
        map
    };
    (0..count).map(map).collect()
}

/// One work comes, changes or goes.
async fn change(bed: &Bed, dice: &mut Dice, wanted: &mut Wanted, serial: &mut u64) {
    *serial += 1;
    let content = (1 + dice.below(8), *serial);
    let some = wanted.keys().nth(usize::try_from(dice.below(5)).unwrap());
    match (some.cloned(), dice.below(3)) {
        (Some(name), 0) => {
            bed.hub.delete(&work(&name)).await;
            wanted.remove(&name);
        }
        (Some(name), _) => {
            bed.set_manifests(&name, manifests(&name, content)).await;
            wanted.insert(name, content);
        }
        (None, _) => {
            let name = format!("w{serial}");
            bed.create_work(&name, manifests(&name, content)).await;
            wanted.insert(name, content);
        }
    }
}

/// What is there that should not be, is missing or lies; nothing when all is well.
async fn wrong(bed: &Bed, wanted: &Wanted) -> Option<String> {
    let works = bed.hub.list("ManifestWork", CLUSTER).await;
    let truthful = |work: &Value| {
        let name = work["metadata"]["name"].as_str().unwrap();
        let available = is(work, "Applied", "True") && is(work, "Available", "True");
        wanted
            .get(name)
            .is_some_and(|(count, _)| available && statuses(work, "Applied").len() as u64 == *count)
    };
    if works.len() != wanted.len() || !works.iter().all(truthful) {
        return Some(format!("works: {wanted:?} is not {works:?}"));
    }
    let maps = bed.spoke.list("ConfigMap", "default").await;
    let mut found: Vec<(String, String)> = maps
        .iter()
        .filter(|map| map["metadata"]["labels"]["dice"] == "yes")
        .map(|map| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (text(&map["metadata"]["name"]), text(&map["data"]["key"]))
        })
        .collect();
    let mut expected: Vec<(String, String)> = wanted
        .iter()
        .flat_map(|(name, (count, value))| {
            (0..*count).map(move |number| (format!("{name}-{number}"), value.to_string()))
        })
        .collect();
    found.sort();
    expected.sort();
    // Works of this test are called w1, w2 and so on; what a test before it left on a
    // shared control plane is not this one's.
    let ours = |name: &str| {
        let serial = name.strip_prefix('w').unwrap_or_default();
        !serial.is_empty() && serial.bytes().all(|byte| byte.is_ascii_digit())
    };
    let records = bed.spoke.list("AppliedManifestWork", "").await;
    let mut records: Vec<&str> = records
        .iter()
        .filter_map(|record| record["spec"]["manifestWorkName"].as_str())
        .filter(|name| ours(name))
        .collect();
    records.sort_unstable();
    let all = found == expected && records.iter().eq(wanted.keys());
    (!all).then(|| {
        let few = |of: &[(String, String)], but: &[(String, String)]| {
            let few = of.iter().filter(|one| !but.contains(one));
            few.cloned().collect::<Vec<_>>()
        };
        format!(
            "records {records:?} of {:?}; missing: {:?}; too much: {:?}",
            wanted.keys(),
            few(&expected, &found),
            few(&found, &expected)
        )
    })
}

/// What was wrong at last, for whom the test fails.
#[derive(Default)]
struct Last(std::cell::RefCell<String>);

impl Drop for Last {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.0.borrow());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_ends_at_random_moments_leaves_no_orphan_and_no_lie() {
    let mut bed = Bed::without_agent().await;
    let seeds = std::env::var("OCMADM_SEEDS").ok();
    let seeds: u64 = seeds.and_then(|seeds| seeds.parse().ok()).unwrap_or(4);
    let (mut wanted, mut serial) = (Wanted::new(), 0);
    for seed in 0..seeds {
        let mut dice = Dice(seed);
        for _ in 0..3 {
            bed.start_agent(options());
            for _ in 0..=dice.below(3) {
                change(&bed, &mut dice, &mut wanted, &mut serial).await;
            }
            tokio::time::sleep(Duration::from_millis(dice.below(80))).await;
            bed.kill_agent().await;
            if dice.below(2) == 0 {
                change(&bed, &mut dice, &mut wanted, &mut serial).await;
            }
        }
        bed.start_agent(options());
        let last = Last::default();
        until(
            &format!("all is as it should be after seed {seed}"),
            async || match wrong(&bed, &wanted).await {
                Some(wrong) => {
                    last.0.replace(wrong);
                    false
                }
                None => true,
            },
        )
        .await;
        bed.kill_agent().await;
    }
}
