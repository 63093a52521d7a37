//! Network namespaces joined by a bridge, and what can be done to the cables between them.
//!
//! Each node has a namespace of its own with one interface, `eth0`; the other end of its veth pair is a port
//! of a bridge in one more namespace, the hub. Every rule that loses, doubles or cuts stands in the hub, at
//! the ingress of the ports: a datagram is lost on its way, so that its sender is told nothing.

mod host;
mod names;

use std::{
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr},
};

use serde_json::Value;

pub use host::{install, probe};

use crate::{
    Result,
    tool::{run, run_with_input},
};

/// Most nodes: the last byte of an address, without the network's own and the broadcast address.
pub const NODES_MAX: usize = 250;

/// What a limited link can do.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Megabits a second.
    pub megabits: u32,
    /// KiB that may wait; what comes then is dropped.
    pub queue_kib: u32,
}

/// What met a rule, so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// All datagrams that were sent.
    pub sent: u64,
    /// Datagrams lost at random.
    pub lost: u64,
    /// Datagrams delivered twice.
    pub doubled: u64,
    /// Frames dropped at a cut: the searches of nodes for each other are among them.
    pub cut: u64,
}

/// The namespaces. Dropping it removes them, and ends whatever still runs inside.
#[derive(Debug)]
pub struct Network {
    /// What the names of its namespaces begin with.
    name: String,
    nodes: usize,
}

impl Network {
    /// Makes a hub and so many nodes, all connected, nothing lost.
    ///
    /// # Errors
    ///
    /// What could not be done, with the tool's own words. Nothing is left behind.
    pub fn make(nodes: usize) -> Result<Self> {
        if nodes > NODES_MAX {
            return Err(format!("{nodes} nodes; at most {NODES_MAX}").into());
        }
        names::sweep()?;
        let network = Self {
            name: names::fresh(),
            nodes,
        };
        network.build()?;
        Ok(network)
    }

    /// The address of a node, counted from 0.
    pub fn address(node: usize) -> IpAddr {
        let last = u8::try_from(node + 1).unwrap_or(u8::MAX);
        IpAddr::V4(Ipv4Addr::new(10, 77, 0, last))
    }

    /// The words that go before a program's name to run it as that node.
    pub fn enter(&self, node: usize) -> Vec<String> {
        ["ip", "netns", "exec"]
            .map(str::to_owned)
            .into_iter()
            .chain([self.node(node)])
            .collect()
    }

    /// Loses so many datagrams of a hundred, at random and each for itself.
    ///
    /// # Errors
    ///
    /// As [`Network::make`].
    pub fn lose(&self, percent: u32) -> Result<()> {
        let rule = format!("numgen random mod 100 < {percent} counter name lost drop");
        self.set_chain("loss", (percent > 0).then_some(rule))
    }

    /// Delivers so many datagrams of a hundred twice. The second copy is not lost.
    ///
    /// # Errors
    ///
    /// As [`Network::make`].
    pub fn double(&self, percent: u32) -> Result<()> {
        // A copy leaves by a port of the rule's choice: the one the bridge will choose for the original.
        let rules = (0..self.nodes).map(|node| {
            let (mac, port) = (mac(node), port(node));
            format!(
                "ether daddr {mac} numgen random mod 100 < {percent} counter name doubled dup to {port}"
            )
        });
        self.set_chain("double", rules.filter(|_| percent > 0))
    }

    /// Lets nothing through from or to these nodes; an empty list heals all cuts.
    ///
    /// # Errors
    ///
    /// As [`Network::make`].
    pub fn cut(&self, nodes: &[usize]) -> Result<()> {
        let rules = nodes.iter().flat_map(|&node| {
            let (mac, port) = (mac(node), port(node));
            [
                format!("iifname {port} counter name cut drop"),
                format!("ether daddr {mac} counter name cut drop"),
            ]
        });
        self.set_chain("cut", rules)
    }

    /// Limits what a node sends and what it is sent, each for itself; `None` lifts the limit.
    ///
    /// # Errors
    ///
    /// As [`Network::make`].
    pub fn limit(&self, node: usize, rate: Option<Rate>) -> Result<()> {
        for (namespace, device) in self.ends(node) {
            let change = match rate {
                // A burst of 16 KiB is ten full datagrams: enough for any timer of the kernel.
                Some(Rate {
                    megabits,
                    queue_kib,
                }) => format!(
                    "qdisc replace dev {device} root tbf rate {megabits}mbit burst 16kb limit {queue_kib}kb"
                ),
                None => format!("qdisc del dev {device} root"),
            };
            run(&format!("tc -n {namespace} {change}"))?;
        }
        Ok(())
    }

