//! Kubeconfigs: loaded as kubectl loads them, one context chosen, new ones built.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::{Cluster, Kubeconfig};
use serde_json::{Value, json};
use thiserror::Error;

/// Why there is no usable kubeconfig.
#[derive(Debug, Error)]
pub enum KubeconfigError {
    /// The file named by the user is not there or cannot be read.
    #[error("cannot read kubeconfig {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// What should be a file name has lines: the content of a kubeconfig, which
    /// holds keys and is not quoted.
    #[error("$KUBECONFIG or --kubeconfig holds the content of a file, not its name")]
    Content,
    /// A file is no kubeconfig. Its content is never quoted.
    #[error("{path}:{line}:{column}: not a kubeconfig: {message}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
        /// Counted from 1.
        column: u64,
        /// What is wrong.
        message: String,
    },
    /// Files that cannot be merged.
    #[error("cannot merge kubeconfig {path}")]
    Merge {
        /// The file that does not fit those before it.
        path: PathBuf,
        /// What kube says.
        #[source]
        source: Box<kube::config::KubeconfigError>,
    },
    /// No file, or only empty ones.
    #[error("no kubeconfig found (looked at {})", looked_at.join(", "))]
    Nothing {
        /// Where it was looked for.
        looked_at: Vec<String>,
    },
    /// The context does not exist.
    #[error("context {context:?} does not exist")]
    UnknownContext {
        /// The one asked for.
        context: String,
        /// Those that exist, sorted.
        known: Vec<String>,
        /// The nearest of them, if one is near.
        similar: Option<String>,
    },
    /// Neither `--context` nor a current context.
    #[error("no context given, and the kubeconfig has no current one")]
    NoContext {
        /// Those that exist, sorted.
        known: Vec<String>,
    },
    /// A context names a cluster or a user that is not there.
    #[error("context {context:?} names the {what} {name:?}, which does not exist")]
    Dangling {
        /// The context.
        context: String,
        /// `cluster` or `user`.
        what: &'static str,
        /// The name that is missing.
        name: String,
    },
    /// The server is missing or no URL.
    #[error("context {context:?} has no usable server URL")]
    NoServer {
        /// The context.
        context: String,
    },
}

/// A kubeconfig, merged from its files.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The merged content.
    pub config: Kubeconfig,
    /// The files it came from.
    pub files: Vec<PathBuf>,
}

/// Where kubectl looks: the file given, else `$KUBECONFIG`, else `~/.kube/config`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Places {
    /// One that must exist.
    Explicit(PathBuf),
    /// Several of which each may be missing.
    Search(Vec<PathBuf>),
}

impl Places {
    /// Decides by flag and environment.
    #[must_use]
    pub fn find(flag: Option<&Path>) -> Self {
        Self::decide(flag, env::var_os("KUBECONFIG").as_deref(), env::home_dir())
    }

    fn decide(flag: Option<&Path>, variable: Option<&OsStr>, home: Option<PathBuf>) -> Self {
        if let Some(path) = flag {
            return Self::Explicit(path.to_owned());
        }
        let listed: Vec<PathBuf> = variable
            .into_iter()
            .flat_map(env::split_paths)
            .filter(|path| !path.as_os_str().is_empty())
            .collect();
        if !listed.is_empty() {
            return Self::Search(listed);
        }
        Self::Search(
            home.map(|home| home.join(".kube/config"))
                .into_iter()
                .collect(),
        )
    }
}

/// Loads and merges.
///
/// # Errors
/// A file that cannot be read or is no kubeconfig, or none at all.
pub fn load(places: &Places) -> Result<Loaded, KubeconfigError> {
    let (paths, must_exist) = match places {
        Places::Explicit(path) => (std::slice::from_ref(path), true),
        Places::Search(paths) => (paths.as_slice(), false),
    };
    let mut merged: Option<Kubeconfig> = None;
    let mut files = Vec::new();
    for path in paths {
        if path.as_os_str().as_encoded_bytes().contains(&b'\n') {
            return Err(KubeconfigError::Content);
        }
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !must_exist => continue,
            Err(source) => {
                return Err(KubeconfigError::Read {
                    path: path.clone(),
                    source,
                });
            }
        };
        let next = parse(path, &bytes)?;
        files.push(path.clone());
        merged = Some(match merged {
            None => next,
            Some(before) => before
                .merge(next)
                .map_err(|source| KubeconfigError::Merge {
                    path: path.clone(),
                    source: Box::new(source),
                })?,
        });
    }
    match merged {
        Some(config) if !(config.contexts.is_empty() && config.clusters.is_empty()) => {
            Ok(Loaded { config, files })
        }
        _ => Err(KubeconfigError::Nothing {
            looked_at: paths.iter().map(|p| p.display().to_string()).collect(),
        }),
    }
}

