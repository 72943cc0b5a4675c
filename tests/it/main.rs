//! The one integration-test binary. Each module is one subject; `harness`
//! holds what they share. (`cfg(test)` tells clippy that these are tests.)

#[cfg(test)]
mod agent;
#[cfg(test)]
mod apiserver;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod crds;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod house;
#[cfg(test)]
mod hub;
#[cfg(test)]
mod operators;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod real_half;
#[cfg(test)]
mod sandbox;
#[cfg(test)]
mod truth;
#[cfg(test)]
mod upstream;
#[cfg(test)]
mod work;
