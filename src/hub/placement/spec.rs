//! A Placement as it is meant: checked once, when it changes.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt;

use crate::ocm::cluster::v1beta1::{
    ClusterClaimSelector, Placement as Object, PlacementSpec, PlacementStatus, PrioritizerPolicy,
    ScoreCoordinateType, SortBy,
};
use crate::ocm::labels;
use crate::runtime::Key;

/// On a Placement: `"true"` keeps its decisions as they are (statement 16).
pub const ANNOTATION_DISABLE: &str =
    "cluster.open-cluster-management.io/experimental-scheduling-disable";

/// A source of scores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prioritizer {
    /// Clusters with fewer decisions of other placements.
    Balance,
    /// Clusters that are decided already.
    Steady,
    /// Clusters with more cores for pods.
    Cpu,
    /// Clusters with more memory for pods.
    Memory,
    /// What an add-on says.
    AddOn {
        /// The AddOnPlacementScore.
        resource: String,
        /// The score in it.
        score: String,
    },
}

impl Prioritizer {
    /// Its name in messages.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Balance => BUILT_IN[0].into(),
            Self::Steady => BUILT_IN[1].into(),
            Self::Cpu => BUILT_IN[2].into(),
            Self::Memory => BUILT_IN[3].into(),
            Self::AddOn { resource, score } => format!("AddOn/{resource}/{score}"),
        }
    }

    fn built_in(name: &str) -> Option<Self> {
        [Self::Balance, Self::Steady, Self::Cpu, Self::Memory]
            .into_iter()
            .find(|prioritizer| prioritizer.name() == name)
    }
}

/// Names of the built-in prioritizers.
pub const BUILT_IN: [&str; 4] = [
    "Balance",
    "Steady",
    "ResourceAllocatableCPU",
    "ResourceAllocatableMemory",
];

/// One entry of `spec.predicates`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Predicate {
    /// On labels.
    pub labels: LabelSelector,
    /// On claims.
    pub claims: LabelSelector,
    /// Expressions; all must be true.
    pub expressions: Vec<String>,
}

/// A Placement, with what follows from its spec alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// Namespace and name.
    pub key: Key,
    /// Its uid.
    pub uid: String,
    /// Whether it is scheduled at all: not when it goes, nor when disabled.
    pub active: bool,
    /// The spec as it stands.
    pub spec: PlacementSpec,
    /// The status as it stands.
    pub status: PlacementStatus,
    /// The predicates.
    pub predicates: Vec<Predicate>,
    /// What is wrong with its name: then it can have no decisions.
    pub name_error: Option<String>,
    /// What is wrong with a selector of the predicates.
    pub predicate_error: Option<String>,
    /// What is wrong with a toleration.
    pub toleration_error: Option<String>,
    /// Prioritizers with their weights, or what is wrong with them.
    pub weights: Result<Vec<(Prioritizer, i64)>, String>,
    /// Selectors of the decision groups, up to the first that is wrong.
    pub groups: Vec<(String, LabelSelector, LabelSelector)>,
    /// What is wrong with that one.
    pub group_error: Option<String>,
    /// What has no effect or cannot be as meant, for people to read.
    pub advice: Vec<String>,
}

impl Placement {
    /// Reads a Placement.
    #[must_use]
    pub fn of(object: Object) -> Self {
        let name = object.name_any();
        let key = Key::new(object.namespace().unwrap_or_default(), name.clone());
        let disabled = object
            .annotations()
            .get(ANNOTATION_DISABLE)
            .is_some_and(|value| value == "true");
        let spec = object.spec;
        let predicates: Vec<Predicate> = spec
            .predicates
            .iter()
            .map(|predicate| {
                let selector = &predicate.required_cluster_selector;
                Predicate {
                    labels: selector.label_selector.clone(),
                    claims: by_claims(&selector.claim_selector),
                    expressions: selector.cel_selector.cel_expressions.clone(),
                }
            })
            .collect();
        let predicate_error = predicates
            .iter()
            .flat_map(|predicate| [&predicate.labels, &predicate.claims])
            .find_map(|selector| check(selector).err());
        let (groups, group_error) = groups(&spec);
        Self {
            predicate_error,
            toleration_error: toleration_error(&spec),
            name_error: name_error(&name),
            weights: weights(&spec.prioritizer_policy),
            advice: advice(&spec),
            uid: object.metadata.uid.unwrap_or_default(),
            active: !disabled && object.metadata.deletion_timestamp.is_none(),
            status: object.status.unwrap_or_default(),
            key,
            spec,
            predicates,
            groups,
            group_error,
        }
    }

