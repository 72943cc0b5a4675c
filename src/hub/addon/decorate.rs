//! What the hub adds to the workloads of a template: variables, credentials,
//! nodes, images, proxies and resources (protocol, section 11). Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::ocm::addon::v1alpha1::{ContainerResourceRequirements, ImageMirror};

use super::template::{Input, RenderError, credentials, plural, proxy_authorities};

/// What a volume may be called.
const VOLUME_LIMIT: usize = 63;

/// Whether a manifest is a workload whose pods are decorated.
pub(super) fn is_workload(manifest: &Value) -> bool {
    manifest["apiVersion"] == "apps/v1"
        && (manifest["kind"] == "Deployment" || manifest["kind"] == "DaemonSet")
}

/// What is added to the pods of every workload.
pub(super) struct Pod<'a> {
    addon: &'a str,
    env: Vec<(String, String)>,
    /// Volume with its source, and where it is mounted.
    mounts: Vec<(Value, Value)>,
    node_selector: Option<Value>,
    tolerations: Option<Value>,
    mirrors: Vec<ImageMirror>,
    resources: Vec<&'a ContainerResourceRequirements>,
    bundle: Option<String>,
    /// The namespaces of decorated workloads.
    namespaces: BTreeSet<String>,
}

impl<'a> Pod<'a> {
    /// What `input` asks for.
    pub(super) fn of(
        input: &Input<'a>,
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, RenderError> {
        let mut pod = Self {
            addon: input.addon,
            env: variables.clone().into_iter().collect(),
            mounts: Vec::new(),
            node_selector: None,
            tolerations: None,
            mirrors: Vec::new(),
            resources: Vec::new(),
            bundle: None,
            namespaces: BTreeSet::new(),
        };
        pod.credentials(input)?;
        for config in input.configs {
            let placement = &config.node_placement;
            if !placement.node_selector.is_empty() {
                pod.node_selector = Some(json!(placement.node_selector));
            }
            if !placement.tolerations.is_empty() {
                pod.tolerations = Some(json!(placement.tolerations));
            }
            if !config.registries.is_empty() {
                pod.mirrors.clone_from(&config.registries);
            }
            pod.resources.extend(&config.resource_requirements);
            let proxy = &config.proxy_config;
            for (name, value) in [
                ("HTTP_PROXY", &proxy.http_proxy),
                ("HTTPS_PROXY", &proxy.https_proxy),
                ("NO_PROXY", &proxy.no_proxy),
            ] {
                if !value.is_empty() {
                    pod.env.push((name.to_owned(), value.clone()));
                    pod.env.push((name.to_lowercase(), value.clone()));
                }
            }
            if let Some(bundle) = &proxy.ca_bundle
                && !bundle.0.is_empty()
            {
                pod.bundle = Some(String::from_utf8_lossy(&bundle.0).into_owned());
            }
        }
        if pod.mirrors.is_empty()
            && let Some(registries) = input.registries
        {
            pod.mirrors = cluster_registries(registries)?;
        }
        if pod.bundle.is_some() {
            let source = json!({"configMap": {"name": format!("{}-proxy-ca", input.addon)}});
            pod.mount("proxy-ca", source, "/managed/proxy-ca");
            let path = "/managed/proxy-ca/ca-bundle.crt".to_owned();
            pod.env.push(("CA_BUNDLE_FILE_PATH".to_owned(), path));
        }
        Ok(pod)
    }

    fn credentials(&mut self, input: &Input<'_>) -> Result<(), RenderError> {
        let (kube_client, signers) = credentials(input.template);
        if kube_client {
            let secret = format!("{}-hub-kubeconfig", input.addon);
            let source = json!({"secret": {"secretName": secret}});
            self.mount("hub-kubeconfig", source, "/managed/hub-kubeconfig");
        }
        for signer in signers {
            let flat = signer.replace('/', "-");
            let volume = format!("cert-{}", flat.replace('.', "-"));
            if volume.len() > VOLUME_LIMIT {
                return Err(RenderError::TooLong {
                    what: "volume of a signer's certificate",
                    name: volume,
                    limit: VOLUME_LIMIT,
                    hint: "use a shorter signerName in the AddOnTemplate's registration",
                });
            }
            let secret = format!("{}-{flat}-client-cert", input.addon);
            let source = json!({"secret": {"secretName": secret}});
            self.mount(&volume, source, &format!("/managed/{flat}"));
        }
        Ok(())
    }

    fn mount(&mut self, name: &str, mut source: Value, path: &str) {
        source["name"] = name.into();
        let mount = json!({"name": name, "mountPath": path});
        self.mounts.push((source, mount));
    }

    /// Decorates one workload.
    pub(super) fn decorate(&mut self, workload: &mut Value) {
        let resource = plural(workload["kind"].as_str().unwrap_or_default());
        let name = workload["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let namespace = workload["metadata"]["namespace"].as_str();
        self.namespaces
            .insert(namespace.unwrap_or("default").to_owned());
        let Some(pod) = workload.pointer_mut("/spec/template/spec") else {
            return;
        };
        for (volume, _) in &self.mounts {
            named(pod, "volumes", volume.clone());
        }
        if let Some(selector) = &self.node_selector {
            pod["nodeSelector"] = selector.clone();
        }
        if let Some(tolerations) = &self.tolerations {
            pod["tolerations"] = tolerations.clone();
        }
        let Some(containers) = pod["containers"].as_array_mut() else {
            return;
        };
        for container in containers.iter_mut().filter(|c| c.is_object()) {
            for (name, value) in &self.env {
                named(container, "env", json!({"name": name, "value": value}));
            }
            for (_, mount) in &self.mounts {
                named(container, "volumeMounts", mount.clone());
            }
            if let Some(image) = container["image"].as_str()
                && let Some(mirrored) = mirrored(image, &self.mirrors)
            {
                container["image"] = mirrored.into();
            }
            let wanted = self.resources.iter().rev().find(|requirement| {
                let container = container["name"].as_str().unwrap_or_default();
                let mut parts = requirement.container_id.splitn(3, ':');
                let mut fits = |actual: &str| {
                    parts
                        .next()
                        .is_some_and(|part| part == "*" || part == actual)
                };
                fits(&resource) && fits(&name) && fits(container)
            });
            if let Some(wanted) = wanted {
                container["resources"] = json!(wanted.resources);
            }
        }
    }

    /// What has to be there for the decorated workloads.
    pub(super) fn extra(&self) -> Vec<Value> {
        let Some(bundle) = &self.bundle else {
            return Vec::new();
        };
        let namespaces = self.namespaces.iter();
        namespaces
            .map(|namespace| proxy_authorities(self.addon, namespace, bundle))
            .collect()
    }
}

/// Puts an entry into a list of named ones, in place of one of its name.
fn named(owner: &mut Value, list: &str, entry: Value) {
    if !owner[list].is_array() {
        owner[list] = json!([]);
    }
    if let Some(entries) = owner[list].as_array_mut() {
        entries.retain(|old| old["name"] != entry["name"]);
        entries.push(entry);
    }
}

/// Where an image comes from by these rules: the last one that changes it counts.
fn mirrored(image: &str, mirrors: &[ImageMirror]) -> Option<String> {
    mirrors.iter().rev().find_map(|rule| {
        let source = rule.source.trim_end_matches('/');
        let mirror = rule.mirror.trim_end_matches('/');
        let new = if source.is_empty() {
            let last = image.rsplit('/').next().unwrap_or(image);
            if mirror.is_empty() {
                last.to_owned()
            } else {
                format!("{mirror}/{last}")
            }
        } else {
            format!("{mirror}{}", image.strip_prefix(source)?)
        };
        (new != image).then_some(new)
    })
}

fn cluster_registries(annotation: &str) -> Result<Vec<ImageMirror>, RenderError> {
    #[derive(Deserialize)]
    struct Registries {
        #[serde(default)]
        registries: Vec<ImageMirror>,
    }
    if annotation.is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_str::<Registries>(annotation)
        .map(|registries| registries.registries)
        .map_err(|error| RenderError::Registries(error.to_string()))
}

/// Moves a manifest to a namespace: itself, the Namespace, and the service
/// accounts that bindings name.
pub(super) fn move_to(manifest: &mut Value, namespace: &str) {
    let kind = manifest["kind"].as_str().unwrap_or_default().to_owned();
    let Some(metadata) = manifest.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    let rename = |fields: &mut Map<String, Value>, key: &str| {
        if fields
            .get(key)
            .and_then(Value::as_str)
            .is_some_and(|old| !old.is_empty())
        {
            fields.insert(key.to_owned(), namespace.into());
        }
    };
    if kind == "Namespace" {
        rename(metadata, "name");
    } else {
        rename(metadata, "namespace");
    }
    if kind == "ClusterRoleBinding" || kind == "RoleBinding" {
        let subjects = manifest.get_mut("subjects").and_then(Value::as_array_mut);
        for subject in subjects.into_iter().flatten() {
            if subject["kind"] == "ServiceAccount" {
                subject["namespace"] = namespace.into();
            }
        }
    }
}
