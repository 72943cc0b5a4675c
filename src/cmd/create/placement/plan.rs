//! The spec that the arguments ask for.

use serde_json::{Map, Value, json};

use super::Args;
use crate::cmd::create::work::plan::is_dns_subdomain;
use crate::error::CommandError;
use crate::hub::placement::spec::BUILT_IN;

fn usage(what: &str, text: &str, how: &str) -> CommandError {
    CommandError::usage(format!("{text:?} is no {what}")).hint(format!("write {how}"))
}

/// The spec, without what is left to the hub.
pub(super) fn spec(args: &Args) -> Result<Value, CommandError> {
    if args.name.len() > 63 {
        return Err(CommandError::usage(format!(
            "{:?} has {} characters; a placement's name is a label of its decisions and has 63 at most",
            args.name,
            args.name.len()
        )));
    }
    if !is_dns_subdomain(&args.name) {
        return Err(CommandError::usage(format!(
            "{:?} cannot be the name of a placement",
            args.name
        ))
        .hint("use small letters, digits, - and . only, with a letter or digit at both ends"));
    }
    let mut spec = Map::new();
    if !args.clustersets.is_empty() {
        spec.insert("clusterSets".into(), json!(args.clustersets));
    }
    if let Some(count) = args.count {
        if count < 0 {
            return Err(usage("number of clusters", &count.to_string(), "0 or more"));
        }
        spec.insert("numberOfClusters".into(), count.into());
    }
    let predicates = predicates(args)?;
    if !predicates.is_empty() {
        spec.insert("predicates".into(), predicates.into());
    }
    if !args.prioritizers.is_empty() {
        let all: Result<Vec<Value>, CommandError> = args
            .prioritizers
            .iter()
            .map(|text| prioritizer(text))
            .collect();
        let mode = if args.exact { "Exact" } else { "Additive" };
        spec.insert(
            "prioritizerPolicy".into(),
            json!({"mode": mode, "configurations": all?}),
        );
    }
    if !args.tolerate.is_empty() {
        let all: Result<Vec<Value>, CommandError> =
            args.tolerate.iter().map(|text| toleration(text)).collect();
        spec.insert("tolerations".into(), all?.into());
    }
    if !args.spread.is_empty() {
        let all: Result<Vec<Value>, CommandError> =
            args.spread.iter().map(|text| constraint(text)).collect();
        spec.insert("spreadPolicy".into(), json!({"spreadConstraints": all?}));
    }
    let mut strategy = Map::new();
    if !args.group.is_empty() {
        let all: Result<Vec<Value>, CommandError> =
            args.group.iter().map(|text| group(text)).collect();
        strategy.insert("decisionGroups".into(), all?.into());
    }
    if let Some(text) = &args.clusters_per_group {
        let size = match text.strip_suffix('%') {
            Some(percent) if (1..=100).contains(&percent.parse().unwrap_or(0)) => json!(text),
            None if text.parse::<i32>().is_ok_and(|number| number > 0) => {
                json!(text.parse::<i32>().unwrap_or(1))
            }
            _ => {
                return Err(usage(
                    "size of a group",
                    text,
                    "a number from 1, or 1% to 100%",
                ));
            }
        };
        strategy.insert("clustersPerDecisionGroup".into(), size);
    }
    if !strategy.is_empty() {
        spec.insert(
            "decisionStrategy".into(),
            json!({"groupStrategy": strategy}),
        );
    }
    Ok(Value::Object(spec))
}