/// Why a text is no kubeconfig. The text, which holds credentials, is not quoted.
#[derive(Debug, Error)]
pub enum TextError {
    /// It is no YAML.
    #[error("wrong syntax in line {line}, column {column}")]
    Syntax {
        /// Counted from 1.
        line: u64,
        /// Counted from 1.
        column: u64,
    },
    /// It is YAML, but something in this entry is not as it should be.
    #[error("{0} has a wrong field")]
    Field(String),
    /// Its documents do not go together.
    #[error("its documents cannot be merged")]
    Merge(#[source] Box<kube::config::KubeconfigError>),
}

/// Reads a kubeconfig. By way of JSON's values, other than
/// `Kubeconfig::from_yaml`: so the program has one reader of YAML, not one for
/// each type in a kubeconfig.
///
/// # Errors
/// It is none.
pub fn from_text(text: &str) -> Result<Kubeconfig, TextError> {
    // No snippets: the lines beside an error hold tokens and keys.
    let options = serde_saphyr::options! { with_snippet: false };
    let documents: Vec<Value> =
        serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
            let at = error.location();
            let (line, column) = at.map_or((1, 1), |at| (at.line(), at.column()));
            TextError::Syntax { line, column }
        })?;
    let mut config = Kubeconfig::default();
    for document in documents.into_iter().filter(|value| !value.is_null()) {
        let wrong = wrong_entry(&document);
        let document = serde_json::from_value(document).map_err(|_| TextError::Field(wrong))?;
        let merged = config.merge(document);
        config = merged.map_err(|error| TextError::Merge(Box::new(error)))?;
    }
    Ok(config)
}

/// The first entry of a kubeconfig that cannot be read, as `users[1]`.
fn wrong_entry(document: &Value) -> String {
    fn reads<T: serde::de::DeserializeOwned>(value: &Value) -> bool {
        T::deserialize(value).is_ok()
    }
    let wrong = |field: &str, reads: fn(&Value) -> bool| {
        let entries = document.get(field)?.as_array()?;
        let number = entries.iter().position(|entry| !reads(entry))?;
        Some(format!("{field}[{number}]"))
    };
    wrong("clusters", reads::<kube::config::NamedCluster>)
        .or_else(|| wrong("users", reads::<kube::config::NamedAuthInfo>))
        .or_else(|| wrong("contexts", reads::<kube::config::NamedContext>))
        .unwrap_or_else(|| "the file".to_owned())
}

