//! Texts with a form of their own that clients send: certificate requests, tokens,
//! continue tokens, field sets, quantities, schedules.

use apiserver::pki::{CertificateRequest, ISSUER, ServiceAccountKeys};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fuzz;
use crate::values::value;
use crate::world::World;

/// Changes to bytes: where, and what is put there; `None` cuts the rest off.
type Change = (prop::sample::Index, Option<u8>);

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let byte = prop::option::weighted(0.95, any::<u8>());
    prop::collection::vec((any::<prop::sample::Index>(), byte), 0..4)
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for (index, byte) in changes {
        if bytes.is_empty() {
            break;
        }
        let at = index.index(bytes.len());
        match byte {
            Some(byte) => bytes[at] = *byte,
            None => bytes.truncate(at),
        }
    }
    bytes
}

fn request() -> Vec<u8> {
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["a.example.com".to_owned(), "10.0.0.1".to_owned()];
    let params = rcgen::CertificateParams::new(names).unwrap();
    params.serialize_request(&key).unwrap().der().to_vec()
}

/// A text that is nearly a quantity, a schedule or a key of a field set.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[-+]?[0-9]{0,22}(\\.[0-9]{0,12})?([eE][-+]?[0-9]{1,12}|[numkMGTPE]i?)?",
        3 => "([0-9*/,-]{1,6} ){4}[0-9*/,-]{1,6}",
        3 => "[fkvi]:(\\{\"[a-z]{1,4}\":[\"a-z0-9]{1,4}\\}|[a-z.]{0,6}|[0-9\"]{1,3})",
        1 => "(TZ=)?[@a-zA-Z/]{1,12} .{0,12}",
        1 => any::<String>(),
    ]
}

#[test]
fn certificate_requests() {
    let der = request();
    let pem = |der: &[u8]| {
        format!(
            "-----BEGIN CERTIFICATE REQUEST-----\n{}\n-----END CERTIFICATE REQUEST-----\n",
            STANDARD.encode(der)
        )
    };
    CertificateRequest::parse(&pem(&der)).unwrap();
    let inputs = (changes(), changes());
    fuzz("certificate requests", &inputs, |(inner, outer)| {
        let text = pem(&changed(der.clone(), &inner));
        let text = changed(text.into_bytes(), &outer);
        // Whatever it is: an answer.
        let _ = CertificateRequest::parse(&String::from_utf8_lossy(&text));
        Ok(())
    });
}

#[test]
fn tokens() {
    let keys = ServiceAccountKeys::open(None).unwrap();
    let claims = apiserver::pki::Claims {
        namespace: "default".to_owned(),
        audiences: vec![ISSUER.to_owned()],
        ..Default::default()
    };
    let (token, _) = keys.issue(&claims, 600).unwrap();
    let header = token.split('.').next().unwrap().to_owned();
    let inputs = (changes(), value(), any::<bool>());
    let audiences = [ISSUER.to_owned()];
    fuzz("tokens", &inputs, |(changes, body, made)| {
        let text = match made {
            true => format!("{header}.{}.AAAA", URL_SAFE_NO_PAD.encode(body.to_string())),
            false => {
                String::from_utf8_lossy(&changed(token.clone().into_bytes(), &changes)).into_owned()
            }
        };
        let verified = keys.verify(&text, &audiences, jiff::Timestamp::now());
        prop_assert!(verified.is_err() || text == token, "{text}");
        Ok(())
    });
}

#[test]
fn words_of_objects() {
    let world = World::new();
    let maps = "/api/v1/namespaces/default/configmaps";
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "d"}});
    assert_eq!(world.json("POST", maps, &map).code, 201);
    let inputs = (text(), text(), value(), any::<i64>());
    fuzz("words of objects", &inputs, |(one, two, any, number)| {
        let token = json!({"v": "meta.k8s.io/v1", "rv": number, "start": one});
        let token = URL_SAFE_NO_PAD.encode(token.to_string());
        let page = world.get(&format!("{maps}?limit=1&continue={token}"));
        prop_assert!(matches!(page.code, 200 | 400 | 410 | 504), "{page:?}");

        let owned = json!([{
            "manager": "m", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
            "fieldsV1": {one.clone(): {two.clone(): any}, two.clone(): {}},
        }]);
        let mut sent = map.clone();
        sent["metadata"]["managedFields"] = owned;
        sent["data"] = json!({"a": number.to_string()});
        let put = world.json("PUT", &format!("{maps}/d"), &sent);
        prop_assert!(matches!(put.code, 200 | 400 | 422), "{put:?}");
        sent["metadata"] = json!({"name": "d"});
        let url = format!("{maps}/d?fieldManager=fuzz&force=true");
        let headers = [("content-type", "application/apply-patch+yaml")];
        let body = sent.to_string();
        let applied = world
            .send("PATCH", &url, &headers, body.as_bytes())
            .unwrap();
        prop_assert!(matches!(applied.code, 200 | 400 | 422), "{applied:?}");

        let container = json!({
            "name": "c", "image": "i",
            "resources": {"limits": {"cpu": one, "memory": two}, "requests": {"cpu": two}},
        });
        let job = json!({"spec": {"template": {"spec": {
            "restartPolicy": "Never", "containers": [container],
        }}}});
        let cron = json!({
            "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "c"},
            "spec": {"schedule": one, "timeZone": two, "jobTemplate": job},
        });
        let url = "/apis/batch/v1/namespaces/default/cronjobs?dryRun=All";
        let created = world.json("POST", url, &cron);
        prop_assert!(matches!(created.code, 201 | 400 | 422), "{created:?}");
        let read: Value = world.get(&format!("{maps}/d")).body;
        prop_assert_eq!(&read["metadata"]["name"], "d");
        Ok(())
    });
}
