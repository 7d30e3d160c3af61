//! With real nginx, HAProxy and WireGuard, in network namespaces of the tests' own.

mod guard;
mod hosts;
mod http;
mod identity;
mod passing;
mod tunnel;
