//! `ocmadm accept`: lets clusters that asked into the hub.

pub mod check;
pub mod mark;

use futures::StreamExt;
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use kube::api::{ListParams, Patch};
use kube::core::DynamicObject;
use kube::runtime::watcher;
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use tokio::time::Instant;

use self::check::{Verdict, judge};
use self::mark::MarkArgs;
use crate::cmd::args::choose::selector_of_set;
use crate::cmd::args::{Choice, ClustersArgs, GlobalArgs};
use crate::cmd::explain::{Doing, server_error, wait_error};
use crate::cmd::{connect, deadline, program, resources, same_cluster};
use crate::error::{CommandError, Kind};
use crate::k8s::client::{Connection, Failure};
use crate::k8s::wait::{self, Objects, State};
use crate::ocm::names;
use crate::ui::Ui;
use crate::ui::progress::{Progress, Step};

/// Arguments of `ocmadm accept`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    #[command(flatten)]
    clusters: ClustersArgs,

    /// Also wait until the clusters have joined
    #[arg(long)]
    wait: bool,

    /// Approve requests of users that are no bootstrap identity of this hub
    #[arg(long)]
    skip_approve_check: bool,

    /// Approve requests for these users only (common names), separated by commas
    #[arg(long, value_name = "CN,...", value_delimiter = ',')]
    requesters: Vec<String>,

    #[command(flatten)]
    marks: MarkArgs,
}

/// How many clusters are accepted at once.
const CONCURRENCY: usize = 8;

/// Runs the command.
///
/// # Errors
/// No hub there, no permission, or a cluster that did not ask in time.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let choice = args.clusters.choice();
    if choice.is_empty() {
        return Err(Choice::missing());
    }
    args.marks.check()?;
    let hub = connect(global).await?;
    if let Some(set) = &args.marks.into_set {
        selector_of_set(&hub, set).await?;
    }
    // Names are not looked up: these clusters may still have to ask.
    let clusters = if choice.by_property() {
        choice.find(&hub).await?.names
    } else {
        choice.names
    };
    let (accepted, failed) = {
        let progress = ui.progress();
        let accept = Accept {
            hub: &hub,
            args,
            dry_run: global.dry_run,
            on_server: global.dry_run_on_server,
            until: deadline(global.timeout),
            progress: &progress,
        };
        accept.all(&clusters, ui).await?
    };
    if !failed.is_empty() {
        return Err(summary(failed, clusters.len(), ui));
    }
    if !global.dry_run {
        ui.hint(&format!(
            "to send work there: `{} create work NAME -f DIR --clusters {}{}`",
            program(),
            accepted.join(","),
            same_cluster(global)
        ));
    }
    Ok(())
}

/// Accepts one cluster, as soon as it asks, for `join --accept`.
///
/// # Errors
/// No permission, or a cluster that did not ask (with `wait`: join) in time.
pub async fn one(
    hub: &Connection,
    cluster: &str,
    marks: &MarkArgs,
    wait: bool,
    until: Instant,
    progress: &Progress<'_>,
) -> Result<(), CommandError> {
    let args = Args {
        marks: marks.clone(),
        clusters: ClustersArgs::default(),
        wait,
        skip_approve_check: false,
        requesters: Vec::new(),
    };
    let accept = Accept {
        hub,
        args: &args,
        dry_run: false,
        on_server: false,
        until,
        progress,
    };
    accept.one(cluster).await.map(drop)
}

/// One failure is itself; of several, each is told and the first decides the code.
fn summary(mut failed: Failed<'_>, asked: usize, ui: &Ui) -> CommandError {
    if failed.len() == 1 && asked == 1 {
        return failed.remove(0).1;
    }
    let kind = failed.first().map_or(Kind::User, |(_, error)| error.kind());
    let names: Vec<&str> = failed.iter().map(|(cluster, _)| *cluster).collect();
    let message = format!(
        "{} of {asked} clusters not accepted: {}",
        failed.len(),
        names.join(", ")
    );
    for (_, error) in &failed {
        ui.failure(&error.render());
    }
    CommandError::new(kind, message)
}

