//! How the program is linked where the linker is the one that Rust brings for
//! Linux on x86-64: functions of equal code are there once, and relocations are
//! packed (10 KB instead of 0.9 MB) where this machine's C library understands
//! that. What the program is larger, hub and agent occupy of memory.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|is| is == value);
    let platform = "x86_64-unknown-linux-gnu";
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    // Somebody else's linker may not know the arguments.
    let chosen = env::var_os("RUSTC_LINKER").is_some() || flags.contains("link");
    if !is("PROFILE", "release") || !is("HOST", platform) || !is("TARGET", platform) || chosen {
        return;
    }
    println!("cargo:rustc-link-arg-bins=-Wl,--icf=all");
    if glibc().is_some_and(|version| version >= (2, 36)) {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of this machine's C library.
fn glibc() -> Option<(u32, u32)> {
    let said = Command::new("getconf")
        .arg("GNU_LIBC_VERSION")
        .output()
        .ok()?;
    let said = String::from_utf8(said.stdout).ok()?;
    let (major, minor) = said.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
