//! The Klusterlet: the agent's definitions, namespaces and permissions, and its
//! status.
//!
//! Registration and works are other parts of this process; this one prepares
//! the ground for them, tells how the hub is reached, and clears the ground
//! when the Klusterlet goes.

mod cleanup;
mod connection;
mod decide;
mod status;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::json;
use tokio::sync::watch;

use crate::bundle;
use crate::bundle::keep::{self, KeepError, Keeper, Seen};
use crate::k8s::apply::ObjectRef;
use crate::ocm::conditions;
use crate::ocm::names;
use crate::ocm::operator::v1::{Klusterlet, KlusterletStatus};
use crate::runtime::informer::typed;
use crate::runtime::{Backoff, Change, Context, Failure, Informer, Next, Queue, Scope, Tasks};

pub(super) use connection::may_bootstrap;
use decide::{Step, decide};
use status::{Outcome, Part};

/// The field manager of this controller.
const MANAGER: &str = "ocmadm-klusterlet";

/// How it runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// The Klusterlet this process is the agent of.
    pub klusterlet: String,
    /// The namespace of the process, where credentials for images may be.
    pub namespace: String,
    /// Tells when registration finds that the hub has changed its mind.
    pub hub_news: Option<watch::Receiver<()>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            klusterlet: names::KLUSTERLET.to_owned(),
            namespace: names::OPERATOR_NAMESPACE.to_owned(),
            hub_news: None,
        }
    }
}