struct Accept<'a> {
    hub: &'a Connection,
    args: &'a Args,
    dry_run: bool,
    /// In a dry run: whether the server checks what would be sent.
    on_server: bool,
    until: Instant,
    progress: &'a Progress<'a>,
}

/// What the requests of a cluster amount to.
#[derive(Debug, PartialEq, Eq)]
enum Decision {
    /// Approve these (name, requester).
    Approve(Vec<(String, String)>),
    /// They are approved already.
    Done(Vec<String>),
}

type Failed<'n> = Vec<(&'n str, CommandError)>;

impl Accept<'_> {
    /// Accepts clusters concurrently, prints results in the order given; who
    /// was accepted and who was not.
    async fn all<'n>(
        &self,
        clusters: &'n [String],
        ui: &Ui,
    ) -> Result<(Vec<&'n str>, Failed<'n>), CommandError> {
        let mut results = futures::stream::iter(clusters)
            .map(|cluster| async move { (cluster.as_str(), self.one(cluster).await) })
            .buffered(CONCURRENCY);
        let (mut accepted, mut failed) = (Vec::new(), Vec::new());
        while let Some((cluster, result)) = results.next().await {
            match result {
                Ok(lines) => {
                    for line in lines {
                        ui.result_line(&line)?;
                    }
                    accepted.push(cluster);
                }
                Err(error) => failed.push((cluster, error)),
            }
        }
        Ok((accepted, failed))
    }

    /// Accepts one cluster; the lines to print.
    async fn one(&self, cluster: &str) -> Result<Vec<String>, CommandError> {
        let step = self.progress.step(format!("Accepting {cluster}"));
        let managed = self.wait_for_cluster(cluster, &step).await?;
        let accepted = managed.data.pointer("/spec/hubAcceptsClient") == Some(&Value::Bool(true));
        let brought = self.args.marks.unexpected(&managed);
        if !accepted && !brought.is_empty() {
            self.progress.warning(&format!(
                "{cluster} comes with labels, by which cluster sets and placements may choose it: {}",
                brought.join(", ")
            ));
        }
        let mut lines = Vec::new();
        match self.wait_for_request(cluster, &managed, &step).await? {
            Decision::Approve(requests) => {
                lines.push(format!("Starting approve csrs for the cluster {cluster}"));
                for (name, _) in &requests {
                    if self.sends() {
                        self.approve(name).await?;
                    }
                    lines.push(format!("CSR {name} approved"));
                }
            }
            Decision::Done(names) => {
                lines.extend(
                    names
                        .iter()
                        .map(|name| format!("CSR {name} already approved")),
                );
            }
        }
        if accepted {
            lines.push(format!(
                "hubAcceptsClient already set for managed cluster {cluster}"
            ));
        } else {
            if self.sends() {
                self.admit(cluster).await?;
            }
            lines.push(format!(
                "set hubAcceptsClient to true for managed cluster {cluster}"
            ));
        }
        if let Some(line) = self.mark(cluster, &managed).await? {
            lines.push(line);
        }
        if self.args.wait && !self.dry_run {
            self.wait_until_joined(cluster, &step).await?;
        }
        if self.dry_run {
            let how = match self.on_server {
                true => "server dry run",
                false => "dry run",
            };
            lines.push(format!("Nothing was changed for {cluster} ({how})"));
        } else {
            lines.push(format!(
                "Your managed cluster {cluster} has joined the Hub successfully."
            ));
        }
        step.done();
        Ok(lines)
    }

    /// The ManagedCluster, as soon as it exists.
    async fn wait_for_cluster(
        &self,
        cluster: &str,
        step: &Step<'_>,
    ) -> Result<DynamicObject, CommandError> {
        let api = resources::all(&self.hub.client, &resources::managed_cluster());
        // A look first: it tells an unreachable server and a missing type at once.
        match self.hub.call(api.get(cluster)).await {
            Ok(found) => return Ok(found),
            Err(error) => match &error.failure {
                Failure::NotFound(text) if !crate::cmd::explain::is_missing_type(text) => {}
                _ => {
                    return Err(server_error(
                        error,
                        &format!("read managed cluster {cluster}"),
                    ));
                }
            },
        }
        let missing = "it has not asked to join yet";
        step.waiting(missing);
        let found = wait::until_object(
            api,
            cluster,
            self.until,
            |object: Option<&DynamicObject>| match object {
                Some(found) => State::Met(found.clone()),
                None => State::Waiting(missing.to_owned()),
            },
            |detail| step.waiting(detail),
        )
        .await;
        found.map_err(|error| {
            wait_error(error, self.hub, &format!("managed cluster {cluster}"))
                .hint(format!(
                    "join it first: `{} get token` on the hub prints the command to run there",
                    program()
                ))
                .hint(format!(
                    "`{} get clusters` lists the clusters that asked",
                    program()
                ))
        })
    }

    async fn hub_admits_by_arn(&self) -> Result<bool, CommandError> {
        let managers = resources::all(&self.hub.client, &resources::cluster_manager());
        let managers = self
            .hub
            .call_opt(managers.list(&ListParams::default()))
            .await;
        let managers = managers.doing("read the registration drivers of the hub")?;
        let by_arn = managers.iter().flatten().any(|manager| {
            manager
                .data
                .pointer("/spec/registrationConfiguration/registrationDrivers")
                .and_then(Value::as_array)
                .is_some_and(|drivers| drivers.iter().any(|d| d["authType"] == "awsirsa"))
        });
        Ok(by_arn)
    }

    /// Its signing requests, as soon as there is one to approve (or none is needed).
    async fn wait_for_request(
        &self,
        cluster: &str,
        managed: &DynamicObject,
        step: &Step<'_>,
    ) -> Result<Decision, CommandError> {
        let joined = resources::condition(&managed.data, "ManagedClusterJoined") == "True";
        let by_arn = managed
            .annotations()
            .contains_key("agent.open-cluster-management.io/managed-cluster-arn");
        // Whoever may join can write the annotation: it counts only where the hub
        // admits clusters by ARN.
        if by_arn && self.hub_admits_by_arn().await? {
            return Ok(Decision::Done(Vec::new()));
        }
        let api: Api<CertificateSigningRequest> = Api::all(self.hub.client.clone());
        let label = format!("{}={cluster}", names::LABEL_CLUSTER_NAME);
        let config = watcher::Config::default().labels(&label);
        let until = if self.dry_run {
            // A plan says what would be done now.
            Instant::now() + std::time::Duration::from_secs(5).min(self.until - Instant::now())
        } else {
            self.until
        };
        let decision = wait::until(
            api,
            config,
            until,
            |requests| decide(requests, cluster, joined, self.args),
            |detail| step.waiting(detail),
        )
        .await;
        decision.map_err(|error| {
            wait_error(error, self.hub, &format!("a signing request of {cluster}"))
                .hint("see whether the agent runs on the managed cluster: it makes the request")
        })
    }

    /// Whether changes are sent: to be made, or to be checked.
    fn sends(&self) -> bool {
        !self.dry_run || self.on_server
    }

    async fn approve(&self, name: &str) -> Result<(), CommandError> {
        let doing = format!("approve the signing request {name}");
        let api: Api<CertificateSigningRequest> = Api::all(self.hub.client.clone());
        // Somebody else's condition must not be lost: read, add, write that version.
        for attempt in 0..3 {
            let current = self
                .hub
                .call(api.get_approval(name))
                .await
                .map_err(|error| server_error(error, &doing))?;
            let mut conditions: Vec<Value> = current
                .status
                .iter()
                .flat_map(|status| status.conditions.iter().flatten())
                .filter_map(|condition| serde_json::to_value(condition).ok())
                .collect();
            if conditions.iter().any(|c| c["type"] == "Approved") {
                return Ok(());
            }
            let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
            conditions.push(json!({
                "type": "Approved",
                "status": "True",
                "reason": "OcmadmApprove",
                "message": "This CSR was approved by `ocmadm accept`.",
                "lastUpdateTime": now.to_string(),
            }));
            let patch = json!({
                "metadata": {"resourceVersion": current.metadata.resource_version},
                "status": {"conditions": conditions},
            });
            let sent = self
                .hub
                .call(api.patch_approval(
                    name,
                    &resources::patching(self.dry_run),
                    &Patch::Merge(patch),
                ))
                .await;
            match sent {
                Ok(_) => return Ok(()),
                Err(error) if attempt < 2 && matches!(error.failure, Failure::Conflict(_)) => {}
                Err(error) => return Err(server_error(error, &doing)),
            }
        }
        Ok(())
    }

    async fn admit(&self, cluster: &str) -> Result<(), CommandError> {
        let api = resources::all(&self.hub.client, &resources::managed_cluster());
        let patch = Patch::Merge(json!({"spec": {"hubAcceptsClient": true}}));
        self.hub
            .call(api.patch(cluster, &resources::patching(self.dry_run), &patch))
            .await
            .map_err(|error| server_error(error, &format!("accept managed cluster {cluster}")))?;
        Ok(())
    }

    /// Labels, taints and set, where they are not as they shall be. The object is
    /// read again if somebody was quicker.
    async fn mark(
        &self,
        cluster: &str,
        managed: &DynamicObject,
    ) -> Result<Option<String>, CommandError> {
        if self.args.marks.is_empty() {
            return Ok(None);
        }
        let doing = format!("label managed cluster {cluster}");
        let api = resources::all(&self.hub.client, &resources::managed_cluster());
        let mut current = managed.clone();
        for attempt in 0..3 {
            if attempt > 0 || !self.dry_run {
                // Accepting it has changed it.
                let found = self.hub.call(api.get(cluster)).await;
                current = found.map_err(|error| server_error(error, &doing))?;
            }
            let value = serde_json::to_value(&current).unwrap_or_default();
            let Some(patch) = self.args.marks.patch(&value) else {
                return Ok(None);
            };
            if !self.sends() {
                break;
            }
            let (params, patch) = (resources::patching(self.dry_run), Patch::Merge(patch));
            match self.hub.call(api.patch(cluster, &params, &patch)).await {
                Ok(_) => break,
                Err(error) if attempt < 2 && matches!(error.failure, Failure::Conflict(_)) => {}
                Err(error) => return Err(server_error(error, &doing)),
            }
        }
        Ok(Some(format!(
            "set labels, taints and cluster set of managed cluster {cluster}"
        )))
    }

    async fn wait_until_joined(&self, cluster: &str, step: &Step<'_>) -> Result<(), CommandError> {
        let api = resources::all(&self.hub.client, &resources::managed_cluster());
        wait::until_object(
            api,
            cluster,
            self.until,
            |object: Option<&DynamicObject>| match object {
                None => State::Failed("it was deleted".to_owned()),
                Some(found) => joined_state(&found.data),
            },
            |detail| step.waiting(detail),
        )
        .await
        .map_err(|error| wait_error(error, self.hub, &format!("{cluster} to join")))
    }
}

