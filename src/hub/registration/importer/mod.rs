//! Clusters that Cluster API made get an agent (gate ClusterImporter; protocol,
//! section 4.11): a ManagedCluster whose Cluster is provisioned is given what
//! `join` would install, by the kubeconfig that Cluster API keeps of it.
//!
//! Which ManagedCluster is which Cluster is said by an annotation that only
//! administrators of the hub can set: the webhooks refuse it from agents.

pub mod decide;
pub mod render;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Secret, ServiceAccount};
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, PostParams};
use serde_json::json;

use crate::hub::gated;
use crate::k8s::apply::Applier;
use crate::k8s::client;
use crate::k8s::discovery::Discovery;
use crate::ocm::{conditions, names};
use crate::runtime::{
    Backoff, Change, Context, Failure, Informer, Key, Next, Queue, Scope, Tasks, source_chain,
};

use super::apply;
use decide::{Cluster, Failed, Made, Step};
use render::{Address, Data};

/// How long one import may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long until a Secret that is not there is looked for again.
const LATER: Duration = Duration::from_secs(30);
/// How long the token lasts with which the agent asks for its certificate.
const TOKEN_SECONDS: i64 = 24 * 3600;
/// What is applied by it is applied as `join` does.
const FIELD_MANAGER: &str = "ocmadm";

/// Runs until the context's shutdown, while the gate is on.
pub async fn run(context: Context) {
    let wanted = |manager: &DynamicObject| gated::registers(manager, "ClusterImporter");
    gated::run(context, wanted, |wanted, context, tasks| {
        if *wanted {
            tasks.spawn(keep(context.clone()));
        }
    })
    .await;
}

/// The resource of Cluster API's Clusters.
#[must_use]
pub fn made() -> ApiResource {
    apply::resource("cluster.x-k8s.io", "v1beta1", "Cluster", "clusters")
}

struct Importer {
    client: Client,
    clusters: Informer<Cluster>,
    made: Informer<Made>,
}

async fn keep(context: Context) {
    let importer = Arc::new(Importer {
        client: context.client.clone(),
        clusters: Informer::new(Scope::all(apply::clusters())),
        made: Informer::new(Scope::all(made())),
    });
    let queue: Queue<String> = Queue::new(Backoff::new(
        Duration::from_millis(500),
        Duration::from_secs(60),
    ));
    wire(&importer, &queue);
    let mut tasks = Tasks::new(context.shutdown.clone());
    let (metrics, shutdown) = (&context.metrics, &context.shutdown);
    tasks.spawn(importer.clusters.clone().run(
        context.client.clone(),
        Cluster::parse,
        metrics.clone(),
        shutdown.clone(),
    ));
    tasks.spawn(importer.made.clone().run(
        context.client.clone(),
        |object: DynamicObject| Ok::<_, std::convert::Infallible>(Made::of(&object)),
        metrics.clone(),
        shutdown.clone(),
    ));
    let synced = async {
        importer.clusters.synced().await;
        importer.made.synced().await;
    };
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = synced => {
            let this = Arc::clone(&importer);
            tasks.controller("clusterimporter", &queue, 4, metrics, move |name: String| {
                let importer = Arc::clone(&this);
                async move { importer.reconcile(&name).await }
            });
        }
    }
    tasks.join().await;
}

fn wire(importer: &Arc<Importer>, queue: &Queue<String>) {
    let to = queue.clone();
    importer.clusters.on_change(move |key, change| {
        // Its own conditions change with every lease that ends: none of it.
        if let Change::Applied {
            old: Some(old),
            new,
        } = change
            && (old.deleting, &old.made) == (new.deleting, &new.made)
            && decide::settled(old) == decide::settled(new)
        {
            return;
        }
        to.add(key.name.clone());
    });
    let (this, to) = (Arc::downgrade(importer), queue.clone());
    importer.made.on_change(move |key, _| {
        let Some(importer) = this.upgrade() else {
            return;
        };
        let of = importer
            .clusters
            .filter(|_, cluster| cluster.made.as_ref() == Some(key));
        for (cluster, _) in of {
            to.add(cluster.name);
        }
    });
}