/// One predicate for each of `--label-selectors`, as clusteradm makes them; what all
/// clusters must have is in each.
fn predicates(args: &Args) -> Result<Vec<Value>, CommandError> {
    let mut common = Map::new();
    if let Some(text) = &args.claim_selector {
        let selector = selector(text)?;
        let mut expressions = selector
            .get("matchExpressions")
            .cloned()
            .unwrap_or(json!([]));
        if let (Some(list), Some(equal)) = (
            expressions.as_array_mut(),
            selector.get("matchLabels").and_then(Value::as_object),
        ) {
            list.extend(
                equal
                    .iter()
                    .map(|(key, value)| json!({"key": key, "operator": "In", "values": [value]})),
            );
        }
        common.insert(
            "claimSelector".into(),
            json!({"matchExpressions": expressions}),
        );
    }
    if !args.cel.is_empty() {
        for text in &args.cel {
            crate::hub::placement::cel::compile(text)
                .map_err(|error| {
                    CommandError::usage(format!("--cel {text:?}: {error}"))
                        .hint("the cluster is managedCluster, as in 'managedCluster.metadata.labels.env == \"prod\"'")
                })?;
        }
        common.insert("celSelector".into(), json!({"celExpressions": args.cel}));
    }
    let wanted = args.selector.join(",");
    let mut alternatives: Vec<String> = args
        .label_selectors
        .iter()
        .flat_map(|text| split(text))
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(|text| match wanted.is_empty() {
            true => text.to_owned(),
            false => format!("{text},{wanted}"),
        })
        .collect();
    if alternatives.is_empty() {
        if wanted.is_empty() {
            let one = json!({"requiredClusterSelector": common});
            return Ok(if common.is_empty() {
                Vec::new()
            } else {
                vec![one]
            });
        }
        alternatives.push(wanted);
    }
    let with = |text: &String| {
        let mut all = common.clone();
        all.insert("labelSelector".into(), selector(text)?);
        Ok(json!({"requiredClusterSelector": all}))
    };
    alternatives.iter().map(with).collect()
}

/// `env=prod,zone in (a,b),!old` as a label selector.
fn selector(text: &str) -> Result<Value, CommandError> {
    let mut equal = Map::new();
    let mut listed: Vec<Value> = Vec::new();
    for part in split(text) {
        let part = part.trim();
        let words: Vec<&str> = part.splitn(3, char::is_whitespace).map(str::trim).collect();
        let values = |list: &str| -> Option<Vec<String>> {
            let inner = list.trim().strip_prefix('(')?.strip_suffix(')')?;
            Some(
                inner
                    .split(',')
                    .map(|value| value.trim().to_owned())
                    .collect(),
            )
        };
        if let [key, operator @ ("in" | "notin"), list] = words[..] {
            let values = values(list).ok_or_else(|| selector_error(text))?;
            let operator = if operator == "in" { "In" } else { "NotIn" };
            listed.push(json!({"key": key, "operator": operator, "values": values}));
        } else if let Some((key, value)) = part.split_once("!=") {
            listed.push(json!({"key": key.trim(), "operator": "NotIn", "values": [value.trim()]}));
        } else if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
            let (key, value) = (key.trim(), value.trim());
            let before = equal.insert(key.to_owned(), value.into());
            if before.is_some_and(|before| before != *value) {
                return Err(CommandError::usage(format!(
                    "selector {text:?} wants two values of {key}, which no cluster has"
                ))
                .hint(format!(
                    "alternatives are '{key} in (a,b)', or --label-selectors {key}=a,{key}=b"
                )));
            }
        } else if let Some(key) = part.strip_prefix('!') {
            listed.push(json!({"key": key.trim(), "operator": "DoesNotExist"}));
        } else if !part.is_empty() && words.len() == 1 {
            listed.push(json!({"key": part, "operator": "Exists"}));
        } else {
            return Err(selector_error(text));
        }
    }
    let mut selector = Map::new();
    if !equal.is_empty() {
        selector.insert("matchLabels".into(), equal.into());
    }
    if !listed.is_empty() {
        selector.insert("matchExpressions".into(), listed.into());
    }
    let typed = serde_json::from_value(Value::Object(selector.clone()))
        .map_err(|_| selector_error(text))?;
    crate::hub::placement::spec::check(&typed)
        .map_err(|error| CommandError::usage(format!("selector {text:?}: {error}")))?;
    Ok(selector.into())
}

fn selector_error(text: &str) -> CommandError {
    usage(
        "selector",
        text,
        "as in 'env=prod,zone in (a,b),tier!=test,gpu,!old'",
    )
}

/// At commas that are not in brackets.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn prioritizer(text: &str) -> Result<Value, CommandError> {
    let how = "BuiltIn:NAME:WEIGHT or AddOn:RESOURCE:SCORE:WEIGHT, weights from -10 to 10";
    let parts: Vec<&str> = text.trim().split(':').collect();
    let (coordinate, weight) = match parts[..] {
        ["BuiltIn", name, weight] if BUILT_IN.contains(&name) => {
            (json!({"type": "BuiltIn", "builtIn": name}), weight)
        }
        ["BuiltIn", name, _] => {
            return Err(
                CommandError::usage(format!("there is no built-in prioritizer {name:?}"))
                    .hint(format!("there are {}", BUILT_IN.join(", "))),
            );
        }
        ["AddOn", resource, score, weight] if !resource.is_empty() && !score.is_empty() => (
            json!({"type": "AddOn", "addOn": {"resourceName": resource, "scoreName": score}}),
            weight,
        ),
        _ => return Err(usage("prioritizer", text, how)),
    };
    match weight.parse::<i32>() {
        Ok(weight @ -10..=10) => Ok(json!({"scoreCoordinate": coordinate, "weight": weight})),
        _ => Err(usage("prioritizer", text, how)),
    }
}