fn joined_state(cluster: &Value) -> State<()> {
    for (kind, missing) in [
        (
            "HubAcceptedManagedCluster",
            "the hub prepares its namespace",
        ),
        ("ManagedClusterJoined", "its agent has not joined yet"),
        (
            "ManagedClusterConditionAvailable",
            "its agent has not reported yet",
        ),
    ] {
        if resources::condition(cluster, kind) != "True" {
            return State::Waiting(missing.to_owned());
        }
    }
    State::Met(())
}

/// What to do about the requests that carry a cluster's label.
fn decide(
    requests: &Objects<CertificateSigningRequest>,
    cluster: &str,
    joined: bool,
    args: &Args,
) -> State<Decision> {
    let mut approve: Vec<(String, String)> = Vec::new();
    let mut done = Vec::new();
    let mut refused = Vec::new();
    for (name, request) in requests {
        if request.labels().contains_key(names::LABEL_ADDON_NAME) {
            continue;
        }
        match judge(request, cluster, args.skip_approve_check) {
            Verdict::Approve { requester } => {
                if args.requesters.is_empty() || args.requesters.contains(&requester) {
                    approve.push((name.clone(), requester));
                } else {
                    refused.push(format!(
                        "CSR {name}: its user {requester} is not among --requesters"
                    ));
                }
            }
            Verdict::Approved { .. } => done.push(name.clone()),
            Verdict::Denied => refused.push(format!("CSR {name} already denied")),
            Verdict::Refuse(why) => refused.push(format!("CSR {name} is not approved: {why}")),
        }
    }
    let mut requesters: Vec<&str> = approve.iter().map(|(_, cn)| cn.as_str()).collect();
    requesters.sort_unstable();
    requesters.dedup();
    if requesters.len() > 1 {
        return State::Failed(format!(
            "there are CSRs of different requesters: {}; choose with --requesters",
            requesters.join(", ")
        ));
    }
    if !approve.is_empty() {
        return State::Met(Decision::Approve(approve));
    }
    // Approved requests are cleaned up after a while; a cluster that has
    // joined needs none.
    if !done.is_empty() || joined {
        return State::Met(Decision::Done(done));
    }
    if refused.is_empty() {
        return State::Waiting(format!("no CSR to approve for cluster {cluster}"));
    }
    State::Waiting(refused.join("; "))
}

