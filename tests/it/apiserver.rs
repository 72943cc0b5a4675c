//! The embedded server as kube clients see it, in process and over TLS.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use apiserver::api::UserInfo;
use apiserver::{ApiServer, Options};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{
    Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, WatchEvent,
    WatchParams,
};
use kube::{Client, Config, ResourceExt};
use serde_json::json;

async fn server() -> ApiServer {
    let options = Options {
        controllers: false,
        ..Options::default()
    };
    ApiServer::start(options).await.unwrap()
}

fn config_map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name}, "data": {"a": "1"}})).unwrap()
}

#[tokio::test]
async fn kube_clients_work_in_process() {
    let server = server().await;
    let client = Client::new(server.service(UserInfo::admin()), "default");
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let created = maps
        .create(&PostParams::default(), &config_map("one"))
        .await
        .unwrap();
    let version = created.resource_version().unwrap();
    let mut watch = maps
        .watch(&WatchParams::default(), &version)
        .await
        .unwrap()
        .boxed();
    let apply = PatchParams::apply("test").force();
    maps.patch(
        "one",
        &apply,
        &Patch::Apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "2"}})),
    )
    .await
    .unwrap();
    let event = watch.try_next().await.unwrap();
    assert!(
        matches!(event, Some(WatchEvent::Modified(map)) if map.data.as_ref().unwrap()["a"] == "2")
    );
    assert_eq!(
        maps.list(&ListParams::default()).await.unwrap().items.len(),
        1
    );
    maps.delete("one", &DeleteParams::default()).await.unwrap();
    assert!(maps.get_opt("one").await.unwrap().is_none());
    assert!(matches!(
        watch.try_next().await.unwrap(),
        Some(WatchEvent::Deleted(_))
    ));

    let deployments: Api<Deployment> = Api::default_namespaced(client);
    let deployment: Deployment = serde_json::from_value(json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "nginx"}]},
            },
        },
    }))
    .unwrap();
    let created = deployments
        .create(&PostParams::default(), &deployment)
        .await
        .unwrap();
    assert_eq!(created.metadata.generation, Some(1));
    let scaled = deployments
        .patch_scale(
            "web",
            &PatchParams::default(),
            &Patch::Merge(json!({"spec": {"replicas": 5}})),
        )
        .await
        .unwrap();
    assert_eq!(scaled.spec.unwrap().replicas, Some(5));
    server.shutdown().await;
}

#[tokio::test]
async fn certificates_decide_who_a_client_is() {
    let server = server().await;
    let address = server
        .listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .await
        .unwrap();
    let config = |user: &UserInfo| {
        let (certificate, key) = server
            .issue_client_certificate(user, Duration::from_secs(3600))
            .unwrap();
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {
                "server": format!("https://{address}"),
                "certificate-authority-data": encode(&server.ca_pem()),
            }}],
            "users": [{"name": "u", "user": {
                "client-certificate-data": encode(&certificate),
                "client-key-data": encode(&key),
            }}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        });
        kube::config::Kubeconfig::from_yaml(&kubeconfig.to_string()).unwrap()
    };
    let connect = async |user: &UserInfo| {
        let options = kube::config::KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(config(user), &options)
            .await
            .unwrap();
        Client::try_from(config).unwrap()
    };
    let admin = connect(&UserInfo::admin()).await;
    let maps: Api<ConfigMap> = Api::default_namespaced(admin);
    maps.create(&PostParams::default(), &config_map("one"))
        .await
        .unwrap();

    let nobody = connect(&UserInfo {
        username: "nobody".to_owned(),
        ..UserInfo::default()
    })
    .await;
    let maps: Api<ConfigMap> = Api::default_namespaced(nobody);
    let error = maps.get("one").await.unwrap_err();
    let kube::Error::Api(status) = error else {
        panic!("{error}")
    };
    assert_eq!(status.code, 403);
    assert!(
        status
            .message
            .contains("User \"nobody\" cannot get resource \"configmaps\""),
        "{}",
        status.message
    );
    server.shutdown().await;
}

fn encode(pem: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(pem)
}

#[tokio::test]
async fn custom_resources_are_served_as_soon_as_they_are_established() {
    let server = server().await;
    let client = Client::new(server.service(UserInfo::admin()), "default");
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"kind": "Thing", "plural": "things", "singular": "thing", "listKind": "ThingList"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {"size": {"type": "integer", "default": 3, "minimum": 1}}},
                    "status": {"type": "object", "properties": {"ready": {"type": "boolean"}}},
                }}},
            }],
        },
    });
    let crd = kube::api::ApiResource::from_gvk(&kube::api::GroupVersionKind::gvk(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
    ));
    let definitions: Api<DynamicObject> = Api::all_with(client.clone(), &crd);
    let created = definitions
        .create(
            &PostParams::default(),
            &serde_json::from_value(definition).unwrap(),
        )
        .await
        .unwrap();
    let conditions = created.data["status"]["conditions"].as_array().unwrap();
    assert!(
        conditions
            .iter()
            .any(|c| c["type"] == "Established" && c["status"] == "True"),
        "{conditions:?}"
    );
    let thing = kube::api::ApiResource::from_gvk(&kube::api::GroupVersionKind::gvk(
        "example.com",
        "v1",
        "Thing",
    ));
    let things: Api<DynamicObject> = Api::default_namespaced_with(client, &thing);
    let object =
        DynamicObject::new("one", &thing).data(json!({"spec": {}, "status": {"ready": true}}));
    let created = things
        .create(&PostParams::default(), &object)
        .await
        .unwrap();
    assert_eq!(created.data["spec"]["size"], 3);
    assert_eq!(created.data.get("status"), None);
    let status = json!({"status": {"ready": true}});
    let updated = things
        .patch_status("one", &PatchParams::default(), &Patch::Merge(&status))
        .await
        .unwrap();
    assert_eq!(updated.data["status"]["ready"], true);
    assert_eq!(updated.metadata.generation, Some(1));
    let bad = DynamicObject::new("two", &thing).data(json!({"spec": {"size": 0}}));
    let error = things
        .create(&PostParams::default(), &bad)
        .await
        .unwrap_err();
    assert!(matches!(error, kube::Error::Api(status) if status.code == 422));
    server.shutdown().await;
}
