//! `CommandError`: what every command returns, with its hints and exit code.
