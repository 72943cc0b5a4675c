//! Which change concerns which add-on.

use std::sync::Arc;

use kube::ResourceExt;

use crate::ocm::addon::{GROUP, names};
use crate::ocm::names::LABEL_ADDON_NAME;
use crate::runtime::{Change, Informer, Key};

use super::view::Work;
use super::{Hub, csr, offer};

/// Puts what changes into the queues.
pub(super) fn wire(hub: &Arc<Hub>) {
    on(hub, &hub.offers, |hub, key, change| {
        hub.offer_queue.add(key.name.clone());
        let same = matches!(change, Change::Applied { old: Some(old), new }
            if old.spec == new.spec && old.metadata.annotations == new.metadata.annotations);
        if !same {
            for addon in hub.addons_of.keys(&key.name) {
                hub.addon_queue.add(addon);
            }
        }
    });
    on(hub, &hub.addons, |hub, key, change| {
        hub.addon_queue.add(key.clone());
        hub.feature_queue.add(key.namespace.clone());
        // The add-on is looked at on all clusters: only for what concerns it there.
        let same = matches!(change, Change::Applied { old: Some(old), new }
            if offer::same(old, new));
        if !same {
            hub.offer_queue.add(key.name.clone());
        }
    });
    on(hub, &hub.templates, |hub, key, change| {
        let used = |key: &Key, hash: &str| is_used(hub, names::TEMPLATES, key, hash);
        hub.former_templates.note(key, change, used);
        every_offer(hub);
        every_leaving(hub);
    });
    on(hub, &hub.configs, |hub, key, change| {
        let used = |key: &Key, hash: &str| is_used(hub, names::DEPLOYMENT_CONFIGS, key, hash);
        hub.former_configs.note(key, change, used);
        every_offer(hub);
        every_leaving(hub);
    });
    on(hub, &hub.placements, |hub, key, change| {
        // Only that it comes or goes matters; what it decides has objects of its own.
        if !matches!(change, Change::Applied { old: Some(_), .. }) {
            of_placement(hub, &key.namespace, &key.name);
        }
    });
    on(hub, &hub.decisions, |hub, key, change| {
        if let Change::Applied {
            old: Some(old),
            new,
        } = change
            && old == new
        {
            return;
        }
        of_placement(hub, &key.namespace, &change.object().placement);
    });
    on(hub, &hub.clusters, |hub, key, change| {
        if let Change::Applied {
            old: Some(old),
            new,
        } = change
        {
            if old != new {
                hub.feature_queue.add(key.name.clone());
            }
            if old.accepted != new.accepted {
                open_requests(hub, &key.name);
            }
            if old.same_for_addons(new) {
                return;
            }
        } else {
            hub.feature_queue.add(key.name.clone());
            open_requests(hub, &key.name);
        }
        for addon in hub.addons_on.keys(&key.name) {
            hub.addon_queue.add(addon);
        }
    });
    on(hub, &hub.works, |hub, key, change| {
        hub.addon_queue
            .add(Work::installation(key, change.object()));
    });
    on(hub, &hub.bindings, |hub, key, change| {
        let labels = change.object().labels();
        let Some(addon) = labels.get(LABEL_ADDON_NAME) else {
            return;
        };
        if hub.addons.get(&key.namespace, addon).is_some() {
            hub.addon_queue.add(Key::new(&key.namespace, addon));
        } else if let Some(any) = hub.addons_of.keys(addon).pop() {
            // One that is for the agents of all clusters: any of them mends it.
            hub.addon_queue.add(any);
        }
    });
    on(hub, &hub.accounts, |hub, key, change| {
        hub.addon_queue
            .add(Key::new(&key.namespace, change.object().as_str()));
    });
    on(hub, &hub.requests, |hub, key, change| {
        if let Change::Applied { new, .. } = change
            && new.is_open()
        {
            hub.request_queue.add(key.name.clone());
        }
    });
}

fn on<T: Send + Sync + 'static>(
    hub: &Arc<Hub>,
    informer: &Informer<T>,
    then: impl Fn(&Hub, &Key, &Change<T>) + Send + Sync + 'static,
) {
    let this = Arc::downgrade(hub);
    informer.on_change(move |key, change| {
        if let Some(hub) = this.upgrade() {
            then(&hub, key, change);
        }
    });
}

/// Looks at the requests of a cluster's add-ons that wait.
fn open_requests(hub: &Hub, cluster: &str) {
    let waiting = |request: &csr::Request| request.is_open() && request.cluster == cluster;
    for (key, _) in hub.requests.filter(|_, request| waiting(request)) {
        hub.request_queue.add(key.name);
    }
}

fn every_offer(hub: &Hub) {
    for (key, _) in hub.offers.filter(|_, _| true) {
        hub.offer_queue.add(key.name);
    }
}

/// Those that are going may have waited for a template that renders.
fn every_leaving(hub: &Hub) {
    let leaving = hub
        .addons
        .filter(|_, addon| addon.metadata.deletion_timestamp.is_some());
    for (key, _) in leaving {
        hub.addon_queue.add(key);
    }
}

/// Whether an installation is configured with this version of an object; with
/// no hash it may be any.
fn is_used(hub: &Hub, resource: &str, key: &Key, hash: &str) -> bool {
    hub.addons.any(|_, addon| {
        let status = addon.status.iter();
        status
            .flat_map(|status| &status.config_references)
            .filter(|reference| reference.group == GROUP && reference.resource == resource)
            .filter_map(|reference| reference.desired_config.as_ref())
            .any(|desired| {
                desired.name == key.name
                    && desired.namespace == key.namespace
                    && (desired.spec_hash == hash || desired.spec_hash.is_empty())
            })
    })
}

fn of_placement(hub: &Hub, namespace: &str, name: &str) {
    let concerned = hub.offers.filter(|_, offer| {
        let mut placements = offer.spec.install_strategy.placements.iter();
        placements.any(|placement| placement.namespace == namespace && placement.name == name)
    });
    for (key, _) in concerned {
        hub.offer_queue.add(key.name);
    }
}
