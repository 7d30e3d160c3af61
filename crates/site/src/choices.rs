//! Values of which there are a few, each with a name in the file.

/// A name in the file for each case.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident, $key:literal { $($(#[$case_doc:meta])* $case:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$case_doc])* $case),+
        }

        impl $name {
            /// Every case.
            pub const ALL: &[Self] = &[$(Self::$case),+];

            /// The name in the file.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$case => $text),+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::values::Refused;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$case),)+
                    _ => Err(crate::values::Refused($key)),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

names!(
    /// A Stacks network.
    Network, "write \"mainnet\", \"testnet\" or \"mocknet\"" {
        /// The network with money.
        Mainnet = "mainnet",
        /// The public test network.
        Testnet = "testnet",
        /// A private network.
        Mocknet = "mocknet",
    }
);

names!(
    /// For whom the signer signs (row A1).
    Profile, "write \"solo\" or \"pool\"" {
        /// One stacker, for itself.
        Solo = "solo",
        /// An operator, for those who delegate.
        Pool = "pool",
    }
);

names!(
    /// What starts the programs.
    Runtime, "write \"systemd\" or \"docker\"" {
        /// Units.
        Systemd = "systemd",
        /// A compose file.
        Docker = "docker",
    }
);

names!(
    /// One of the machines. On one host the signer's is the only one.
    HostRole, "write \"signer\" or \"node\"" {
        /// The one that signs.
        Signer = "signer",
        /// The one with stacks-node and bitcoind.
        Node = "node",
    }
);

names!(
    /// Where the signing key is kept.
    KeyPlace, "write \"age\", \"credential\" or \"pkcs11\"" {
        /// Sealed by systemd to this machine.
        Credential = "credential",
        /// In an encrypted file of age.
        Age = "age",
        /// In a token, which it never leaves.
        Pkcs11 = "pkcs11",
    }
);

names!(
    /// What kind of bitcoind the node asks.
    BitcoinMode, "write \"full\", \"pruned\" or \"external\"" {
        /// All blocks, with an index of transactions.
        Full = "full",
        /// The newest blocks only.
        Pruned = "pruned",
        /// Somebody else's; nothing is rendered for it.
        External = "external",
    }
);

names!(
    /// What carries callbacks and questions between two hosts.
    LinkKind, "write \"countersign\", \"nginx\", \"haproxy\" or \"wireguard\"" {
        /// Built in: mutual TLS between `countersign run` and `countersign link`.
        Countersign = "countersign",
        /// nginx on both hosts.
        Nginx = "nginx",
        /// HAProxy on both hosts.
        Haproxy = "haproxy",
        /// A tunnel; what goes through it is plain HTTP.
        Wireguard = "wireguard",
    }
);
