//! One task per cluster that holds what is known of it, takes every decision,
//! and has the writes done by others: no lock, no decision on half an update.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use futures::stream::{self, BoxStream, SelectAll, StreamExt};
use jiff::Timestamp;
use kube::core::DynamicObject;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Client};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Options;
use super::action::{self, Decision, Outcome};
use super::object::{Key, Kind, Name, Seen, State};
use super::pod::{self, Processes as Wanted};
use super::process::{Processes, Told};
use super::report::PodReport;
use super::{daemonset, deployment, job, replicaset, statefulset};
use crate::runtime::{Backoff, source_chain};

/// At most this many decisions are carried out at the same time.
const CONCURRENT: usize = 32;
/// Between the tries of a decision that could not be carried out.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(30));

type Watched = (Kind, Result<watcher::Event<DynamicObject>, watcher::Error>);

struct Done {
    key: Key,
    outcome: Outcome,
    again: Option<Duration>,
}

/// The state of the one task.
pub struct Engine {
    client: Client,
    options: Options,
    kinds: &'static [Kind],
    state: State,
    queue: VecDeque<Key>,
    queued: HashSet<Key>,
    /// Being carried out; true when it must be looked at again afterwards.
    busy: HashMap<Key, bool>,
    failures: HashMap<Key, u32>,
    timers: BTreeSet<(Instant, Key)>,
    timer_of: BTreeMap<Key, Instant>,
    tasks: JoinSet<Done>,
    processes: Processes,
    told: UnboundedReceiver<Told>,
    reports: HashMap<String, PodReport>,
}

