//! How the program is linked where the linker is the one that Rust brings for
//! Linux on x86-64: functions of equal code are there once. That makes the program
//! smaller, and with it what hub and agent occupy of memory.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|is| is == value);
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    // Somebody else's linker may not know the argument.
    let chosen = env::var_os("RUSTC_LINKER").is_some() || flags.contains("link");
    let rusts_own =
        is("HOST", "x86_64-unknown-linux-gnu") && is("TARGET", "x86_64-unknown-linux-gnu");
    if is("PROFILE", "release") && rusts_own && !chosen {
        println!("cargo:rustc-link-arg-bins=-Wl,--icf=all");
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}
