//! What is compared.

mod hobnob;
mod slots;
mod tcp_ack;
mod tcp_batch;
mod udp_echo;
mod udp_send_to;

use std::{fmt, net::SocketAddr};

use clap::ValueEnum;
use serde::Serialize;

use crate::{
    Result,
    args::DriveOrder,
    benchmark::PAYLOAD_BYTES,
    measure::{Sample, measure},
    roles::Handled,
};

/// What every message carries.
pub(crate) type Payload = [u8; PAYLOAD_BYTES];

/// The payload all callers send.
pub(crate) const PAYLOAD: Payload = [0x5a; PAYLOAD_BYTES];

/// Each way to move messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Contender {
    /// `Mesh::request`
    HobnobRequest,
    /// `Mesh::send`
    HobnobSend,
    /// `Mesh::send_many`
    HobnobSendMany,
    /// `Mesh::usend_many`
    HobnobUsendMany,
    /// Pipelined requests over one TCP connection whose writer yields once before it drains its queue
    TcpBatch,
    /// The same, with empty responses
    TcpBatchAck,
    /// A TCP connection for each receiver, an acknowledgement for each message
    TcpAck,
    /// A datagram for each request and each response
    UdpEcho,
    /// A datagram for each receiver, sent in a loop
    UdpSendTo,
}

impl Contender {
    /// Whether every operation means that the server handled a message.
    pub(crate) fn is_reliable(self) -> bool {
        !matches!(self, Self::HobnobUsendMany | Self::UdpSendTo)
    }

    /// Starts that many receivers as tasks of this runtime; returns their addresses.
    pub(crate) async fn serve(
        self,
        receivers: usize,
        handled: &Handled,
    ) -> Result<Vec<SocketAddr>> {
        use tcp_batch::Answer;
        match self {
            Self::HobnobRequest => hobnob::serve_requests(receivers, handled).await,
            Self::HobnobSend | Self::HobnobSendMany | Self::HobnobUsendMany => {
                hobnob::serve_messages(receivers, handled).await
            }
            Self::TcpBatch => tcp_batch::serve(receivers, Answer::Echo, handled).await,
            Self::TcpBatchAck | Self::TcpAck => {
                tcp_batch::serve(receivers, Answer::Empty, handled).await
            }
            Self::UdpEcho => udp_echo::serve(receivers, handled).await,
            Self::UdpSendTo => udp_send_to::serve(receivers, handled).await,
        }
    }

    /// Measures it against the receivers of another process.
    pub(crate) async fn drive(self, order: DriveOrder) -> Result<Sample> {
        let DriveOrder {
            peers,
            concurrency,
            server,
            seconds,
            ..
        } = order;
        let first = *peers.first().ok_or("no receiver to talk to")?;
        match self {
            Self::HobnobRequest => {
                measure(hobnob::requests(first, concurrency).await?, server, seconds).await
            }
            Self::HobnobSend => {
                measure(hobnob::messages(first, concurrency).await?, server, seconds).await
            }
            Self::HobnobSendMany => {
                let callers = hobnob::reliable_fan_out(&peers, concurrency).await?;
                measure(callers, server, seconds).await
            }
            Self::HobnobUsendMany => {
                let callers = hobnob::unreliable_fan_out(&peers, concurrency).await?;
                measure(callers, server, seconds).await
            }
            Self::TcpBatch | Self::TcpBatchAck => {
                measure(
                    tcp_batch::callers(first, concurrency).await?,
                    server,
                    seconds,
                )
                .await
            }
            Self::TcpAck => {
                measure(
                    tcp_ack::fan_out(&peers, concurrency).await?,
                    server,
                    seconds,
                )
                .await
            }
            Self::UdpEcho => {
                measure(
                    udp_echo::callers(first, concurrency).await?,
                    server,
                    seconds,
                )
                .await
            }
            Self::UdpSendTo => {
                let callers = udp_send_to::fan_out(peers, concurrency).await?;
                measure(callers, server, seconds).await
            }
        }
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self
            .to_possible_value()
            .map(|value| value.get_name().to_owned());
        f.pad(&name.unwrap_or_default())
    }
}