impl Engine {
    /// An engine that knows nothing yet.
    pub fn new(client: Client, options: Options) -> Self {
        let (tell, told) = unbounded_channel();
        let kinds: &'static [Kind] = if options.controllers {
            &Kind::ALL
        } else {
            &[Kind::Pod]
        };
        Self {
            processes: Processes::new(client.clone(), options.surroundings.clone(), tell),
            client,
            options,
            kinds,
            state: State::default(),
            queue: VecDeque::new(),
            queued: HashSet::new(),
            busy: HashMap::new(),
            failures: HashMap::new(),
            timers: BTreeSet::new(),
            timer_of: BTreeMap::new(),
            tasks: JoinSet::new(),
            told,
            reports: HashMap::new(),
        }
    }

    /// Works until told to stop; then ends all processes.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut watches = self.watches();
        loop {
            self.work();
            let timer = self.timers.first().map(|(at, _)| *at);
            tokio::select! {
                () = shutdown.cancelled() => break,
                event = watches.next() => match event {
                    Some((kind, event)) => self.watched(kind, event),
                    None => break,
                },
                Some(told) = self.told.recv() => self.heard(told),
                Some(done) = self.tasks.join_next() => match done {
                    Ok(done) => self.done(done),
                    Err(error) => tracing::error!(%error, "a write of the node panicked"),
                },
                () = wait_until(timer) => self.ring(),
            }
        }
        self.processes.shut_down().await;
    }

    fn watches(&self) -> SelectAll<BoxStream<'static, Watched>> {
        stream::select_all(self.kinds.iter().map(|&kind| {
            let api = Api::<DynamicObject>::all_with(self.client.clone(), &kind.api_resource());
            watcher(api, watcher::Config::default())
                .default_backoff()
                .map(move |event| (kind, event))
                .boxed()
        }))
    }

    fn watched(
        &mut self,
        kind: Kind,
        event: Result<watcher::Event<DynamicObject>, watcher::Error>,
    ) {
        let seen = match event {
            Ok(watcher::Event::Init) => Seen::Begin,
            Ok(watcher::Event::InitApply(object) | watcher::Event::Apply(object)) => {
                Seen::Present(Box::new(object))
            }
            Ok(watcher::Event::InitDone) => Seen::End,
            Ok(watcher::Event::Delete(object)) => Seen::Gone(Box::new(object)),
            Err(error) => {
                tracing::debug!(?kind, error = source_chain(&error), "a watch broke");
                return;
            }
        };
        for key in self.state.take(kind, seen) {
            self.enqueue(key);
        }
    }

    fn heard(&mut self, told: Told) {
        self.reports.insert(told.uid, told.report);
        self.enqueue(Key {
            kind: Kind::Pod,
            name: told.name,
        });
    }

    fn ring(&mut self) {
        let now = Instant::now();
        while let Some((at, key)) = self.timers.first().cloned() {
            if at > now {
                break;
            }
            self.timers.remove(&(at, key.clone()));
            self.timer_of.remove(&key);
            self.enqueue(key);
        }
    }

    fn set_timer(&mut self, key: Key, delay: Duration) {
        let at = Instant::now() + delay;
        if let Some(known) = self.timer_of.get(&key) {
            if *known <= at {
                return;
            }
            self.timers.remove(&(*known, key.clone()));
        }
        self.timers.insert((at, key.clone()));
        self.timer_of.insert(key, at);
    }

    fn enqueue(&mut self, key: Key) {
        if !self.kinds.contains(&key.kind) {
            return;
        }
        if let Some(again) = self.busy.get_mut(&key) {
            *again = true;
        } else if self.queued.insert(key.clone()) {
            self.queue.push_back(key);
        }
    }

    fn done(&mut self, done: Done) {
        let Done {
            key,
            outcome,
            again,
        } = done;
        for (kind, object) in outcome.objects {
            for key in self.state.take(kind, Seen::Present(Box::new(object))) {
                self.enqueue(key);
            }
        }
        let changed_meanwhile = self.busy.remove(&key).unwrap_or(false);
        if outcome.errors.is_empty() {
            self.failures.remove(&key);
        } else {
            let failures = self.failures.entry(key.clone()).or_default();
            *failures += 1;
            let delay = BACKOFF.delay(*failures);
            for error in &outcome.errors {
                let error = source_chain(error);
                if *failures > 3 {
                    tracing::warn!(%key, error, "a write failed, again in {delay:?}");
                } else {
                    tracing::debug!(%key, error, "a write failed, again in {delay:?}");
                }
            }
            self.set_timer(key.clone(), delay);
        }
        if let Some(delay) = again {
            self.set_timer(key.clone(), delay);
        }
        if changed_meanwhile {
            self.enqueue(key);
        }
    }

    fn work(&mut self) {
        if !self.state.synced(self.kinds) {
            return;
        }
        while self.tasks.len() < CONCURRENT {
            let Some(key) = self.queue.pop_front() else {
                return;
            };
            self.queued.remove(&key);
            let decision = self.decide(&key);
            if decision.actions.is_empty() {
                if let Some(delay) = decision.again {
                    self.set_timer(key, delay);
                }
                continue;
            }
            tracing::trace!(%key, actions = decision.actions.len(), "acting");
            self.busy.insert(key.clone(), false);
            let client = self.client.clone();
            self.tasks.spawn(async move {
                Done {
                    key,
                    outcome: action::apply(client, decision.actions).await,
                    again: decision.again,
                }
            });
        }
    }

    fn decide(&mut self, key: &Key) -> Decision {
        let now = Timestamp::now();
        let name = &key.name;
        let facts = &self.options.facts;
        let state = &self.state;
        let decision = match key.kind {
            Kind::Pod => return self.decide_pod(name, now),
            Kind::ReplicaSet => state.replica_sets.get(name).map(|set| {
                replicaset::decide(set, &state.pods.owned_by(uid(&set.metadata)), facts, now)
            }),
            Kind::StatefulSet => state.stateful_sets.get(name).map(|set| {
                statefulset::decide(set, &state.pods.owned_by(uid(&set.metadata)), facts, now)
            }),
            Kind::DaemonSet => state.daemon_sets.get(name).map(|set| {
                daemonset::decide(set, &state.pods.owned_by(uid(&set.metadata)), facts, now)
            }),
            Kind::Job => state
                .jobs
                .get(name)
                .map(|job| job::decide(job, &state.pods.owned_by(uid(&job.metadata)), facts, now)),
            Kind::Deployment => state.deployments.get(name).map(|deployment| {
                let sets = state.replica_sets.owned_by(uid(&deployment.metadata));
                let observed = deployment::Observed {
                    deployment,
                    sets: &sets,
                    name_taken: &|set| {
                        let name = Name {
                            namespace: name.namespace.clone(),
                            name: set.to_owned(),
                        };
                        state.replica_sets.get(&name).is_some()
                    },
                    pods_of: &|uid| state.pods.owned_by(uid).len(),
                };
                deployment::decide(&observed, now)
            }),
        };
        decision.unwrap_or_default()
    }

    fn decide_pod(&mut self, name: &Name, now: Timestamp) -> Decision {
        let pod = self.state.pods.get(name).cloned();
        let present = pod.as_ref().and_then(|pod| pod.metadata.uid.as_deref());
        for uid in self.processes.of_name(name) {
            if present != Some(uid.as_str()) {
                // Deleted without asking the node.
                self.processes.stop(&uid, Some(Duration::from_secs(1)));
                if self.reports.get(&uid).is_some_and(|report| report.gone) {
                    self.processes.forget(&uid);
                    self.reports.remove(&uid);
                }
            }
        }
        let Some(pod) = pod else {
            return Decision::default();
        };
        let pod_uid = uid(&pod.metadata).to_owned();
        let observe = |report| pod::Observed {
            pod: &pod,
            report,
            schedules: self.options.controllers || self.options.schedules,
            facts: &self.options.facts,
        };
        let (mut decision, wanted) = pod::decide(&observe(self.reports.get(&pod_uid)), now);
        match wanted {
            Wanted::Leave => {}
            Wanted::Start => {
                if let Some(report) = self.processes.start(&pod) {
                    decision = pod::decide(&observe(Some(&report)), now).0;
                    self.reports.insert(pod_uid, report);
                }
            }
            Wanted::Stop => {
                let grace = pod.metadata.deletion_grace_period_seconds;
                let grace = grace.and_then(|seconds| u64::try_from(seconds).ok());
                self.processes
                    .stop(&pod_uid, grace.map(Duration::from_secs));
            }
        }
        decision
    }
}

fn uid(metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta) -> &str {
    metadata.uid.as_deref().unwrap_or_default()
}

async fn wait_until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
