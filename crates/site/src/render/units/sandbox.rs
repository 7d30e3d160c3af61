//! What every service is kept from.

/// No capabilities, no devices, no other processes, a read-only system, nothing of the kernel's to be changed.
pub(in crate::render) const HARDENED: &str = "CapabilityBoundingSet=
AmbientCapabilities=
NoNewPrivileges=yes
PrivateMounts=yes
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
PrivateIPC=yes
ProtectSystem=strict
ProtectHome=yes
ProtectProc=invisible
ProcSubset=pid
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
KeyringMode=private
";

/// The system calls of an ordinary service.
pub(in crate::render) const CALLS: &str = "SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
";

/// For what asks nobody on a network.
pub(super) const OFFLINE: &str = "PrivateNetwork=yes
IPAddressDeny=any
RestrictAddressFamilies=AF_UNIX
";
