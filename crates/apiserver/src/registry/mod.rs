//! See the crate documentation: the stage `registry`.

pub mod view;

pub use view::View;
