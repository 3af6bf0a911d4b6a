//! The handlers that ship with the crate. They use nothing that other handlers could not use.

mod fixed_text;

pub use fixed_text::FixedText;