fn toleration(text: &str) -> Result<Value, CommandError> {
    let how = "KEY[=VALUE][:EFFECT][@SECONDS]; effects are NoSelect, PreferNoSelect, NoSelectIfNew";
    let mut toleration = Map::new();
    let (rest, seconds) = match text.rsplit_once('@') {
        Some((rest, seconds)) => (rest, Some(seconds)),
        None => (text, None),
    };
    if let Some(seconds) = seconds {
        let seconds: i64 = seconds
            .parse()
            .map_err(|_| usage("toleration", text, how))?;
        toleration.insert("tolerationSeconds".into(), seconds.into());
    }
    let (rest, effect) = match rest.rsplit_once(':') {
        Some((rest, effect)) => (rest, Some(effect)),
        None => (rest, None),
    };
    match effect {
        None => {}
        Some(effect @ ("NoSelect" | "PreferNoSelect" | "NoSelectIfNew")) => {
            toleration.insert("effect".into(), effect.into());
        }
        Some(_) => return Err(usage("toleration", text, how)),
    }
    match rest.split_once('=') {
        _ if rest == "*" => {
            toleration.insert("operator".into(), "Exists".into());
        }
        _ if rest.is_empty() || rest.starts_with('=') => {
            return Err(usage("toleration", text, how));
        }
        Some((key, value)) => {
            toleration.insert("key".into(), key.into());
            toleration.insert("operator".into(), "Equal".into());
            toleration.insert("value".into(), value.into());
        }
        None => {
            toleration.insert("key".into(), rest.into());
            toleration.insert("operator".into(), "Exists".into());
        }
    }
    Ok(toleration.into())
}

fn group(text: &str) -> Result<Value, CommandError> {
    let (name, by) = text.split_once(':').ok_or_else(|| {
        usage(
            "decision group",
            text,
            "NAME:SELECTOR, as in canary:stage=canary",
        )
    })?;
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let ends = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric());
    if !(2..=63).contains(&name.len()) || !ends || !name.chars().all(inner) {
        return Err(usage(
            "name of a group",
            name,
            "2 to 63 letters, digits, -, _ and .",
        ));
    }
    Ok(json!({"groupName": name, "groupClusterSelector": {"labelSelector": selector(by)?}}))
}