    /// Datagrams that a limited link has dropped since it was limited.
    ///
    /// # Errors
    ///
    /// As [`Network::make`].
    pub fn dropped(&self, node: usize) -> Result<u64> {
        let mut dropped = 0;
        for (namespace, device) in self.ends(node) {
            let text = run(&format!("tc -n {namespace} -s -j qdisc show dev {device}"))?;
            let queues: Value = serde_json::from_str(&text)?;
            dropped += queues
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|queue| queue["drops"].as_u64())
                .sum::<u64>();
        }
        Ok(dropped)
    }

    /// How many datagrams met which rule.
    ///
    /// # Errors
    ///
    /// As [`Network::make`].
    pub fn counters(&self) -> Result<Counters> {
        let hub = self.hub();
        let text = run(&format!("ip netns exec {hub} nft -j list counters"))?;
        let listed: Value = serde_json::from_str(&text)?;
        let packets = |name: &str| {
            listed["nftables"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|entry| &entry["counter"])
                .find(|counter| counter["name"] == name)
                .and_then(|counter| counter["packets"].as_u64())
                .ok_or_else(|| format!("nft lists no counter {name}"))
        };
        Ok(Counters {
            sent: packets("sent")?,
            lost: packets("lost")?,
            doubled: packets("doubled")?,
            cut: packets("cut")?,
        })
    }

    fn build(&self) -> Result<()> {
        let hub = self.hub();
        run(&format!("ip netns add {hub}"))?;
        run(&format!("ip -n {hub} link add bridge type bridge"))?;
        run(&format!("ip -n {hub} link set bridge up"))?;
        for number in 0..self.nodes {
            let (node, mac, port) = (self.node(number), mac(number), port(number));
            let address = Self::address(number);
            run(&format!("ip netns add {node}"))?;
            run(&format!(
                "ip link add eth0 netns {node} address {mac} type veth peer name {port} netns {hub}"
            ))?;
            run(&format!(
                "ip -n {hub} link set {port} master bridge gso_max_segs 1 up"
            ))?;
            run(&format!("ip -n {node} addr add {address}/24 dev eth0"))?;
            // A batch of datagrams crosses as single ones: a rule meets each of them for itself.
            run(&format!("ip -n {node} link set eth0 gso_max_segs 1 up"))?;
            run(&format!("ip -n {node} link set lo up"))?;
        }
        self.nft(&self.ruleset())
    }

    fn ruleset(&self) -> String {
        let ports: Vec<String> = (0..self.nodes).map(port).collect();
        let ports = ports.join(", ");
        format!(
            "table netdev hobnob {{
              counter sent {{ }}
              counter lost {{ }}
              counter doubled {{ }}
              counter cut {{ }}
              chain cut {{ }}
              chain loss {{ }}
              chain double {{ }}
              chain cable {{
                type filter hook ingress devices = {{ {ports} }} priority 0; policy accept;
                ip protocol udp counter name sent
                jump cut
                ip protocol udp jump loss
                ip protocol udp jump double
              }}
            }}\n"
        )
    }

    fn set_chain(&self, chain: &str, rules: impl IntoIterator<Item = String>) -> Result<()> {
        let mut script = format!("flush chain netdev hobnob {chain}\n");
        for rule in rules {
            writeln!(script, "add rule netdev hobnob {chain} {rule}")?;
        }
        self.nft(&script)
    }

    /// One transaction: all of it holds from one moment on, or nothing does.
    fn nft(&self, script: &str) -> Result<()> {
        let hub = self.hub();
        run_with_input(&format!("ip netns exec {hub} nft -f -"), script)
    }

    /// Both ends of a node's cable: namespace and interface.
    fn ends(&self, node: usize) -> [(String, String); 2] {
        [(self.hub(), port(node)), (self.node(node), "eth0".into())]
    }

    fn hub(&self) -> String {
        format!("{}hub", self.name)
    }

    fn node(&self, node: usize) -> String {
        format!("{}n{node}", self.name)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // What can't be removed now is removed at the start of a later run.
        let _ = names::remove_all(|name| name.starts_with(&self.name));
    }
}

/// Of our own choice, so that rules can be written before anything was sent: locally administered.
fn mac(node: usize) -> String {
    format!("02:00:00:00:77:{:02x}", node + 1)
}

fn port(node: usize) -> String {
    format!("port{node}")
}
