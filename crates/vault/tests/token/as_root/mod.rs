//! SoftHSM and OpenSC's tool are programs of the distribution.

mod bench;
mod birth;
mod opening;
mod outage;
mod restart;
mod signing;
