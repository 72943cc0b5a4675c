//! How an add-on from templates goes: its hooks run, then its works go, then
//! the installation (protocol, section 10; statement 25). Pure.
//!
//! That holds also when the add-on is gone before it, or comes from templates no
//! more. Nothing waits for what nobody can do: not for hooks that nobody knows,
//! and not for a cluster that is being removed and is not heard of.

use crate::ocm::addon::names;
use crate::ocm::addon::v1alpha1::ManagedClusterAddOnStatus;
use crate::ocm::conditions::{self, FALSE, TRUE, UNKNOWN, condition};

use super::health;
use super::mca::Plan;
use super::templated::{Choice, Templated};
use super::view::{ManifestId, Work};
use super::works::{self, Wanted};

/// What is known of the hooks that have not been started.
enum Hooks {
    /// There are none.
    None,
    /// These.
    These(Wanted),
    /// They cannot be known any more, and why.
    Lost(String),
    /// They cannot be started as they are, and why.
    Broken(String),
}

impl Templated<'_> {
    /// Decides about one that goes and has hooks.
    pub(super) fn leave(&self, status: &mut ManagedClusterAddOnStatus, plan: &mut Plan) {
        let name = names::pre_delete_work(&self.addon());
        let running = self.running(&name);
        if let Some(why) = self.nobody() {
            self.go(running, &name, plan);
            plan.unhooked = why;
            return;
        }
        // Told before their work goes: whoever finds no work must not start them again.
        if conditions::is_true(&status.conditions, health::CONDITION_HOOKS) {
            self.go(running, &name, plan);
            return;
        }
        // What runs may finish, whatever the template says by now.
        if let Some(work) = running {
            let hooks: Vec<ManifestId> = work.manifests.clone();
            let mut told = health::hooks(Some(work), &hooks);
            if told.status != TRUE {
                told.message = format!("{}{}", told.message, self.advice());
            }
            conditions::set(&mut status.conditions, told);
            return;
        }
        let message = match self.hooks(status) {
            Hooks::None => return self.go(None, &name, plan),
            Hooks::Lost(why) => {
                self.go(None, &name, plan);
                plan.unhooked = Some(why);
                return;
            }
            Hooks::Broken(error) => error,
            Hooks::These(wanted) => {
                plan.works.push(wanted);
                "the hooks are about to be started".to_owned()
            }
        };
        let told = condition(
            health::CONDITION_HOOKS,
            FALSE,
            "HookManifestIsNotCompleted",
            format!("{message}{}", self.advice()),
        );
        conditions::set(&mut status.conditions, told);
    }

    /// The work of the hooks, if it is of this very installation.
    fn running(&self, name: &str) -> Option<&Work> {
        let mut works = self.seen.works.iter();
        let (_, work) =
            works.find(|(key, _)| key.namespace == self.cluster() && key.name == name)?;
        let uid = self.seen.addon.metadata.uid.as_deref();
        (work.owner.as_deref() == uid).then_some(&**work)
    }

    /// Whether nobody is left who could run hooks; why, where it is worth a word.
    fn nobody(&self) -> Option<Option<String>> {
        let Some(cluster) = self.seen.cluster else {
            return Some(None);
        };
        let unheard = cluster
            .available
            .as_ref()
            .is_none_or(|a| a.status == UNKNOWN);
        (cluster.deleting && unheard).then(|| {
            let why = format!(
                "ManagedCluster {} is being deleted, and nothing is heard of it",
                self.cluster()
            );
            Some(why)
        })
    }

    fn hooks(&self, status: &mut ManagedClusterAddOnStatus) -> Hooks {
        let chosen = match self.choose(&mut status.config_references) {
            Choice::Exact(chosen) | Choice::Ahead(chosen) | Choice::Gone(_, Some(chosen)) => chosen,
            Choice::Gone(why, None) => return Hooks::Lost(why),
            Choice::Nothing => return Hooks::None,
        };
        match self.render(&chosen) {
            Ok(rendered) => {
                works::pre_delete(&self.addon(), &rendered).map_or(Hooks::None, Hooks::These)
            }
            Err(error) => Hooks::Broken(error),
        }
    }

    /// What to do when it does not go on.
    fn advice(&self) -> String {
        let cluster = self.seen.cluster.and_then(|c| c.available.as_ref());
        let silent = cluster.is_some_and(|available| available.status == UNKNOWN);
        let what = if silent {
            format!("; nothing is heard of cluster {}", self.cluster())
        } else {
            String::new()
        };
        format!(
            "{what}; to go without the hooks, remove the finalizer {}",
            names::FINALIZER_PRE_DELETE
        )
    }

    fn go(&self, running: Option<&Work>, name: &str, plan: &mut Plan) {
        plan.remove = self
            .deployed()
            .map(|(_, (key, _))| key.name.clone())
            .collect();
        if running.is_some() {
            plan.remove.push(name.to_owned());
        }
        plan.release = true;
    }
}
