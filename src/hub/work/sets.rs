//! Replica sets of works: looks at sets, their works and placements, and
//! carries out what [`plan`](super::plan) decides.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::stream::{self, StreamExt};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, ApiResource, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::json;

use super::garbage;
use super::plan::{self, Plan, Seen, Target};
use super::report::{self, Done};
use super::view::{Decision, Placement, Work};
use crate::ocm::cluster::v1beta1 as clusters;
use crate::ocm::names::{self, FINALIZER_MANIFEST_WORK_REPLICA_SET as FINALIZER};
use crate::ocm::work::v1::{ManifestWork, ManifestWorkSpec};
use crate::ocm::work::v1alpha1::{
    CascadeDeletionPolicy, ManifestWorkReplicaSet, ManifestWorkReplicaSetStatus,
};
use crate::runtime::informer::typed;
use crate::runtime::{
    Backoff, Change, Context, Failure, Informer, Key, Next, Queue, Scope, Tasks, source_chain,
};

/// The field manager of this controller.
const MANAGER: &str = "ocmadm-work";
/// Sets that are looked at at a time.
const WORKERS: usize = 5;
/// Writes of one set at a time.
const WRITES: usize = 16;

/// Works by their set.
type Works = BTreeMap<(String, String), Arc<Work>>;
type Index = HashMap<Key, Works>;

struct Controller {
    client: Client,
    sets: Informer<ManifestWorkReplicaSet>,
    placements: Informer<Placement>,
    decisions: Informer<Decision>,
    works: Mutex<Index>,
}

/// Runs until the context's shutdown.
pub async fn run(context: Context) {
    let works: Informer<Work> =
        Informer::new(Scope::of::<ManifestWork>().labels(names::LABEL_MANIFEST_WORK_REPLICA_SET));
    let controller = Arc::new(Controller {
        client: context.client.clone(),
        sets: Informer::new(Scope::of::<ManifestWorkReplicaSet>()),
        placements: Informer::new(Scope::of::<clusters::Placement>()),
        decisions: Informer::new(
            Scope::of::<clusters::PlacementDecision>().labels(clusters::LABEL_PLACEMENT),
        ),
        works: Mutex::default(),
    });
    let queue: Queue<Key> = Queue::new(Backoff::new(
        Duration::from_millis(50),
        Duration::from_secs(30),
    ));
    wire(&controller, &works, &queue);
    let (metrics, shutdown) = (context.metrics.clone(), context.shutdown.clone());
    let mut tasks = Tasks::new(shutdown.clone());
    let client = || context.client.clone();
    tasks.spawn(controller.sets.clone().run(
        client(),
        typed::<ManifestWorkReplicaSet>,
        metrics.clone(),
        shutdown.clone(),
    ));
    tasks.spawn(
        works
            .clone()
            .run(client(), Work::parse, metrics.clone(), shutdown.clone()),
    );
    tasks.spawn(controller.placements.clone().run(
        client(),
        |object: DynamicObject| Ok::<_, std::convert::Infallible>(Placement::of(&object)),
        metrics.clone(),
        shutdown.clone(),
    ));
    tasks.spawn(controller.decisions.clone().run(
        client(),
        Decision::parse,
        metrics.clone(),
        shutdown.clone(),
    ));
    let synced = async {
        controller.sets.synced().await;
        works.synced().await;
        controller.placements.synced().await;
        controller.decisions.synced().await;
    };
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = synced => {
            let this = Arc::clone(&controller);
            tasks.controller("manifestworkreplicaset", &queue, WORKERS, &metrics, move |key: Key| {
                let controller = Arc::clone(&this);
                async move { controller.reconcile(&key).await }
            });
        }
    }
    tasks.join().await;
}