struct Controller {
    client: Client,
    options: Options,
    klusterlets: Informer<Klusterlet>,
    /// What is kept, by kind.
    kept: Vec<(&'static str, Informer<Seen>)>,
    crds: Keeper,
    components: Keeper,
    /// How often in a row the hub could not be worked with.
    refusals: AtomicU32,
}

/// Runs until the context's shutdown.
pub async fn run(context: Context, options: Options) {
    let ours = format!(
        "{}={}",
        names::LABEL_CREATED_BY_KLUSTERLET,
        options.klusterlet
    );
    let scopes = [
        ("CustomResourceDefinition", Scope::all(keep::definitions())),
        ("Namespace", Scope::of::<Namespace>()),
        ("ClusterRole", Scope::of::<ClusterRole>()),
        ("ClusterRoleBinding", Scope::of::<ClusterRoleBinding>()),
        ("Role", Scope::of::<Role>()),
        ("RoleBinding", Scope::of::<RoleBinding>()),
    ];
    let controller = Arc::new(Controller {
        klusterlets: Informer::new(Scope::of::<Klusterlet>().named(&options.klusterlet)),
        kept: scopes
            .map(|(kind, scope)| (kind, Informer::new(scope.labels(&ours).metadata_only())))
            .into(),
        crds: Keeper::new(context.client.clone(), MANAGER),
        components: Keeper::new(context.client.clone(), MANAGER),
        refusals: AtomicU32::new(0),
        client: context.client.clone(),
        options,
    });
    let queue = || {
        Queue::new(Backoff::new(
            Duration::from_millis(50),
            Duration::from_secs(30),
        ))
    };
    let (klusterlets, connections): (Queue<String>, Queue<String>) = (queue(), queue());
    wire(&controller, &klusterlets, &connections);
    let mut tasks = Tasks::new(context.shutdown.clone());
    tasks.spawn(controller.klusterlets.clone().run(
        context.client.clone(),
        typed::<Klusterlet>,
        context.metrics.clone(),
        context.shutdown.clone(),
    ));
    for (_, informer) in &controller.kept {
        tasks.spawn(informer.clone().run(
            context.client.clone(),
            |object| Ok::<_, std::convert::Infallible>(Seen::of(&object)),
            context.metrics.clone(),
            context.shutdown.clone(),
        ));
    }
    let synced = async {
        controller.klusterlets.synced().await;
        for (_, informer) in &controller.kept {
            informer.synced().await;
        }
    };
    tokio::select! {
        () = context.shutdown.cancelled() => {}
        () = synced => {
            let this = Arc::clone(&controller);
            tasks.controller("klusterlet", &klusterlets, 1, &context.metrics, move |name: String| {
                let controller = Arc::clone(&this);
                async move { controller.reconcile(&name).await }
            });
            let this = Arc::clone(&controller);
            tasks.controller("hubconnection", &connections, 1, &context.metrics, move |name: String| {
                let controller = Arc::clone(&this);
                async move { controller.check_connection(&name).await }
            });
            if let Some(news) = controller.options.hub_news.clone() {
                let heard = listen(Arc::clone(&controller), news, connections.clone());
                let shutdown = context.shutdown.clone();
                tasks.spawn(async move {
                    shutdown.run_until_cancelled(heard).await;
                });
            }
            secrets(&controller, &context, &connections).await;
        }
    }
    tasks.join().await;
}

/// Looks at the connection when registration has news of it: what the hub
/// thinks of the cluster cannot be watched with the identity of a stranger.
async fn listen(
    controller: Arc<Controller>,
    mut news: watch::Receiver<()>,
    connections: Queue<String>,
) {
    while news.changed().await.is_ok() {
        controller.refusals.store(0, Ordering::Relaxed);
        connections.add(controller.options.klusterlet.clone());
    }
}

fn wire(controller: &Arc<Controller>, klusterlets: &Queue<String>, connections: &Queue<String>) {
    let (to, check) = (klusterlets.clone(), connections.clone());
    controller.klusterlets.on_change(move |key, change| {
        // A status that was written is no reason to look again.
        let relevant = match change {
            Change::Applied {
                old: Some(old),
                new,
            } => {
                old.metadata.generation != new.metadata.generation
                    || old.metadata.deletion_timestamp != new.metadata.deletion_timestamp
                    || old.metadata.finalizers != new.metadata.finalizers
                    || old.metadata.labels != new.metadata.labels
            }
            Change::Applied { old: None, .. } | Change::Deleted(_) => true,
        };
        if relevant {
            to.add(key.name.clone());
            check.add(key.name.clone());
        }
        let applied = |klusterlet: &Klusterlet| status::is_applied(klusterlet);
        if let Change::Applied { old, new } = change
            && applied(new)
            && !old.as_deref().is_some_and(applied)
        {
            check.add(key.name.clone());
        }
    });
    for (_, informer) in &controller.kept {
        let to = klusterlets.clone();
        let name = controller.options.klusterlet.clone();
        informer.on_change(move |_, change| {
            let relevant = match change {
                Change::Applied {
                    old: Some(old),
                    new,
                } => old != new,
                Change::Applied { old: None, .. } | Change::Deleted(_) => true,
            };
            if relevant {
                to.add(name.clone());
            }
        });
    }
}

/// Follows the two Secrets in the Klusterlet's namespace, whichever it is.
async fn secrets(controller: &Arc<Controller>, context: &Context, connections: &Queue<String>) {
    let (sender, mut receiver) = watch::channel(None);
    controller.klusterlets.on_change({
        let sender = sender.clone();
        move |_, change| {
            let namespace = change.object().spec.agent_namespace().to_owned();
            sender.send_if_modified(|old| {
                let changed = old.as_ref() != Some(&namespace);
                *old = Some(namespace);
                changed
            });
        }
    });
    if let Some(klusterlet) = controller
        .klusterlets
        .get("", &controller.options.klusterlet)
    {
        sender.send_replace(Some(klusterlet.spec.agent_namespace().to_owned()));
    }
    loop {
        let namespace = receiver.borrow_and_update().clone();
        let below = context.child();
        let mut tasks = Tasks::new(below.shutdown.clone());
        if let Some(namespace) = namespace {
            for name in [
                names::BOOTSTRAP_KUBECONFIG_SECRET,
                names::HUB_KUBECONFIG_SECRET,
            ] {
                // Content is read when it is needed; here only that it changes.
                let scope = Scope::of::<Secret>().namespace(&namespace).named(name);
                let informer: Informer<Seen> = Informer::new(scope.metadata_only());
                let (to, key) = (connections.clone(), controller.options.klusterlet.clone());
                informer.on_change(move |_, _| to.add(key.clone()));
                tasks.spawn(informer.run(
                    below.client.clone(),
                    |object| Ok::<_, std::convert::Infallible>(Seen::of(&object)),
                    below.metrics.clone(),
                    below.shutdown.clone(),
                ));
            }
        }
        let moved = tokio::select! {
            () = context.shutdown.cancelled() => false,
            changed = receiver.changed() => changed.is_ok(),
        };
        below.shutdown.cancel();
        tasks.join().await;
        if !moved {
            return;
        }
    }
}

impl Controller {
    async fn reconcile(&self, name: &str) -> Result<Next, Failure> {
        let Some(klusterlet) = self.klusterlets.get("", name) else {
            return Ok(Next::OnChange);
        };
        match decide(&klusterlet) {
            Step::Nothing => {}
            Step::Finalize => self.finalizer(&klusterlet, true).await?,
            Step::Refuse(why) => {
                self.report(&klusterlet, &Outcome::Refused(why)).await?;
            }
            Step::Apply => {
                let result = self.apply(&klusterlet).await;
                let outcome = match &result {
                    Ok(()) => Outcome::Applied,
                    Err((part, error)) => Outcome::Failed(*part, error),
                };
                self.report(&klusterlet, &outcome).await?;
                result.map_err(|(_, error)| error)?;
                self.clear_old_namespaces(&klusterlet).await?;
            }
            Step::Clean => {
                cleanup::run(self, &klusterlet).await?;
                self.crds.forget();
                self.components.forget();
                self.finalizer(&klusterlet, false).await?;
            }
        }
        Ok(Next::OnChange)
    }