#[cfg(test)]
mod tests {
    use super::check::tests::request;
    use super::*;

    fn args() -> Args {
        Args {
            clusters: ClustersArgs::default(),
            wait: false,
            skip_approve_check: false,
            requesters: Vec::new(),
            marks: MarkArgs::default(),
        }
    }

    fn own(agent: &str) -> CertificateSigningRequest {
        request(
            &format!("system:open-cluster-management:c:{agent}"),
            &["system:open-cluster-management:c"],
        )
    }

    fn set(requests: Vec<(&str, CertificateSigningRequest)>) -> Objects<CertificateSigningRequest> {
        requests
            .into_iter()
            .map(|(name, request)| (name.to_owned(), request))
            .collect()
    }

    #[test]
    fn only_own_requests_are_approved_among_others() {
        let requests = set(vec![
            ("evil", request("evil", &["admins"])),
            ("good", own("a")),
        ]);
        let State::Met(Decision::Approve(chosen)) = decide(&requests, "c", false, &args()) else {
            panic!();
        };
        assert_eq!(chosen.len(), 1);
        assert_eq!(chosen[0].0, "good");
    }

    #[test]
    fn nothing_is_approved_while_nothing_fits_and_the_reason_is_told() {
        let State::Waiting(why) = decide(
            &set(vec![("evil", request("evil", &[]))]),
            "c",
            false,
            &args(),
        ) else {
            panic!();
        };
        assert!(why.contains("CSR evil is not approved"), "{why}");
        assert!(matches!(
            decide(&set(vec![]), "c", false, &args()),
            State::Waiting(why) if why == "no CSR to approve for cluster c"
        ));
    }

    #[test]
    fn a_joined_cluster_needs_no_request() {
        assert_eq!(
            decide(&set(vec![]), "c", true, &args()),
            State::Met(Decision::Done(vec![]))
        );
    }

    #[test]
    fn several_requesters_need_a_choice() {
        let requests = set(vec![("1", own("a")), ("2", own("b"))]);
        assert!(matches!(
            decide(&requests, "c", false, &args()),
            State::Failed(why) if why.contains("--requesters")
        ));
        let mut chosen = args();
        chosen.requesters = vec!["system:open-cluster-management:c:b".to_owned()];
        assert!(matches!(
            decide(&requests, "c", false, &chosen),
            State::Met(Decision::Approve(list)) if list.len() == 1 && list[0].0 == "2"
        ));
    }
}