    /// The prioritizers; none when they are wrong.
    pub fn prioritizers(&self) -> impl Iterator<Item = &Prioritizer> {
        self.weights
            .iter()
            .flatten()
            .map(|(prioritizer, _)| prioritizer)
    }

    /// All expressions of the predicates.
    pub fn expressions(&self) -> impl Iterator<Item = &String> {
        self.predicates
            .iter()
            .flat_map(|predicate| &predicate.expressions)
    }

    /// Whether it may choose from this set.
    #[must_use]
    pub fn wants_set(&self, set: &str) -> bool {
        self.spec.cluster_sets.is_empty() || self.spec.cluster_sets.iter().any(|name| name == set)
    }

    /// Whether labels or claims count beyond the predicates.
    #[must_use]
    pub fn looks_at_labels(&self) -> bool {
        !self.groups.is_empty() || !self.spec.spread_policy.spread_constraints.is_empty()
    }

    /// Whether decisions stand in the order of their scores.
    #[must_use]
    pub fn sorts_by_score(&self) -> bool {
        self.spec.sort_by == Some(SortBy::Score)
    }

    /// How many clusters a group has at most, of so many (section 3).
    #[must_use]
    pub fn group_length(&self, selected: usize) -> usize {
        let size = &self
            .spec
            .decision_strategy
            .group_strategy
            .clusters_per_decision_group;
        let length = match size {
            None => selected,
            Some(IntOrString::Int(number)) => usize::try_from(*number).unwrap_or(0),
            Some(IntOrString::String(text)) => text.strip_suffix('%').map_or_else(
                || text.parse().unwrap_or(0),
                |percent| (percent.parse().unwrap_or(0) * selected).div_ceil(100),
            ),
        };
        if length == 0 || length > selected {
            selected
        } else {
            length
        }
    }
}

fn by_claims(selector: &ClusterClaimSelector) -> LabelSelector {
    LabelSelector {
        match_expressions: Some(selector.match_expressions.clone()),
        ..LabelSelector::default()
    }
}

type Groups = Vec<(String, LabelSelector, LabelSelector)>;

fn groups(spec: &PlacementSpec) -> (Groups, Option<String>) {
    let mut groups = Vec::new();
    for group in &spec.decision_strategy.group_strategy.decision_groups {
        let labels = group.group_cluster_selector.label_selector.clone();
        let claims = by_claims(&group.group_cluster_selector.claim_selector);
        for selector in [&labels, &claims] {
            if let Err(error) = check(selector) {
                return (groups, Some(error));
            }
        }
        groups.push((group.group_name.clone(), labels, claims));
    }
    (groups, None)
}

/// Whether a selector says something sensible.
///
/// # Errors
/// What is wrong with it.
pub fn check(selector: &LabelSelector) -> Result<(), String> {
    labels::matches(selector, &BTreeMap::new()).map_err(|error| error.to_string())?;
    let equal = selector.match_labels.iter().flatten();
    let listed = selector.match_expressions.iter().flatten();
    let values = equal.clone().chain(listed.clone().flat_map(|requirement| {
        let values = requirement.values.iter().flatten();
        values.map(|value| (&requirement.key, value))
    }));
    for key in equal.map(|(key, _)| key).chain(listed.map(|r| &r.key)) {
        let (prefix, name) = key.rsplit_once('/').unwrap_or(("x", key));
        if name.is_empty() || prefix.is_empty() || prefix.len() > 253 || !is_label_value(name) {
            return Err(format!("{key:?} is not a label key"));
        }
    }
    for (key, value) in values {
        if !is_label_value(value) {
            return Err(format!(
                "{value:?}, a value for {key}, is not a label value"
            ));
        }
    }
    Ok(())
}