    fn seen(&self, object: &ObjectRef) -> Option<Seen> {
        let (_, informer) = self.kept.iter().find(|(kind, _)| *kind == object.kind)?;
        let seen = informer.get(&object.namespace, &object.name)?;
        Some((*seen).clone())
    }

    async fn apply(&self, klusterlet: &Klusterlet) -> Result<(), (Part, KeepError)> {
        let name = klusterlet.name_any();
        let labels = decide::crd_labels(klusterlet);
        self.crds
            .keep(
                &format!("{labels:?}"),
                |object| self.seen(object),
                || {
                    let mut objects = bundle::agent_crds()?;
                    for object in &mut objects {
                        object.labels_mut().extend(labels.clone());
                    }
                    Ok(objects)
                },
            )
            .await
            .map_err(|error| (Part::Definitions, error))?;
        if decide::has_properties(klusterlet) {
            let properties = bundle::cluster_properties();
            let properties = properties.map_err(|error| (Part::Definitions, error.into()))?;
            keep::install_missing(&self.client, properties)
                .await
                .map_err(|error| (Part::Definitions, error))?;
        }
        let namespace = klusterlet.spec.agent_namespace();
        self.components
            .keep(
                namespace,
                |object| self.seen(object),
                || bundle::agent_components(&name, namespace),
            )
            .await
            .map_err(|error| (Part::Components, error))?;
        self.copy_pull_secret(namespace)
            .await
            .map_err(|error| (Part::Components, error))
    }