fn constraint(text: &str) -> Result<Value, CommandError> {
    let mut parts: Vec<&str> = text.split(':').collect();
    let must = parts.len() > 1 && parts.last() == Some(&"must");
    if must {
        parts.pop();
    }
    let skew = match parts[..] {
        [key] if !key.is_empty() => Some(1),
        [key, skew] if !key.is_empty() => skew.parse::<i32>().ok().filter(|skew| *skew > 0),
        _ => None,
    };
    let skew = skew.ok_or_else(|| {
        usage(
            "topology",
            text,
            "LABEL[:SKEW][:must], as in topology.kubernetes.io/region:2:must",
        )
    })?;
    let action = if must {
        "DoNotSchedule"
    } else {
        "ScheduleAnyway"
    };
    Ok(
        json!({"topologyKey": parts[0], "topologyKeyType": "Label", "maxSkew": skew, "whenUnsatisfiable": action}),
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn read(words: &[&str]) -> Result<Value, CommandError> {
        let line = Line::try_parse_from([&["create", "p"], words].concat()).unwrap();
        spec(&line.args)
    }

    #[test]
    fn every_field_is_written() {
        let spec = read(&[
            "--clustersets",
            "a,b",
            "-l",
            "env=prod,zone in (x,y)",
            "-l",
            "!old",
            "--claim-selector",
            "region=eu",
            "--cel",
            "managedCluster.metadata.name != 'c9'",
            "--count",
            "3",
            "--prioritizers",
            "BuiltIn:Steady:3,AddOn:res:speed:-1",
            "--exact",
            "--tolerate",
            "gpu=no:NoSelect@60",
            "--tolerate",
            "*",
            "--group",
            "canary:stage=canary",
            "--clusters-per-group",
            "50%",
            "--spread",
            "zone:2:must",
        ])
        .unwrap();
        assert_eq!(spec["clusterSets"], json!(["a", "b"]));
        assert_eq!(spec["numberOfClusters"], 3);
        let first = &spec["predicates"][0]["requiredClusterSelector"];
        assert_eq!(
            first["labelSelector"],
            json!({"matchLabels": {"env": "prod"}, "matchExpressions": [
            {"key": "zone", "operator": "In", "values": ["x", "y"]},
            {"key": "old", "operator": "DoesNotExist"}]})
        );
        assert_eq!(
            first["claimSelector"]["matchExpressions"],
            json!([{"key": "region", "operator": "In", "values": ["eu"]}])
        );
        assert_eq!(
            first["celSelector"]["celExpressions"][0],
            "managedCluster.metadata.name != 'c9'"
        );
        assert_eq!(
            spec["prioritizerPolicy"],
            json!({"mode": "Exact", "configurations": [
            {"scoreCoordinate": {"type": "BuiltIn", "builtIn": "Steady"}, "weight": 3},
            {"scoreCoordinate": {"type": "AddOn", "addOn": {"resourceName": "res", "scoreName": "speed"}}, "weight": -1}]})
        );
        assert_eq!(
            spec["tolerations"],
            json!([
            {"key": "gpu", "operator": "Equal", "value": "no", "effect": "NoSelect", "tolerationSeconds": 60},
            {"operator": "Exists"}])
        );
        assert_eq!(
            spec["decisionStrategy"]["groupStrategy"]["clustersPerDecisionGroup"],
            "50%"
        );
        assert_eq!(
            spec["spreadPolicy"]["spreadConstraints"][0]["whenUnsatisfiable"],
            "DoNotSchedule"
        );
        assert_eq!(read(&[]).unwrap(), json!({}));
    }

    #[test]
    fn label_selectors_are_alternatives_and_a_selector_holds_for_all() {
        let labels = |words: &[&str]| -> Vec<Value> {
            let spec = read(words).unwrap();
            let all = spec["predicates"].as_array().unwrap().clone();
            all.into_iter()
                .map(|mut one| one["requiredClusterSelector"]["labelSelector"].take())
                .collect()
        };
        // As clusteradm reads them.
        assert_eq!(
            labels(&[
                "--label-selectors",
                "env=prod,env=dev",
                "--label-selectors=gpu"
            ]),
            [
                json!({"matchLabels": {"env": "prod"}}),
                json!({"matchLabels": {"env": "dev"}}),
                json!({"matchExpressions": [{"key": "gpu", "operator": "Exists"}]}),
            ]
        );
        assert_eq!(
            labels(&[
                "--label-selectors",
                "zone in (a,b),tier!=test",
                "-l",
                "env=prod,x=y"
            ]),
            [
                json!({"matchLabels": {"env": "prod", "x": "y"}, "matchExpressions": [
                    {"key": "zone", "operator": "In", "values": ["a", "b"]}]}),
                json!({"matchLabels": {"env": "prod", "x": "y"}, "matchExpressions": [
                    {"key": "tier", "operator": "NotIn", "values": ["test"]}]}),
            ]
        );
    }

    #[test]
    fn nonsense_is_refused_with_a_way_out() {
        for words in [
            &["-l", "a b c"][..],
            &["-l", "env in a,b"],
            &["-l", "env=not a value"],
            &["-l", "env=prod,env=dev"],
            &["--prioritizers", "BuiltIn:Spread:1"],
            &["--prioritizers", "BuiltIn:Steady:99"],
            &["--prioritizers", "Steady"],
            &["--tolerate", "a:Never"],
            &["--tolerate", "a@soon"],
            &["--tolerate", "=x"],
            &["--group", "canary"],
            &["--group", "c:a=b"],
            &["--clusters-per-group", "0"],
            &["--clusters-per-group", "101%"],
            &["--cel", "managedCluster.name =="],
            &["--count", "-1"],
            &["--spread", "zone:none"],
        ] {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            // Values may begin with a dash.
            let joined = format!(
                "{}={}",
                if words[0] == "-l" {
                    "--selector"
                } else {
                    &words[0]
                },
                words[1]
            );
            let error = read(&[&joined]).expect_err(&joined);
            assert_eq!(error.kind(), crate::error::Kind::Usage, "{joined}");
        }
    }
}
