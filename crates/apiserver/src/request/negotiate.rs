//! The `Accept` header: which encoding, and whether objects are wanted whole,
//! as tables, or as metadata only.

use crate::status::Status;

/// What objects are turned into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// As they are.
    #[default]
    Whole,
    /// `meta.k8s.io` Table.
    Table,
    /// `meta.k8s.io` PartialObjectMetadata, and its list.
    Metadata,
}

/// What the client takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accept {
    /// Into what.
    pub shape: Shape,
    /// `v1` or `v1beta1` of `meta.k8s.io`, when it is not whole.
    pub version: String,
    /// Whether the metadata of a list was asked for.
    pub of_list: bool,
    /// YAML instead of JSON.
    pub yaml: bool,
    /// What the rows of a table carry of their objects.
    pub include: Include,
}

/// `includeObject`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Include {
    /// Nothing.
    None,
    /// Their metadata.
    #[default]
    Metadata,
    /// All.
    Object,
}

impl Include {
    /// Reads the query parameter.
    pub fn parse(value: Option<&str>) -> Result<Self, Status> {
        match value {
            None | Some("Metadata") => Ok(Self::Metadata),
            Some("None") => Ok(Self::None),
            Some("Object") => Ok(Self::Object),
            Some(other) => Err(Status::bad_request(format!(
                "Unable to convert to Table as requested: includeObject: Invalid value: \"{other}\": must be 'Metadata', 'Object', 'None', or empty"
            ))),
        }
    }
}

/// One entry of an `Accept` header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaType {
    /// For example `application/json`.
    pub name: String,
    /// The `as`, `g` and `v` parameters.
    pub as_kind: String,
    /// See `as_kind`.
    pub group: String,
    /// See `as_kind`.
    pub version: String,
}

/// The entries of an `Accept` header, best first.
pub fn media_types(header: &str) -> Vec<MediaType> {
    let mut entries: Vec<(f32, MediaType)> = header
        .split(',')
        .filter_map(|entry| {
            let mut parts = entry.split(';').map(str::trim);
            let mut media = MediaType {
                name: parts
                    .next()
                    .filter(|name| !name.is_empty())?
                    .to_ascii_lowercase(),
                ..MediaType::default()
            };
            let mut quality = 1.0;
            for parameter in parts {
                let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
                match key {
                    "as" => value.clone_into(&mut media.as_kind),
                    "g" => value.clone_into(&mut media.group),
                    "v" => value.clone_into(&mut media.version),
                    "q" => quality = value.parse().unwrap_or(1.0),
                    _ => {}
                }
            }
            Some((quality, media))
        })
        .collect();
    entries.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    entries.into_iter().map(|(_, media)| media).collect()
}

/// 406: the encoding is known, and not what is to be in it.
pub fn only_these() -> Status {
    Status::new(
        406,
        "NotAcceptable",
        "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf",
    )
}

impl Accept {
    /// Picks the first entry this server can answer.
    pub fn parse(header: &str) -> Result<Self, Status> {
        if header.trim().is_empty() {
            return Ok(Self::default());
        }
        let mut known = false;
        for media in media_types(header) {
            let yaml = match media.name.as_str() {
                "application/json" | "*/*" | "application/*" => false,
                "application/yaml" => true,
                _ => continue,
            };
            known = true;
            let shape = match (media.as_kind.as_str(), media.group.as_str()) {
                ("", _) => Shape::Whole,
                ("Table", "meta.k8s.io") => Shape::Table,
                ("PartialObjectMetadata" | "PartialObjectMetadataList", "meta.k8s.io") => {
                    Shape::Metadata
                }
                _ => continue,
            };
            if shape != Shape::Whole && !matches!(media.version.as_str(), "v1" | "v1beta1") {
                continue;
            }
            return Ok(Self {
                shape,
                version: media.version,
                of_list: media.as_kind == "PartialObjectMetadataList",
                yaml,
                include: Include::Metadata,
            });
        }
        if known {
            return Err(only_these());
        }
        Err(Status::generic(
            406,
            "NotAcceptable",
            "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf, application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_headers() {
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        assert_eq!(Accept::parse(table).unwrap().shape, Shape::Table);
        assert_eq!(Accept::parse("").unwrap(), Accept::default());
        assert_eq!(Accept::parse("*/*").unwrap(), Accept::default());
        assert!(Accept::parse("application/yaml").unwrap().yaml);
        let protobuf = "application/vnd.kubernetes.protobuf,application/json";
        assert_eq!(Accept::parse(protobuf).unwrap(), Accept::default());
        let metadata = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
        assert_eq!(Accept::parse(metadata).unwrap().shape, Shape::Metadata);
        assert_eq!(Accept::parse("text/html").unwrap_err().code, 406);
        assert_eq!(
            Accept::parse("application/json;as=Chair;v=v1;g=meta.k8s.io")
                .unwrap_err()
                .code,
            406
        );
        assert!(
            !Accept::parse("application/yaml;q=0.5,application/json")
                .unwrap()
                .yaml
        );
    }
}