    /// Credentials for images go where pods of the agent and of add-ons are.
    async fn copy_pull_secret(&self, namespace: &str) -> Result<(), KeepError> {
        let name = names::IMAGE_PULL_SECRET;
        let read = |source| KeepError::Read {
            name: format!("{}/{name}", self.options.namespace),
            source: Box::new(source),
        };
        let source: Api<Secret> = Api::namespaced(self.client.clone(), &self.options.namespace);
        let Some(secret) = source.get_opt(name).await.map_err(read)? else {
            return Ok(());
        };
        for target in [namespace, names::AGENT_ADDON_NAMESPACE] {
            if target == self.options.namespace {
                continue;
            }
            let copy = json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": name, "namespace": target, "labels": {
                    (names::LABEL_CREATED_BY_KLUSTERLET): self.options.klusterlet,
                }},
                "type": secret.type_, "data": secret.data,
            });
            let api: Api<Secret> = Api::namespaced(self.client.clone(), target);
            api.patch(
                name,
                &PatchParams::apply(MANAGER).force(),
                &Patch::Apply(&copy),
            )
            .await
            .map_err(|source| KeepError::Read {
                name: format!("{target}/{name}"),
                source: Box::new(source),
            })?;
        }
        Ok(())
    }

    /// When the Klusterlet has moved to another namespace, the old one goes.
    async fn clear_old_namespaces(&self, klusterlet: &Klusterlet) -> Result<(), Failure> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let label = format!("{}={}", names::LABEL_KLUSTERLET, klusterlet.name_any());
        let params = kube::api::ListParams::default().labels(&label);
        for old in api.list_metadata(&params).await? {
            let name = old.name_any();
            if name != klusterlet.spec.agent_namespace()
                && old.metadata.deletion_timestamp.is_none()
            {
                tracing::info!(namespace = %name, "the Klusterlet has another namespace now: deleted");
                ignore_missing(api.delete(&name, &DeleteParams::default()).await)?;
            }
        }
        Ok(())
    }

    async fn check_connection(&self, name: &str) -> Result<Next, Failure> {
        let Some(klusterlet) = self.klusterlets.get("", name) else {
            return Ok(Next::OnChange);
        };
        if klusterlet.metadata.deletion_timestamp.is_some() || !status::is_applied(&klusterlet) {
            return Ok(Next::OnChange);
        }
        let verdict = connection::check(&self.client, &klusterlet.spec).await?;
        let works = verdict.works();
        if !works && decide::has_several_hubs(&klusterlet) {
            // Which of them is meant to work is for registration to say.
            return Ok(Next::After(Duration::from_secs(30)));
        }
        let mut new = klusterlet.status.clone().unwrap_or_default();
        let mut condition = verdict.condition();
        condition.observed_generation = klusterlet.metadata.generation;
        conditions::set(&mut new.conditions, condition);
        self.write(&klusterlet, new).await?;
        if works {
            self.refusals.store(0, Ordering::Relaxed);
            return Ok(Next::OnChange);
        }
        // Acceptance happens on the hub and cannot be watched from here.
        let refusals = self.refusals.fetch_add(1, Ordering::Relaxed).min(7);
        Ok(Next::After(
            Duration::from_millis(250 << refusals).min(Duration::from_secs(30)),
        ))
    }

    async fn report(&self, klusterlet: &Klusterlet, outcome: &Outcome<'_>) -> Result<(), Failure> {
        let related = if matches!(outcome, Outcome::Applied) {
            let mut objects = bundle::agent_crds()?;
            objects.extend(bundle::agent_components(
                &klusterlet.name_any(),
                klusterlet.spec.agent_namespace(),
            )?);
            objects.iter().filter_map(decide::related).collect()
        } else {
            let old = klusterlet.status.clone().unwrap_or_default();
            old.related_resources
        };
        let new = status::of(klusterlet, outcome, related);
        self.write(klusterlet, new).await
    }

    /// Writes the status where it differs; guarded, because two controllers do.
    async fn write(&self, klusterlet: &Klusterlet, new: KlusterletStatus) -> Result<(), Failure> {
        if klusterlet.status.as_ref() == Some(&new) {
            return Ok(());
        }
        let api: Api<Klusterlet> = Api::all(self.client.clone());
        let patch = json!({
            "metadata": {"uid": klusterlet.uid(), "resourceVersion": klusterlet.resource_version()},
            "status": new,
        });
        api.patch_status(&klusterlet.name_any(), &params(), &Patch::Merge(&patch))
            .await?;
        Ok(())
    }

    async fn finalizer(&self, klusterlet: &Klusterlet, present: bool) -> Result<(), Failure> {
        let mut finalizers: Vec<String> = klusterlet.finalizers().to_vec();
        finalizers.retain(|finalizer| finalizer != names::FINALIZER_KLUSTERLET);
        if present {
            finalizers.push(names::FINALIZER_KLUSTERLET.to_owned());
        }
        let api: Api<Klusterlet> = Api::all(self.client.clone());
        let patch = json!({"metadata": {
            "uid": klusterlet.uid(),
            "resourceVersion": klusterlet.resource_version(),
            "finalizers": finalizers,
        }});
        let patched = api
            .patch(&klusterlet.name_any(), &params(), &Patch::Merge(&patch))
            .await;
        if present {
            patched?;
        } else {
            ignore_missing(patched)?;
        }
        Ok(())
    }
}

fn params() -> PatchParams {
    PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    }
}

/// That an object is gone already is as good as deleting it.
fn ignore_missing<T>(result: Result<T, kube::Error>) -> Result<(), kube::Error> {
    match result {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        result => result.map(|_| ()),
    }
}

/// An object of a definition's resource by name.
fn definition(name: &str) -> DynamicObject {
    DynamicObject::new(name, &keep::definitions())
}
