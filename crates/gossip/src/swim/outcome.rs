//! What foca says while it is called, kept until the call is over.

use alloc::{collections::VecDeque, vec::Vec};
use core::{net::SocketAddr, time::Duration};

use foca::{Message, Notification, Timer};

use super::Note;
use crate::{codec::SwimPacket, identity::Life};

/// What foca asks for during a call.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) notes: VecDeque<Note>,
    pub(super) sends: VecDeque<(Life, Vec<u8>)>,
    pub(super) timers: Vec<(Duration, Timer<Life>)>,
    pub(super) defunct: u64,
    pub(super) reconnecting: bool,
}

impl Outcome {
    /// The ping that was sent last: to whom, and its number.
    pub(super) fn ping(&self) -> Option<(Life, u8)> {
        let mut sends = self.sends.iter().rev();
        sends.find_map(|(to, packet)| Some((*to, SwimPacket::ping_number(packet)?)))
    }

    /// The ping of this number goes to another member.
    pub(super) fn redirect_ping(&mut self, number: u8, to: Life) {
        let is_meant = |packet: &[u8]| SwimPacket::ping_number(packet) == Some(number);
        let ping = self.sends.iter_mut().rev().find(|send| is_meant(&send.1));
        if let Some(send) = ping {
            readdress(send, to, |_| {});
        }
    }

    /// Whoever is asked by the sends that nobody has fetched yet to probe `picked` is asked to probe `meant`. If that
    /// is the one who is asked, the two change places.
    pub(super) fn redirect_requests(&mut self, picked: Life, meant: Life) {
        let requests = self
            .sends
            .iter_mut()
            .filter(|(_, packet)| SwimPacket::is_ping_request(packet));
        for send in requests {
            let is_meant = send.0.addr == meant.addr;
            let helper = if is_meant { picked } else { send.0 };
            readdress(send, helper, |message| {
                if let Message::PingReq { target, .. } = message {
                    *target = meant;
                }
            });
        }
    }

    /// Who is asked for help by the sends that nobody has fetched yet.
    pub(super) fn asked(&self) -> impl Iterator<Item = SocketAddr> {
        let requests = self
            .sends
            .iter()
            .filter(|(_, packet)| SwimPacket::is_ping_request(packet));
        requests.map(|(to, _)| to.addr)
    }
}

impl foca::Runtime<Life> for Outcome {
    fn notify(&mut self, notification: Notification<'_, Life>) {
        let note = match notification {
            Notification::MemberUp(life) => Note::Up(*life),
            Notification::MemberDown(life) => Note::Down(*life),
            Notification::Rename(_, life) => Note::Renamed(*life),
            Notification::Rejoin(life) => Note::Renewed(*life),
            // The directory sees by itself whether anybody is there.
            Notification::Active | Notification::Idle => return,
            // Only when a life has no next one, which 2^32 renewals and 2^63 generations rule out.
            Notification::Defunct => {
                self.defunct += 1;
                return;
            }
        };
        self.notes.push_back(note);
    }

    fn send_to(&mut self, to: Life, data: &[u8]) {
        self.sends.push_back((to, data.to_vec()));
    }

    fn submit_after(&mut self, event: Timer<Life>, after: Duration) {
        self.timers.push((after, event));
    }
}

/// The same packet to somebody else, with another message. Where longer addresses leave no room for the last of the
/// news in it, that goes with other packets: each piece of news goes with several.
fn readdress(send: &mut (Life, Vec<u8>), to: Life, change: impl FnOnce(&mut Message<Life>)) {
    let Ok(mut packet) = SwimPacket::decode(&send.1) else {
        debug_assert!(false, "this node's own packet");
        return;
    };
    packet.header.dst = to;
    change(&mut packet.header.message);
    let bytes = loop {
        match packet.encode() {
            Ok(bytes) => break bytes,
            Err(_) if packet.updates.pop().is_some() => {}
            Err(_) => {
                debug_assert!(false, "a packet holds every header");
                return;
            }
        }
    };
    *send = (to, bytes);
}
