//! Names of common node types. A type is any string; these spare everyone the spelling.

/// Speaks UDP with its clients.
pub const UDP: &str = "udp";
/// Speaks TCP with its clients.
pub const TCP: &str = "tcp";
/// Speaks HTTP with its clients.
pub const HTTP: &str = "http";
/// Speaks WebSocket with its clients.
pub const WS: &str = "ws";