/// One file; relative paths in it are meant from its folder.
fn parse(path: &Path, bytes: &[u8]) -> Result<Kubeconfig, KubeconfigError> {
    let wrong = |line, column, message: String| KubeconfigError::Parse {
        path: path.to_owned(),
        line,
        column,
        message,
    };
    let text =
        std::str::from_utf8(bytes).map_err(|_| wrong(1, 1, "this is not UTF-8 text".to_owned()))?;
    let mut config = from_text(text).map_err(|error| match error {
        TextError::Syntax { line, column } => wrong(line, column, "wrong syntax".to_owned()),
        TextError::Field(what) => wrong(1, 1, format!("{what} has a wrong field")),
        TextError::Merge(source) => KubeconfigError::Merge {
            path: path.to_owned(),
            source,
        },
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let absolute = |file: &mut Option<String>| {
        if let Some(name) = file
            && Path::new(name.as_str()).is_relative()
            && !name.is_empty()
        {
            *name = folder.join(&*name).to_string_lossy().into_owned();
        }
    };
    for cluster in config
        .clusters
        .iter_mut()
        .filter_map(|c| c.cluster.as_mut())
    {
        absolute(&mut cluster.certificate_authority);
    }
    for user in config
        .auth_infos
        .iter_mut()
        .filter_map(|u| u.auth_info.as_mut())
    {
        absolute(&mut user.client_certificate);
        absolute(&mut user.client_key);
        absolute(&mut user.token_file);
        if let Some(exec) = &mut user.exec
            && exec.command.as_ref().is_some_and(|c| c.contains('/'))
        {
            absolute(&mut exec.command);
        }
    }
    Ok(config)
}

/// The context to use, and its cluster.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The context's name.
    pub context: String,
    /// The cluster's name in the kubeconfig.
    pub cluster_name: String,
    /// The API server's URL as it is written.
    pub server: String,
    /// The cluster's entry.
    pub cluster: Cluster,
}

/// Chooses the context: the one given, else the current one.
///
/// # Errors
/// It does not exist, or names what does not exist.
pub fn choose(config: &Kubeconfig, context: Option<&str>) -> Result<Chosen, KubeconfigError> {
    let mut known: Vec<String> = config.contexts.iter().map(|c| c.name.clone()).collect();
    known.sort();
    let current = config.current_context.as_deref().filter(|c| !c.is_empty());
    let Some(name) = context.or(current) else {
        return Err(KubeconfigError::NoContext { known });
    };
    let Some(context) = config
        .contexts
        .iter()
        .find(|c| c.name == name)
        .and_then(|c| c.context.as_ref())
    else {
        return Err(KubeconfigError::UnknownContext {
            context: name.to_owned(),
            similar: nearest(name, known.iter().map(String::as_str)),
            known,
        });
    };
    let dangling = |what, missing: &str| KubeconfigError::Dangling {
        context: name.to_owned(),
        what,
        name: missing.to_owned(),
    };
    let cluster = config
        .clusters
        .iter()
        .find(|c| c.name == context.cluster)
        .and_then(|c| c.cluster.clone())
        .ok_or_else(|| dangling("cluster", &context.cluster))?;
    if let Some(user) = context.user.as_deref()
        && !user.is_empty()
        && !config.auth_infos.iter().any(|u| u.name == user)
    {
        return Err(dangling("user", user));
    }
    let server = cluster
        .server
        .clone()
        .filter(|server| server.contains("://"))
        .ok_or_else(|| KubeconfigError::NoServer {
            context: name.to_owned(),
        })?;
    Ok(Chosen {
        context: name.to_owned(),
        cluster_name: context.cluster.clone(),
        server,
        cluster,
    })
}

/// The name most like the one given, if it is like it at all.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let lower = name.to_lowercase();
    known
        .into_iter()
        .map(|candidate| {
            let other = candidate.to_lowercase();
            let mut score = strsim::jaro_winkler(&lower, &other);
            let distance = strsim::damerau_levenshtein(&lower, &other);
            if distance <= (lower.len() / 3).max(1) {
                score = score.max(0.9);
            }
            if lower.len() >= 3 && (other.contains(&lower) || lower.contains(&other)) {
                score = score.max(0.99);
            }
            (score, candidate)
        })
        .filter(|(score, _)| *score >= 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.to_owned())
}

/// The CA certificates (PEM) a cluster entry trusts, if it names any.
///
/// # Errors
/// The file cannot be read, or the data is no base64.
pub fn ca_of(cluster: &Cluster) -> Result<Option<Vec<u8>>, io::Error> {
    if let Some(data) = &cluster.certificate_authority_data
        && !data.is_empty()
    {
        return STANDARD
            .decode(data.trim())
            .map(Some)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the CA data is no base64"));
    }
    match &cluster.certificate_authority {
        Some(file) if !file.is_empty() => std::fs::read(file).map(Some),
        _ => Ok(None),
    }
}

/// What a new kubeconfig is made of.
#[derive(Clone, Debug)]
pub struct Bootstrap<'a> {
    /// The hub's API server.
    pub server: &'a str,
    /// CA certificates (PEM); none means the system's.
    pub ca: Option<&'a [u8]>,
    /// A proxy on the way to the hub.
    pub proxy_url: Option<&'a str>,
    /// The bearer token.
    pub token: &'a str,
}

/// A kubeconfig that logs on with a token: cluster `hub`, user and context
/// `bootstrap`, as clusteradm writes it.
#[must_use]
pub fn bootstrap(values: &Bootstrap<'_>) -> Value {
    let mut cluster = json!({"server": values.server});
    if let Some(ca) = values.ca {
        cluster["certificate-authority-data"] = STANDARD.encode(ca).into();
    }
    if let Some(proxy) = values.proxy_url {
        cluster["proxy-url"] = proxy.into();
    }
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "hub", "cluster": cluster}],
        "users": [{"name": "bootstrap", "user": {"token": values.token}}],
        "contexts": [{"name": "bootstrap", "context": {"cluster": "hub", "user": "bootstrap", "namespace": "default"}}],
        "current-context": "bootstrap",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "
apiVersion: v1
kind: Config
current-context: hub
clusters:
- {name: h, cluster: {server: 'https://127.0.0.1:1', certificate-authority: ca.crt}}
contexts:
- {name: hub, context: {cluster: h, user: u}}
- {name: cluster1, context: {cluster: h, user: u}}
- {name: broken, context: {cluster: gone, user: u}}
users:
- {name: u, user: {token: SECRET}}
";

    fn loaded(text: &str) -> Result<Loaded, KubeconfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        std::fs::write(&path, text).unwrap();
        load(&Places::Explicit(path))
    }

    #[test]
    fn places_are_those_of_kubectl() {
        let search = |paths: &[&str]| Places::Search(paths.iter().map(PathBuf::from).collect());
        let home = || Some(PathBuf::from("/home/u"));
        assert_eq!(
            Places::decide(Some(Path::new("x")), Some(OsStr::new("a:b")), home()),
            Places::Explicit("x".into())
        );
        assert_eq!(
            Places::decide(None, Some(OsStr::new("a::b")), home()),
            search(&["a", "b"])
        );
        assert_eq!(
            Places::decide(None, Some(OsStr::new("")), home()),
            search(&["/home/u/.kube/config"])
        );
    }

    #[test]
    fn files_are_merged_and_the_first_wins() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&a, TWO).unwrap();
        std::fs::write(
            &b,
            TWO.replace("current-context: hub", "current-context: cluster1")
                .replace("name: cluster1", "name: other"),
        )
        .unwrap();
        let missing = folder.path().join("missing");
        let all = load(&Places::Search(vec![missing, a.clone(), b])).unwrap();
        assert_eq!(all.config.current_context.as_deref(), Some("hub"));
        assert_eq!(
            choose(&all.config, Some("other")).unwrap().cluster_name,
            "h"
        );
        assert_eq!(
            choose(&all.config, None)
                .unwrap()
                .cluster
                .certificate_authority,
            Some(a.with_file_name("ca.crt").display().to_string())
        );
    }

    #[test]
    fn what_is_wrong_is_named_and_not_quoted() {
        for (from, to, expected) in [
            (
                "token: SECRET",
                "token: [SECRET]",
                "users[0] has a wrong field",
            ),
            (
                "{cluster: gone, user: u}",
                "gone",
                "contexts[2] has a wrong field",
            ),
            (
                "clusters:",
                "clusters: 7\nothers:",
                "the file has a wrong field",
            ),
            ("kind: Config", "kind: @SECRET", "wrong syntax"),
        ] {
            let error = loaded(&TWO.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("SECRET"), "{error}");
        }
        let error = loaded(&TWO.replace("kind: Config", "kind: {")).unwrap_err();
        assert!(
            matches!(error, KubeconfigError::Parse { line, .. } if line > 2),
            "{error}"
        );
    }

    #[test]
    fn an_unknown_context_names_its_neighbour() {
        let config = loaded(TWO).unwrap().config;
        let error = choose(&config, Some("clsuter1")).unwrap_err();
        let KubeconfigError::UnknownContext { known, similar, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(known, ["broken", "cluster1", "hub"]);
        assert_eq!(similar.as_deref(), Some("cluster1"));
        assert!(
            choose(&config, Some("broken"))
                .unwrap_err()
                .to_string()
                .contains("\"gone\"")
        );
    }

    #[test]
    fn errors_hold_no_secret() {
        let error = loaded(&TWO.replace("kind: Config", "kind: [Config")).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains("not a kubeconfig"), "{text}");
        assert!(!text.contains("SECRET"), "{text}");
        assert!(matches!(
            loaded("").unwrap_err(),
            KubeconfigError::Nothing { .. }
        ));
        // KUBECONFIG="$(ocmadm sandbox kubeconfig)": the content, not the name.
        let places = Places::decide(None, Some(OsStr::new(TWO)), None);
        let error = load(&places).unwrap_err();
        assert!(matches!(error, KubeconfigError::Content), "{error:?}");
    }

    #[test]
    fn neighbours_are_near() {
        let known = ["hub", "cluster1", "kind-cluster2"];
        for (typed, expected) in [
            ("hbu", Some("hub")),
            ("cluster2", Some("kind-cluster2")),
            ("HUB", Some("hub")),
            ("production", None),
        ] {
            assert_eq!(nearest(typed, known).as_deref(), expected, "{typed}");
        }
    }

    #[test]
    fn a_bootstrap_kubeconfig_is_one() {
        let value = bootstrap(&Bootstrap {
            server: "https://hub:6443",
            ca: Some(b"PEM"),
            proxy_url: None,
            token: "abc",
        });
        let config: Kubeconfig = serde_json::from_value(value).unwrap();
        let chosen = choose(&config, None).unwrap();
        assert_eq!(chosen.server, "https://hub:6443");
        assert_eq!(
            ca_of(&chosen.cluster).unwrap().as_deref(),
            Some(&b"PEM"[..])
        );
    }
}
