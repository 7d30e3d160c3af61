//! Switches of the kernel that a fresh machine does not have as they should be (rows B1 and D2).

use crate::rendered::Rendered;

use super::{HEAD, View, fixed};

/// Debian leaves it at 0, with which any program of the signer's user reads the signer's memory.
pub(super) fn files(_: View<'_>) -> Vec<Rendered> {
    let out = format!(
        "{HEAD}# A process reads the memory of its own children, and of no other. Not every kernel can say so.\n-kernel.yama.ptrace_scope = 1\n"
    );
    vec![Rendered::public(fixed("/etc/sysctl.d/50-countersign.conf"), out)]
}