fn wire(controller: &Arc<Controller>, works: &Informer<Work>, queue: &Queue<Key>) {
    let to = queue.clone();
    controller.sets.on_change(move |key, change| {
        // A status that was written is no reason to look again.
        let relevant = match change {
            Change::Applied {
                old: Some(old),
                new,
            } => {
                let of = |set: &ManifestWorkReplicaSet| {
                    let m = &set.metadata;
                    (
                        m.generation,
                        m.deletion_timestamp.clone(),
                        m.finalizers.clone(),
                    )
                };
                of(old) != of(new) || old.metadata.labels != new.metadata.labels
            }
            Change::Applied { old: None, .. } | Change::Deleted(_) => true,
        };
        if relevant {
            to.add(key.clone());
        }
    });
    let (this, to) = (Arc::downgrade(controller), queue.clone());
    works.on_change(move |_, change| {
        let Some(controller) = this.upgrade() else {
            return;
        };
        let (old, new) = match change {
            Change::Applied { old, new } => (old.as_ref(), Some(new)),
            Change::Deleted(old) => (Some(old), None),
        };
        let set = |work: &Arc<Work>| {
            work.set()
                .map(|(namespace, name)| Key::new(namespace, name))
        };
        let place = |work: &Arc<Work>| (work.namespace.clone(), work.name.clone());
        let (left, entered) = (old.and_then(set), new.and_then(set));
        {
            let mut index = controller.index();
            if let (Some(key), Some(work)) = (&left, old)
                && let Some(works) = index.get_mut(key)
            {
                works.remove(&place(work));
                if works.is_empty() {
                    index.remove(key);
                }
            }
            if let (Some(key), Some(work)) = (&entered, new) {
                let works = index.entry(key.clone()).or_default();
                works.insert(place(work), Arc::clone(work));
            }
        }
        for key in left.into_iter().chain(entered) {
            to.add(key);
        }
    });
    let (this, to) = (Arc::downgrade(controller), queue.clone());
    controller.placements.on_change(move |key, change| {
        if let Change::Applied {
            old: Some(old),
            new,
        } = change
            && old == new
        {
            return;
        }
        if let Some(controller) = this.upgrade() {
            controller.wake(&to, &key.namespace, &key.name);
        }
    });
    let (this, to) = (Arc::downgrade(controller), queue.clone());
    controller.decisions.on_change(move |key, change| {
        if let Change::Applied {
            old: Some(old),
            new,
        } = change
            && old == new
        {
            return;
        }
        if let Some(controller) = this.upgrade() {
            controller.wake(&to, &key.namespace, &change.object().placement);
        }
    });
}

impl Controller {
    fn index(&self) -> std::sync::MutexGuard<'_, Index> {
        self.works.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the sets that refer to this placement.
    fn wake(&self, queue: &Queue<Key>, namespace: &str, placement: &str) {
        let refers = |set: &ManifestWorkReplicaSet| {
            set.spec.placement_refs.iter().any(|r| r.name == placement)
        };
        let sets = self
            .sets
            .filter(|key, set| key.namespace == namespace && refers(set));
        for (key, _) in sets {
            queue.add(key);
        }
    }

    fn api(&self, namespace: &str) -> Api<ManifestWorkReplicaSet> {
        Api::namespaced(self.client.clone(), namespace)
    }

    fn works(&self, key: &Key) -> Vec<Arc<Work>> {
        let index = self.index();
        let works = index.get(key).into_iter().flat_map(BTreeMap::values);
        works.cloned().collect()
    }

    async fn reconcile(&self, key: &Key) -> Result<Next, Failure> {
        let Some(set) = self.sets.get(&key.namespace, &key.name) else {
            return Ok(Next::OnChange);
        };
        if set.metadata.deletion_timestamp.is_some() {
            return self.finalize(key, &set).await;
        }
        if !set.finalizers().iter().any(|f| f == FINALIZER) {
            // Its change brings the set back here.
            self.set_finalizer(&set, true).await?;
            return Ok(Next::OnChange);
        }
        let old = set.status.clone().unwrap_or_default();
        if let Err(message) = plan::owner_label(&key.namespace, &key.name) {
            self.write_status(&set, report::invalid_name(&old, message))
                .await?;
            return Ok(Next::OnChange);
        }
        let works = self.works(key);
        let plan = plan::plan(&set, &works, &self.placements(&set), Timestamp::now());
        let (done, failed) = self
            .carry_out(&set.spec.manifest_work_template, &plan)
            .await;
        self.write_status(&set, report::status(&old, &plan, &done))
            .await?;
        match failed {
            Some(error) => Err(error),
            None => Ok(plan.recheck.map_or(Next::OnChange, Next::After)),
        }
    }