fn is_label_value(text: &str) -> bool {
    let ends = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && ends(text.chars().next())
        && ends(text.chars().last())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// The name is the value of a label on the decisions.
fn name_error(name: &str) -> Option<String> {
    (name.len() > 63).then(|| {
        format!(
            "the placement's name has {} characters; PlacementDecisions carry it in a label, \
             which holds 63: create it under a shorter name",
            name.len()
        )
    })
}

fn toleration_error(spec: &PlacementSpec) -> Option<String> {
    spec.tolerations.iter().find_map(|toleration| {
        let exists = toleration.operator.as_deref() == Some("Exists");
        let empty = |text: &Option<String>| text.as_deref().unwrap_or_default().is_empty();
        if empty(&toleration.key) && !exists {
            Some("If the key is empty, operator must be Exists.".to_owned())
        } else if exists && !empty(&toleration.value) {
            Some("If the operator is Exists, the value should be empty.".to_owned())
        } else {
            None
        }
    })
}

fn weights(policy: &PrioritizerPolicy) -> Result<Vec<(Prioritizer, i64)>, String> {
    let mut weights = match policy.mode.as_deref().unwrap_or_default() {
        "" | "Additive" => vec![(Prioritizer::Balance, 1), (Prioritizer::Steady, 1)],
        "Exact" => Vec::new(),
        other => return Err(format!("incorrect prioritizer policy mode: {other}")),
    };
    for configuration in &policy.configurations {
        let weight = i64::from(configuration.weight.unwrap_or(1));
        let coordinate = &configuration.score_coordinate;
        match coordinate.type_ {
            ScoreCoordinateType::BuiltIn => {
                let name = coordinate.built_in.as_deref().unwrap_or_default();
                let prioritizer = Prioritizer::built_in(name)
                    .ok_or_else(|| format!("incorrect builtin prioritizer: {name}"))?;
                match weights.iter_mut().find(|(known, _)| *known == prioritizer) {
                    Some((_, old)) => *old = weight,
                    None => weights.push((prioritizer, weight)),
                }
            }
            ScoreCoordinateType::AddOn => {
                let addon = coordinate
                    .addon
                    .as_ref()
                    .ok_or("addOn should not be empty")?;
                let prioritizer = Prioritizer::AddOn {
                    resource: addon.resource_name.clone(),
                    score: addon.score_name.clone(),
                };
                weights.push((prioritizer, weight));
            }
        }
    }
    weights.retain(|(_, weight)| *weight != 0);
    Ok(weights)
}

fn advice(spec: &PlacementSpec) -> Vec<String> {
    let mut advice = Vec::new();
    if let Some(limit) = spec
        .score_rate_limit
        .as_deref()
        .filter(|limit| *limit != "1m")
    {
        advice.push(format!(
            "scoreRateLimit {limit} has no effect: scores act as soon as they change, \
             a greater weight of Steady dampens them"
        ));
    }
    let mut names: Vec<&str> = spec
        .decision_strategy
        .group_strategy
        .decision_groups
        .iter()
        .map(|group| group.group_name.as_str())
        .collect();
    names.sort_unstable();
    for pair in names.windows(2).filter(|pair| pair[0] == pair[1]) {
        advice.push(format!(
            "decision group {:?} is there twice: a cluster joins the first that fits",
            pair[0]
        ));
    }
    advice.dedup();
    advice
}
