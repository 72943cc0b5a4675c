//! See the crate documentation: the stage `registry`.

#[cfg(test)]
pub(crate) mod memory;
pub mod view;

pub use view::View;