    fn placements(&self, set: &ManifestWorkReplicaSet) -> BTreeMap<String, Seen> {
        let namespace = set.namespace().unwrap_or_default();
        let refs = set.spec.placement_refs.iter();
        refs.map(|reference| {
            let decisions = self.decisions.filter(|key, decision| {
                key.namespace == namespace && decision.placement == reference.name
            });
            let seen = Seen {
                placement: self
                    .placements
                    .get(&namespace, &reference.name)
                    .map(|placement| *placement),
                decisions: decisions.into_iter().map(|(_, d)| d).collect(),
            };
            (reference.name.clone(), seen)
        })
        .collect()
    }

    /// Writes what the plan says. What came of it, and one of its failures.
    async fn carry_out(
        &self,
        template: &ManifestWorkSpec,
        plan: &Plan,
    ) -> (Vec<Done>, Option<Failure>) {
        enum Write {
            Create(Target),
            Update(Arc<Work>, BTreeMap<String, String>),
            Delete(Arc<Work>),
        }
        let mut writes: Vec<(usize, Write)> = Vec::new();
        let beyond = plan.placements.len();
        for work in &plan.delete {
            writes.push((beyond, Write::Delete(Arc::clone(work))));
        }
        for (i, of) in plan.placements.iter().enumerate() {
            for work in &of.delete {
                writes.push((i, Write::Delete(Arc::clone(work))));
            }
            for target in &of.create {
                writes.push((i, Write::Create(target.clone())));
            }
            for (work, labels) in &of.update {
                writes.push((i, Write::Update(Arc::clone(work), labels.clone())));
            }
        }
        let results: Vec<_> = stream::iter(writes)
            .map(|(i, write)| async move {
                let (what, cluster, result) = match write {
                    Write::Create(target) => {
                        let result = self.create(template, &target).await;
                        ("create", target.cluster, result)
                    }
                    Write::Update(work, labels) => {
                        let result = self.update(template, &work, &labels).await;
                        ("update", work.namespace.clone(), result)
                    }
                    Write::Delete(work) => {
                        let client = self.client.clone();
                        let result =
                            garbage::delete(client, &work.namespace, &work.name, &work.uid).await;
                        ("delete", work.namespace.clone(), result.map(|_| ()))
                    }
                };
                (i, what, cluster, result)
            })
            .buffer_unordered(WRITES)
            .collect()
            .await;
        let mut done = vec![Done::default(); beyond + 1];
        let mut failed = None;
        for (i, what, cluster, result) in results {
            let of = &mut done[i];
            match (what, result) {
                ("create", Ok(())) => of.created += 1,
                ("update", Ok(())) => of.updated += 1,
                (_, Ok(())) => {}
                (what, Err(error)) => {
                    let causes = source_chain(error.as_ref());
                    let text = format!("cannot {what} the work of cluster {cluster}: {causes}");
                    of.errors.push(text);
                    failed = Some(error);
                }
            }
        }
        (done, failed)
    }

