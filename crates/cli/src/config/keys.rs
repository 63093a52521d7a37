//! The keys of the configuration: one table for flags, environment and file.

/// One key and how it is written in each place.
#[derive(Debug)]
pub(super) struct Key {
    /// In the file; also the identity of the flag.
    pub(super) name: &'static str,
    pub(super) flag: &'static str,
    pub(super) environment: &'static str,
    pub(super) value: &'static str,
    pub(super) help: &'static str,
    pub(super) kind: Kind,
}

/// How often a key may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One value.
    One,
    /// A flag without a value means `true`.
    Switch,
    /// A repeated flag, a comma-separated variable, an array in the file.
    List,
    /// As a list of `KEY=VALUE` and `KEY:=JSON`; a table in the file.
    Map,
}

/// Every key, in the order in which `--help` shows them.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "bind",
        flag: "bind",
        environment: "HOBNOB_BIND",
        value: "IP:PORT",
        help: "Address of the mesh's UDP port; port 0 takes a free one [default: 127.0.0.1:0]",
        kind: Kind::One,
    },
    Key {
        name: "advertise",
        flag: "advertise",
        environment: "HOBNOB_ADVERTISE",
        value: "IP:PORT",
        help: "Address under which the other nodes reach this one [default: the bound one]",
        kind: Kind::One,
    },
    Key {
        name: "type",
        flag: "type",
        environment: "HOBNOB_TYPE",
        value: "TYPE",
        help: "Type of the node, any word [default: udp]",
        kind: Kind::One,
    },
    Key {
        name: "name",
        flag: "name",
        environment: "HOBNOB_NAME",
        value: "NAME",
        help: "Stable name: a node that returns at a new address replaces its old entry",
        kind: Kind::One,
    },
    Key {
        name: "role",
        flag: "role",
        environment: "HOBNOB_ROLE",
        value: "ROLE",
        help: "Role, for the other nodes to read",
        kind: Kind::One,
    },
    Key {
        name: "endpoint",
        flag: "endpoint",
        environment: "HOBNOB_ENDPOINT",
        value: "HOST:PORT",
        help: "Where clients reach this node, for the other nodes to read",
        kind: Kind::One,
    },
    Key {
        name: "app",
        flag: "app",
        environment: "HOBNOB_APP",
        value: "NAME",
        help: "Application: nodes of another one are not seen",
        kind: Kind::One,
    },
    Key {
        name: "app_version",
        flag: "app-version",
        environment: "HOBNOB_APP_VERSION",
        value: "VERSION",
        help: "Version of the application, such as 1.4.2",
        kind: Kind::One,
    },
    Key {
        name: "compatible_with",
        flag: "compatible-with",
        environment: "HOBNOB_COMPATIBLE_WITH",
        value: "FROM..UNTIL",
        help: "Versions it works with, such as 1.2..2: nodes of others are not seen [default: all]",
        kind: Kind::One,
    },
    Key {
        name: "seeds",
        flag: "seed",
        environment: "HOBNOB_SEEDS",
        value: "HOST:PORT",
        help: "Mesh address of a node to join; may be repeated",
        kind: Kind::List,
    },
    Key {
        name: "peers_file",
        flag: "peers-file",
        environment: "HOBNOB_PEERS_FILE",
        value: "FILE",
        help: "Remember peers here, so that a cluster restarted as a whole needs no seeds",
        kind: Kind::One,
    },
    Key {
        name: "values",
        flag: "value",
        environment: "HOBNOB_VALUES",
        value: "KEY=VALUE",
        help: "A text for the other nodes to read, or KEY:=JSON for anything else; may be repeated",
        kind: Kind::Map,
    },
    Key {
        name: "profile",
        flag: "profile",
        environment: "HOBNOB_PROFILE",
        value: "PROFILE",
        help: "Timers for this kind of network: local, lan or wan [default: lan]",
        kind: Kind::One,
    },
    Key {
        name: "insecure",
        flag: "insecure",
        environment: "HOBNOB_INSECURE",
        value: "BOOL",
        help: "Allow addresses that are not loopback although nothing is sealed",
        kind: Kind::Switch,
    },
    Key {
        name: "request_timeout",
        flag: "request-timeout",
        environment: "HOBNOB_REQUEST_TIMEOUT",
        value: "SECONDS",
        help: "How long a call waits unless it says so itself [default: 5]",
        kind: Kind::One,
    },
    Key {
        name: "forget_after",
        flag: "forget-after",
        environment: "HOBNOB_FORGET_AFTER",
        value: "SECONDS",
        help: "How long nodes that left or failed stay listed [default: 3600]",
        kind: Kind::One,
    },
    Key {
        name: "shutdown_timeout",
        flag: "shutdown-timeout",
        environment: "HOBNOB_SHUTDOWN_TIMEOUT",
        value: "SECONDS",
        help: "How long a leaving node waits for its clients [default: 10]",
        kind: Kind::One,
    },
    Key {
        name: "admin",
        flag: "admin",
        environment: "HOBNOB_ADMIN_BIND",
        value: "IP:PORT",
        help: "Serve the admin endpoint here; port 0 takes a free one [default: not served]",
        kind: Kind::One,
    },
];

/// The key of this name in the file.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}
