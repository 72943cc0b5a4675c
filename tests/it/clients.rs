//! Clients that are not ours, against the embedded and the real API server.
//! What they print on a real one is recorded in `tests/clients/recorded`, so that
//! the comparison needs none; the run on a real one compares it as well.
//! Recording again: `OCMADM_RECORD=1 OCMADM_TEST_SERVER=real cargo test --test it clients::`.

mod clientgo;
mod kubectl;
mod masks;
mod transcript;
