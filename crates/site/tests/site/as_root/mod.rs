//! With programs and rights that only root has.

mod firewall;
mod programs;
mod town;