    async fn create(&self, template: &ManifestWorkSpec, target: &Target) -> Result<(), Failure> {
        let api = works_in(&self.client, &target.cluster);
        let mut object = DynamicObject::new(&target.name, &resource());
        object.metadata.labels = Some(target.labels.clone());
        object.data = json!({"spec": template});
        let params = PostParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PostParams::default()
        };
        match api.create(&params, &object).await {
            Ok(_) => Ok(()),
            // Created a moment ago, and not seen in the watch yet.
            Err(kube::Error::Api(status)) if status.is_already_exists() => {
                let live = api.get_metadata(&target.name).await?;
                if live.labels() == &target.labels {
                    Ok(())
                } else {
                    Err(kube::Error::Api(status).into())
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn update(
        &self,
        template: &ManifestWorkSpec,
        work: &Work,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), Failure> {
        // The version makes it fail where someone else was faster.
        let mut operations = vec![
            json!({"op": "replace", "path": "/metadata/resourceVersion", "value": work.version}),
            json!({"op": "add", "path": "/metadata/labels", "value": labels}),
            json!({"op": "add", "path": "/spec", "value": template}),
        ];
        if !work.plain {
            for list in ["annotations", "ownerReferences"] {
                let path = format!("/metadata/{list}");
                // As empty as they should be.
                let empty = if list == "annotations" {
                    json!({})
                } else {
                    json!([])
                };
                operations.push(json!({"op": "add", "path": path, "value": empty}));
            }
        }
        let patch: json_patch::Patch = serde_json::from_value(operations.into())?;
        works_in(&self.client, &work.namespace)
            .patch(&work.name, &params(), &Patch::<()>::Json(patch))
            .await?;
        Ok(())
    }

    async fn write_status(
        &self,
        set: &ManifestWorkReplicaSet,
        status: ManifestWorkReplicaSetStatus,
    ) -> Result<(), Failure> {
        if set.status.as_ref() == Some(&status) {
            return Ok(());
        }
        // Counts that are zero are left out: those that were not must be removed.
        let mut value = json!(status);
        let old = json!(set.status.clone().unwrap_or_default());
        if let (Some(new), Some(old)) =
            (value["summary"].as_object_mut(), old["summary"].as_object())
        {
            for key in old.keys() {
                new.entry(key.as_str()).or_insert(serde_json::Value::Null);
            }
        }
        if value["placementSummary"].is_null() {
            value["placementSummary"] = json!([]);
        }
        let patch = json!({"metadata": {"uid": set.uid()}, "status": value});
        let api = self.api(&set.namespace().unwrap_or_default());
        match api
            .patch_status(&set.name_any(), &params(), &Patch::Merge(&patch))
            .await
        {
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            result => Ok(result.map(|_| ())?),
        }
    }

    async fn set_finalizer(
        &self,
        set: &ManifestWorkReplicaSet,
        present: bool,
    ) -> Result<(), Failure> {
        let mut finalizers: Vec<String> = set.finalizers().to_vec();
        finalizers.retain(|finalizer| finalizer != FINALIZER);
        if present {
            finalizers.push(FINALIZER.to_owned());
        }
        let patch = json!({"metadata": {
            "uid": set.uid(),
            "resourceVersion": set.resource_version(),
            "finalizers": finalizers,
        }});
        let api = self.api(&set.namespace().unwrap_or_default());
        match api
            .patch(&set.name_any(), &params(), &Patch::Merge(&patch))
            .await
        {
            Err(kube::Error::Api(status)) if status.is_not_found() && !present => Ok(()),
            result => Ok(result.map(|_| ())?),
        }
    }

    /// Deletes the works of a set that goes; with Foreground it waits for them.
    async fn finalize(&self, key: &Key, set: &ManifestWorkReplicaSet) -> Result<Next, Failure> {
        if !set.finalizers().iter().any(|f| f == FINALIZER) {
            return Ok(Next::OnChange);
        }
        let waits = set.spec.cascade_deletion_policy == CascadeDeletionPolicy::Foreground;
        let known = self.works(key);
        let going = |works: &[Arc<Work>]| works.iter().all(|work| work.deleting);
        if waits && !known.is_empty() && going(&known) {
            // Their end is told.
            return Ok(Next::OnChange);
        }
        // The watch may be behind: asked once, what there is.
        let mut left = 0_usize;
        if let Ok(label) = plan::owner_label(&key.namespace, &key.name) {
            let selector = format!("{}={label}", names::LABEL_MANIFEST_WORK_REPLICA_SET);
            let all: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource());
            let list = all
                .list_metadata(&ListParams::default().labels(&selector))
                .await?;
            left = list.items.len();
            let results: Vec<_> = stream::iter(list.items)
                .filter(|work| std::future::ready(work.metadata.deletion_timestamp.is_none()))
                .map(|work| {
                    let client = self.client.clone();
                    async move {
                        let (namespace, uid) = (work.namespace(), work.uid());
                        let namespace = namespace.unwrap_or_default();
                        let uid = uid.unwrap_or_default();
                        garbage::delete(client, &namespace, &work.name_any(), &uid).await
                    }
                })
                .buffer_unordered(WRITES)
                .collect()
                .await;
            for result in results {
                result?;
            }
        }
        if waits && left > 0 {
            return Ok(Next::After(Duration::from_secs(1)));
        }
        self.set_finalizer(set, false).await?;
        Ok(Next::OnChange)
    }
}

fn resource() -> ApiResource {
    ApiResource::erase::<ManifestWork>(&())
}

fn works_in(client: &Client, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, &resource())
}

fn params() -> PatchParams {
    PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    }
}
