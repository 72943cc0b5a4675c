//! `cargo run --example generate`: writes what is generated out of the code into
//! `completions/`, `man/` and `embedded-manifests/crds/` of this repository. Not a
//! command of ocmadm, whose users would carry it for nothing.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use ocmadm::cli;
use ocmadm::cmd::generate;

fn main() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = generate::docs(&cli::command())
        .into_iter()
        .chain(generate::definitions()?);
    for (path, content) in files {
        let target = root.join(&path);
        if fs::read(&target).is_ok_and(|present| present == content) {
            continue;
        }
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&target, &content)
            .with_context(|| format!("cannot write {}", target.display()))?;
    }
    Ok(())
}
