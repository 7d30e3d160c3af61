//! sshd: keys only, no root, named administrators (rows B5, D16). Without names nothing is rendered, because it could
//! lock everybody out.

use crate::render::Put as _;
use crate::rendered::Rendered;
use crate::values::UserName;

use super::{HEAD, View, fixed};

pub(super) fn files(view: View<'_>) -> Vec<Rendered> {
    let access = &view.site.access;
    if access.admins.is_empty() {
        return Vec::new();
    }
    let admins: Vec<&str> = access.admins.iter().map(UserName::as_str).collect();
    let mut out = format!(
        "{HEAD}Port {}\nAllowUsers {}\nPermitRootLogin no\nAuthenticationMethods publickey\n\
         PubkeyAuthentication yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
         PermitEmptyPasswords no\nMaxAuthTries 3\nLoginGraceTime 30\nMaxStartups 10:30:60\n\
         X11Forwarding no\nAllowAgentForwarding no\nPermitTunnel no\nGatewayPorts no\n\
         # For the status page: ssh -L.\nAllowTcpForwarding local\nPermitUserEnvironment no\n\
         ClientAliveInterval 60\nClientAliveCountMax 3\nLogLevel VERBOSE\n",
        access.ssh_port,
        admins.join(" "),
    );
    if access.hardware_keys {
        out.put(format_args!("# Only keys that live in hardware, and only after its PIN.\n\
             PubkeyAcceptedAlgorithms sk-ssh-ed25519@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com\n\
             PubkeyAuthOptions verify-required\n"));
    }
    vec![Rendered::public(fixed("/etc/ssh/sshd_config.d/10-countersign.conf"), out)]
}