impl Importer {
    async fn reconcile(&self, name: &str) -> Result<Next, Failure> {
        let Some(cluster) = self.clusters.get("", name) else {
            return Ok(Next::OnChange);
        };
        let Some(key) = &cluster.made else {
            return Ok(Next::OnChange);
        };
        let made = self.made.get(&key.namespace, &key.name);
        let outcome = match decide::step(&cluster, made.as_deref().copied()) {
            Step::Nothing => return Ok(Next::OnChange),
            Step::Wait => Err(Failed::NoKubeconfig),
            Step::Import => match tokio::time::timeout(PATIENCE, self.import(name, key)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(Failed::Import(format!(
                    "it took more than {} s",
                    PATIENCE.as_secs()
                ))),
            },
        };
        if outcome.is_ok() {
            tracing::info!(cluster = %name, made = %key, "imported: the agent is installed");
        }
        self.tell(name, &cluster, outcome.as_ref()).await?;
        match outcome {
            Ok(()) => Ok(Next::OnChange),
            Err(Failed::NoKubeconfig) => Ok(Next::After(LATER)),
            Err(failed) => Err(failed.into()),
        }
    }

    async fn import(&self, name: &str, key: &Key) -> Result<(), Failed> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), &key.namespace);
        let secret = secrets
            .get_opt(&format!("{}-kubeconfig", key.name))
            .await
            .map_err(|error| Failed::Kubeconfig(source_chain(&error)))?
            .ok_or(Failed::NoKubeconfig)?;
        let way = render::way(&secret.data.unwrap_or_default())?;
        let there = client::connect_with(way, None)
            .await
            .map_err(|error| Failed::Kubeconfig(source_chain(&error)))?
            .client;
        let objects = self.objects(name).await?;
        let discovery = Discovery::new(there.clone());
        Applier::new(there, discovery, FIELD_MANAGER)
            .apply(&objects, |_| {})
            .await
            .map_err(|error| Failed::Import(source_chain(&error)))?;
        Ok(())
    }

    /// What is to be installed.
    async fn objects(&self, name: &str) -> Result<Vec<DynamicObject>, Failed> {
        let failed = |what: &str| {
            let what = what.to_owned();
            move |error: kube::Error| Failed::Render(format!("{what}: {}", source_chain(&error)))
        };
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), name);
        let values = secrets
            .get_opt(render::CONFIG_SECRET)
            .await
            .map_err(failed(render::CONFIG_SECRET))?;
        let values: Option<Data> = values.map(|secret| secret.data.unwrap_or_default());
        let maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), "kube-public");
        let info = maps
            .get_opt("cluster-info")
            .await
            .map_err(failed("kube-public/cluster-info"))?;
        let hub = Address::read(&info.and_then(|map| map.data).unwrap_or_default())?;
        // The agent is the same program as this hub.
        let deployments: Api<Deployment> =
            Api::namespaced(self.client.clone(), names::OPERATOR_NAMESPACE);
        let image = deployments
            .get(names::CLUSTER_MANAGER)
            .await
            .map_err(failed("the hub's own Deployment"))?
            .spec
            .and_then(|spec| spec.template.spec?.containers.into_iter().next()?.image)
            .ok_or_else(|| Failed::Render("the hub's own Deployment names no image".to_owned()))?;
        let token = self
            .token()
            .await
            .map_err(failed("a bootstrap token"))?
            .ok_or_else(|| Failed::Render("the hub's API server issued no token".to_owned()))?;
        render::objects(name, &image, &hub, &token, values.as_ref())
    }

    async fn token(&self) -> Result<Option<String>, kube::Error> {
        let accounts: Api<ServiceAccount> =
            Api::namespaced(self.client.clone(), names::OPERATOR_NAMESPACE);
        let request = TokenRequest {
            spec: Some(TokenRequestSpec {
                expiration_seconds: Some(TOKEN_SECONDS),
                ..TokenRequestSpec::default()
            }),
            ..TokenRequest::default()
        };
        let answer = accounts
            .create_token_request(
                names::BOOTSTRAP_SERVICE_ACCOUNT,
                &PostParams::default(),
                &request,
            )
            .await?;
        let token = answer.status.and_then(|status| status.token);
        Ok(token.filter(|token| !token.is_empty()))
    }

    /// Writes the condition, where it is another.
    async fn tell(
        &self,
        name: &str,
        cluster: &Cluster,
        outcome: Result<&(), &Failed>,
    ) -> Result<(), Failure> {
        let mut all = cluster.conditions.clone();
        if !conditions::set(&mut all, decide::condition(outcome.err())) {
            return Ok(());
        }
        let mut meta = cluster.meta.clone();
        let patch = json!({"status": {"conditions": all}});
        let told = apply::patch_cluster(&self.client, name, &mut meta, patch, true).await;
        match told {
            Err(error) if apply::is_not_found(&error) => Ok(()),
            told => Ok(told?),
        }
    }
}
