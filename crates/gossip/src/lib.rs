//! Who is in the cluster: SWIM membership, and what each member says about itself.
//!
//! Two things are known of a node, and they travel apart. Whether it is *alive* is found out by the others:
//! SWIM (Das, Gupta, Motivala 2002), by the `foca` crate. What it *is* (its type, its endpoint, whether it takes
//! clients, that it has left) it says itself, in a *record* that only its owner changes and versions, and that has
//! 0.7 KiB at most: what else an application wants known of a node is not carried here. The
//! [directory](Gossip::nodes) shows a node once both have spoken.
//!
//! # Phases
//!
//! 1. *Joining.* [`Gossip::announce`] calls an address: a SWIM announcement, the own record, and a digest of
//!    all that is known, which is little. The answer is all that was missing in it. Nobody else needs to be
//!    called, however large the cluster; but somebody has to be, for as long as [`Gossip::is_alone`]. Where many
//!    come at once, the answer lacks those who come later: whoever hears of somebody new compares its knowledge with
//!    random peers, soon at first and then ever more rarely, until that brings nothing new.
//! 2. *Living.* Each node probes one peer each period. Whoever does not answer, directly or by way of others, is
//!    [`Suspect`](NodeState::Suspect) and told so; unless it refutes that in time, it has
//!    [`Failed`](NodeState::Failed). A lost ping is not repeated by SWIM; the owner, who knows which of its
//!    own datagrams are answered, can ask again and answer for the peer ([`Gossip::probe`]). Records that
//!    change are passed on as news; what news misses, a random peer's digest brings to light. Failed nodes are
//!    called from time to time, so that a partition heals by itself.
//! 3. *Coming back.* Down is final in SWIM, so a node that was declared dead by mistake goes on under its next
//!    *life*. It stays the same process, with the same [`Identity`], and who had not missed it notices nothing.
//! 4. *Leaving.* [`Gossip::leave`] tells every live peer until each has confirmed. The goodbye is a record too,
//!    the last one of its process.
//! 5. *Being forgotten.* Who has left or failed stays listed as such for
//!    [`forget_after`](GossipConfig::forget_after), or until somebody forgets it by hand ([`Gossip::forget`]), which
//!    is passed on to those who hold it for gone too. Those who do not hear of it forget it by their own time.
//!
//! # Who probes whom
//!
//! SWIM's probes go to random members. So one member in seven is not probed by anybody for two periods, one in fifty not
//! for four, and its crash is known as much later. Here every second probe goes to the prober's *successor*: the next
//! member in a ring of all, by a hash of their addresses, which is the same for everybody. So each member is probed by
//! its predecessor every other period, at no cost. The random ones find those whose predecessors are gone as well, and
//! whom a predecessor that doubts itself probes more rarely. `foca` chooses at random only: its ping is readdressed, and
//! at the end of the round it is told that whomever it chose has answered.
//!
//! # How failure is told from slowness
//!
//! SWIM takes a missing answer for the fault of the one who was asked. Often it is the fault of the one who asks:
//! its machine is overloaded, its network bad, its process stopped. What is done about it is Lifeguard's
//! (Dadgar, Phillips, Currey 2017, <https://arxiv.org/abs/1707.00788>), around `foca` and not in it:
//!
//! - *Local health* (section III-A). Each node keeps a score of itself, from 0 to 8: up for each probe that
//!   failed without a word from those who were asked to help, for each suspicion it had to refute and each time it
//!   stood still; down for each probe that was answered. Its probes go as many times slower and wait as many
//!   times longer. Whoever is asked to help says so in a *nack* if it has no answer either, after four fifths
//!   of the probe timeout.
//! - *Suspicion* (section III-B). A suspect has long to show itself, `max`, as long as a single node accuses it, and
//!   ever shorter, down to `min`, with each of three more: max − (max − min) · ln(C + 1) / ln(K + 1).
//!   Accusations are news and name their accuser, and every node that hears the first one starts a timer of
//!   its own: so a crash of whoever noticed first delays nothing. Where a confirmation makes the time be over
//!   at once and this node has reason to doubt itself, it calls the suspect once more first; the paper does not.
//! - *Second opinions*. In the paper a suspicion is confirmed by those whose own probe happens to come round to the
//!   suspect. Here about nine of those who hear of it, in whatever way, ask it at once, four times within a probe period; its
//!   answer is the refutation, and whoever had none accuses it, too. So enough of them agree a probe period after the
//!   first, whatever the size of the cluster. And where nobody agrees until the time is up, although others are heard
//!   meanwhile, the accuser is the one in doubt: the suspect gets its time once more, up to five times. So a crash that
//!   only one node can see takes six times as long to be known. Nor does anybody take a verdict from another without a
//!   second accuser; it counts as an accusation by whoever says so.
//! - *Buddy* (section III-C). A suspect hears of it in the first payload that goes to it, from anybody who
//!   knows ([`Gossip::warning`]), and from its accusers at once; its answer is the refutation.
//! - *Other evidence*. Before a verdict the owner is asked whether the suspect has answered anything else
//!   ([`Gossip::suspects_due`], [`Gossip::vouch`]); then it gets its time once more. An answer to something sent since
//!   counts. To be heard alone does not: what arrives may have been sent long ago, and a node that
//!   hears nobody is of no use to anybody.
//! - *Hearing*. A node that loses most of what it is sent answers often enough to stay, and is of no use. It
//!   is the only one to know ([`Gossip::set_hearing`]), so it accuses itself, which needs no confirmation, and refutes
//!   nothing until it hears well again: then it comes back.
//! - *Standstill*. Timers that go off much too late say that this process was stopped. What it missed is likely to
//!   wait in its socket, so everybody gets the time back.
//!
//! [`Gossip::why`] tells what a suspicion or verdict rests on.
//!
//! # One name, one node
//!
//! A name is one server's, over restarts and moves. Two processes of one name are therefore either one that came back
//! elsewhere while the cluster has not noticed that the first is dead, or a mistake. Only the two can tell, so they
//! settle it, and everybody else goes by their word:
//!
//! - *Who claims.* A node that has a name claims it from its first record on. Of the live claims the best one is shown, the
//!   others to nobody. A claim is the better the smaller its generation, which begins with the process; that of a node that
//!   is shutting down is behind all others. These are words of the claimants' own, so all who have heard the same come
//!   to the same, in whatever order they heard it.
//! - *Came back elsewhere.* A node that learns of a namesake with a better claim asks it, eight times within the
//!   probe timeout, whether it is there. If no answer comes, it declares it dead as SWIM would. Nobody believes that of a
//!   single node, so about nine of those who hear of both ask as well, at the same time and for as long, and accuse it if
//!   they have no answer. That was its time to show itself: as soon as the accusers are enough, everybody puts the
//!   newcomer in its place, a probe timeout and a few rounds of gossip after the newcomer was heard of. One that is known
//!   to be dead, or said that it is shutting down, is not asked.
//! - *Both alive.* If it answers, the newer one *yields*, in its record: it is shown to nobody, whoever hears of it, and
//!   [`Refused`](NodeState::Refused) to itself. Both are told ([`Event::NameConflict`]). It stays a member of SWIM: it is
//!   probed, accuses, confirms leaves and counts in the size of the cluster, which no user is shown. So it
//!   learns when the older one has left or failed; then it comes in ([`Event::NameFree`]), before others that came later.
//! - *Wrong clocks.* In its first ten probe periods in company a node yields to every namesake that answers, whatever the
//!   generations: a newcomer whose clock is behind, or who meets a node whose clock was ahead, is no older for it. Nodes
//!   that have their name keep it for four probe periods against whoever seems to be older, and others go on
//!   showing them for eight, so that such a newcomer has found out. A generation far ahead only makes a claim worse.
//! - *Partitions.* While the older one cannot be reached the newer one has its place, on its side. When the network is back,
//!   both are alive and long established: the smaller generation stays, the other one yields.
//! - *Mistakes of the question.* A live node that was declared dead because no answer got through comes back under its next
//!   life. Whoever declared it dead does not ask again, it yields.
//!
//! Nodes without a name have no namesakes.
//!
//! # Versions that do not work together
//!
//! A node may declare which versions of its application it works with ([`Metadata::release`]). Two of which either excludes
//! the other get no session, so no payload passes between them. But a third may work with both, and it speaks of
//! everybody: in a cluster of the versions 1, 1 to 2, and 2 those in the middle see all, and the others do not see
//! each other. That must look to each of them as if the others were not there:
//!
//! - A record says what its owner declares. Whoever does not work with it keeps neither record nor life, and no word on
//!   that process from anybody is heeded: it is *shunned*. The directory never shows it, SWIM never probes it. The user is
//!   told once ([`Event::Incompatible`]).
//! - SWIM may hear of a life before its record is here. For five probe periods such a one is not accused by
//!   this node for not answering it; meanwhile the record comes, or the refusal at the hello ([`Gossip::refused`]). Whoever
//!   asks for an indirect probe of a shunned node gets a nack. So nobody comes under suspicion because of a split.
//! - A node does not speak to a peer of those that the peer does not work with, in digests and answers; their summaries
//!   leave them out, so that views that differ by right cost no comparisons.
//! - Another process at the same address is another matter: it is vetted anew.
//! - Whoever speaks to this node has a session with it, so it works with it: what others say of its version does not
//!   count then, and what they said before is forgotten. Only its own record does.
//!
//! # Promises
//!
//! - Of a node that does not work with this one, no event but [`Event::Incompatible`] tells.
//! - Of the nodes of one name at most one is shown at a time, by each node, and in the end the same one by all.
//! - `Left` is only ever a node's own word, and final for that process; `Failed` is only ever the cluster's. A
//!   goodbye that comes late corrects a failure. A node that was shutting down does not count as failed while
//!   its goodbye may be on its way.
//! - Nobody who is gone is revived by hearsay for as long as it is remembered: only by being there, under a
//!   later life.
//! - The newest record wins everywhere, whatever is lost, repeated or reordered.
//! - Of each process the events come in an order that makes sense (see [`Event`]), and the directory is what
//!   the events have told.
//! - SWIM's packets carry no records and go before them: metadata, however large, delays no probe.
//! - A payload speaks for nobody but its sender where SWIM is concerned, cannot panic this node, cannot make it
//!   send to an address that is no live member, and causes a bounded number of payloads.
//! - Every table and queue has a limit, named in [`limits`] where a user can reach it.
//! - The same seed and the same calls give the same payloads and events.
//!
//! # What it never does
//!
//! It has no clock, socket or task: time is an argument, and payloads are handed in and fetched. It does not
//! authenticate: that `from` has sent a payload is for the session layer to prove. It resolves no names and
//! remembers no seeds. It does not decide what a node that is `Suspect` or `Offline` may still be asked.
//!
//! ```
//! use hobnob_gossip::{Gossip, Identity, Metadata, Profile};
//! use hobnob_wire::{Generation, Instant};
//!
//! let now = Instant::ZERO;
//! let node = |addr: &str, seed| {
//!     let addr = addr.parse().expect("an address");
//!     let me = Identity { addr, generation: Generation(1) };
//!     Gossip::new(Profile::Lan.into(), me, Metadata::default(), seed, now)
//! };
//! let (mut a, mut b) = (node("10.0.0.1:7000", 1), node("10.0.0.2:7000", 2));
//!
//! b.announce(now, a.me().addr());
//! loop {
//!     if let Some((_, payload)) = b.poll_transmit() {
//!         a.handle_payload(now, b.me().addr(), &payload)?;
//!     } else if let Some((_, payload)) = a.poll_transmit() {
//!         b.handle_payload(now, a.me().addr(), &payload)?;
//!     } else {
//!         break;
//!     }
//! }
//! assert_eq!(a.nodes().next(), Some(b.me()));
//! assert_eq!(b.nodes().next(), Some(a.me()));
//! # Ok::<(), hobnob_gossip::PayloadError>(())
//! ```
#![no_std]

extern crate alloc;

mod asks;
mod checks;
mod claim;
mod clockwork;
mod codec;
mod config;
mod directory;
mod event;
mod forget;
mod gossip;
mod hash;
mod health;
mod identity;
mod incoming;
mod inquiry;
mod leave;
pub mod limits;
mod merge;
mod metadata;
mod nacks;
mod news;
mod node;
mod outbox;
mod own;
mod pack;
mod payload;
mod record;
mod settling;
mod stats;
mod suspecting;
mod suspicion;
mod swim;
mod sync;
mod timers;
mod vetting;
mod why;

pub use clockwork::TimeoutReason;
pub use config::{ConfigError, GossipConfig, Profile, ValidGossipConfig};
pub use event::Event;
pub use forget::ForgetError;
pub use gossip::{Gossip, Probe};
pub use identity::{Identity, canonical_addr};
pub use metadata::{Metadata, MetadataError, MetadataFields};
pub use node::{DeclaredState, Node, NodeState};
pub use payload::PayloadError;
pub use stats::GossipStats;
pub use suspicion::Suspect;
pub use why::{Accuser, FailedProbe, Verdict, Why};
