//! Sequences that reach every operation.

use super::script::Code;
use crate::seeds::Seed;

use Code::{
    Answer, AnswerLate, Cancel, CancelFanOut, Corrupt, Cut, Declare, Defer, Deliver, Drop,
    Duplicate, Fail, FanOut, Finish, Join, Kill, Leave, Oversleep, Pass, Pause, Register, Replay,
    Request, Reset, Restart, RestartInThePast, Run, Send, SendInOrder, Tick, Truncate, Unreliable,
};

/// The first byte of an operation's arguments: which node, and for calls to whom and for which command.
const A: u8 = 0;
const B: u8 = 1;
const AT_ADDRESS: u8 = 1 << 1;
const AT_FORMER: u8 = 2 << 1;
const AT_NOBODY: u8 = 3 << 1;
const OTHER_COMMAND: u8 = 1 << 3;
const TWO_AT_ONCE: u8 = 1 << 4;

/// The second byte of a call: how long its payload is, and how long its caller waits.
const SMALL: u8 = 2;
const FULL: u8 = 4;
const LARGE: u8 = 6;
const TOO_LARGE: u8 = 7;
const IMPATIENT: u8 = 1 << 3;
const SHORTLY: u8 = 3 << 3;
const PATIENT: u8 = 6 << 3;

/// Spans of time.
const MS_1: u8 = 1;
const MS_30: u8 = 3;
const MS_150: u8 = 4;
const S_1: u8 = 5;
const S_5: u8 = 6;
const S_70: u8 = 7;

/// The setting: no tiny limits, no membership, one datagram at once.
const PLAIN: [u8; 4] = [0, 0, 0, 1];
const JOINED: [u8; 4] = [0, 0, 0b01, 1];
const BURSTS: [u8; 4] = [0, 0, 0b10, 1];
const TINY: [u8; 4] = [0xff, 0xff, 0b10, 1];

type Line = (Code, u8, u8);

pub(crate) fn seeds() -> Vec<Seed> {
    let mut seeds = calls();
    seeds.extend(datagrams());
    seeds.extend(processes());
    seeds
}

fn calls() -> Vec<Seed> {
    let hello = (Send, A, SMALL | PATIENT);
    let ask = (Request, A, SMALL | PATIENT);
    vec![
        (
            "send-and-request",
            script(
                PLAIN,
                &[
                    hello,
                    ask,
                    (Pass, A, 0),
                    (Finish, B, 0),
                    (Answer, B, 2),
                    (Pass, A, 0),
                ],
            ),
        ),
        (
            "answers-of-all-kinds",
            script(
                BURSTS,
                &[
                    ask,
                    ask,
                    ask,
                    (Pass, A, 0),
                    (Fail, B, 1),
                    (Answer, B, 6),
                    (Pass, A, 0),
                    (AnswerLate, B, 0),
                    (Answer, B, 7),
                    (Answer, B, 0),
                    (Pass, A, 0),
                    (AnswerLate, B, 1),
                ],
            ),
        ),
        (
            "cancelled",
            script(
                PLAIN,
                &[
                    ask,
                    (Cancel, A, 0),
                    ask,
                    (Pass, A, 0),
                    (Cancel, A, 0),
                    (Pass, A, 0),
                    (AnswerLate, B, 0),
                    (Send, A, LARGE | PATIENT),
                    (Deliver, A, 0),
                    (Cancel, A, 0),
                    (Run, A, MS_30),
                ],
            ),
        ),
        (
            "fan-out",
            script(
                PLAIN,
                &[
                    (FanOut, A, SMALL | SHORTLY),
                    (FanOut, A | TWO_AT_ONCE, LARGE | PATIENT),
                    (Pass, A, 0),
                    (FanOut, B | AT_NOBODY, SMALL | SHORTLY),
                    (CancelFanOut, A, 1),
                    (Run, A, S_1),
                ],
            ),
        ),
        (
            "unreliable",
            script(
                PLAIN,
                &[
                    (Unreliable, A, SMALL),
                    hello,
                    (Pass, A, 0),
                    (Unreliable, A, SMALL),
                    (Unreliable, B, FULL),
                    (Unreliable, A, LARGE),
                    (Unreliable, A | OTHER_COMMAND, SMALL),
                    (Pass, A, 0),
                ],
            ),
        ),
        (
            "no-handler",
            script(
                PLAIN,
                &[
                    (Send, A | OTHER_COMMAND, SMALL | PATIENT),
                    (Request, A | OTHER_COMMAND, SMALL | PATIENT),
                    (Send, A | OTHER_COMMAND, LARGE | PATIENT),
                    (Pass, A, 0),
                    (Register, B, 0),
                    (Send, A | OTHER_COMMAND, SMALL | PATIENT),
                    (Run, A, MS_30),
                ],
            ),
        ),
        (
            "overloaded",
            script(
                TINY,
                &[
                    hello,
                    ask,
                    hello,
                    (Pass, A, 0),
                    hello,
                    ask,
                    hello,
                    (Pass, A, 0),
                    (Finish, B, 0),
                    (Answer, B, 0),
                    (Pass, A, 0),
                    (Send, A, TOO_LARGE | PATIENT),
                    (Run, A, S_1),
                ],
            ),
        ),
        (
            "pieces",
            script(
                [0, 0x51, 0b10, 1],
                &[
                    (Send, A, LARGE | PATIENT),
                    (Request, A, LARGE | PATIENT),
                    (Send, B, LARGE | PATIENT),
                    (Pass, A, 0),
                    (Drop, A, 0),
                    (Run, A, MS_150),
                    (Answer, A, 6),
                    (Run, A, MS_150),
                    (Run, A, S_70),
                ],
            ),
        ),
        (
            "in-order",
            script(
                BURSTS,
                &[
                    (Send, A, SMALL | PATIENT),
                    (Pass, A, 0),
                    (SendInOrder, A, LARGE | PATIENT),
                    (SendInOrder, A, SMALL | PATIENT),
                    (SendInOrder, A | TWO_AT_ONCE, SMALL | PATIENT),
                    (SendInOrder, A, SMALL | IMPATIENT),
                    (SendInOrder, A, FULL | PATIENT),
                    (Drop, A, 0),
                    (Deliver, A, 3),
                    (Cancel, A, 1),
                    (Run, A, S_1),
                ],
            ),
        ),
        (
            "deadlines",
            script(
                PLAIN,
                &[
                    (Send, A, SMALL),
                    (Send, A, SMALL | IMPATIENT),
                    (Request, A | AT_NOBODY, SMALL | SHORTLY),
                    (Tick, A, MS_1),
                    (Pass, A, 0),
                    (Request, A, SMALL | SHORTLY),
                    (Pass, A, 0),
                    (Oversleep, A, S_1),
                    (Answer, B, 0),
                ],
            ),
        ),
    ]
}

fn datagrams() -> Vec<Seed> {
    let ask = (Request, A, SMALL | PATIENT);
    vec![
        (
            "meddled-with",
            script(
                BURSTS,
                &[
                    ask,
                    (Duplicate, A, 0),
                    (Pass, A, 0),
                    ask,
                    (Corrupt, 100, 0),
                    (Pass, A, 0),
                    ask,
                    (Truncate, 100, 0),
                    (Pass, A, 0),
                    ask,
                    (Drop, A, 0),
                    (Tick, A, MS_30),
                    (Deliver, A, 1),
                    (Deliver, A, 0),
                    (Replay, A, 3),
                    (Replay, A, 0),
                    (Pass, A, 0),
                    (Run, A, S_1),
                ],
            ),
        ),
        (
            "session-lost",
            script(
                PLAIN,
                &[
                    ask,
                    (Pass, A, 0),
                    ask,
                    (Reset, A, 0),
                    (Run, A, MS_150),
                    ask,
                    (Pass, A, 0),
                    (Answer, B, 2),
                    (Reset, A, 0),
                    (Run, A, S_1),
                ],
            ),
        ),
        (
            "cut",
            script(
                PLAIN,
                &[
                    ask,
                    (Pass, A, 0),
                    (Cut, B, 0),
                    ask,
                    (Answer, B, 2),
                    (Run, A, S_1),
                    (Cut, A, 0),
                    (Cut, B, 0),
                    (Run, A, S_1),
                    (Cut, A, 0),
                    (Run, A, S_5),
                ],
            ),
        ),
        (
            "paused",
            script(
                JOINED,
                &[
                    ask,
                    (Pause, B, 0),
                    ask,
                    (Tick, A, S_1),
                    (Pass, A, 0),
                    (Pause, B, 0),
                    (Answer, B, 2),
                    (Pause, A, 0),
                    (Run, A, S_5),
                    (Pause, A, 0),
                    (Run, A, S_1),
                ],
            ),
        ),
        (
            "deferred",
            script(
                BURSTS,
                &[
                    (Defer, A, 0),
                    ask,
                    ask,
                    (Cancel, A, 0),
                    (Send, A, LARGE | PATIENT),
                    (Oversleep, A, MS_30),
                    (Defer, A, 0),
                    (Pass, A, 0),
                    (Answer, B, 2),
                    (Pass, A, 0),
                ],
            ),
        ),
    ]
}

fn processes() -> Vec<Seed> {
    let ask = (Request, A, SMALL | PATIENT);
    vec![
        (
            "restarted",
            script(
                PLAIN,
                &[
                    ask,
                    (Pass, A, 0),
                    (Restart, B, 0),
                    ask,
                    (Run, A, MS_150),
                    (Request, A | AT_FORMER, SMALL | PATIENT),
                    (Request, A | AT_ADDRESS, SMALL | PATIENT),
                    (Run, A, MS_150),
                    (Restart, A, 0),
                    (Answer, B, 2),
                    (Run, A, S_1),
                ],
            ),
        ),
        (
            "restarted-in-the-past",
            script(
                JOINED,
                &[
                    ask,
                    (Pass, A, 0),
                    (RestartInThePast, B, 0),
                    (Send, B, SMALL | PATIENT),
                    (Run, A, S_1),
                    ask,
                    (Run, A, S_1),
                    (Replay, A, 0),
                    (Replay, A, 5),
                    (Run, A, S_5),
                ],
            ),
        ),
        (
            "killed",
            script(
                JOINED,
                &[
                    ask,
                    (Pass, A, 0),
                    (Kill, B, 0),
                    ask,
                    (Run, A, S_5),
                    ask,
                    (Run, A, S_70),
                    (Restart, B, 0),
                    (Join, B, 0),
                    (Run, A, S_5),
                    ask,
                    (Pass, A, 0),
                ],
            ),
        ),
        (
            "left",
            script(
                JOINED,
                &[
                    (Declare, B, 1),
                    ask,
                    (Pass, A, 0),
                    (Leave, B, 0),
                    (Run, A, MS_150),
                    ask,
                    (Run, A, S_5),
                    (Kill, B, 0),
                    (Run, A, S_70),
                ],
            ),
        ),
    ]
}

fn script(setting: [u8; 4], lines: &[Line]) -> Vec<u8> {
    let mut bytes = setting.to_vec();
    for (code, a, b) in lines {
        let number = Code::ALL.iter().position(|it| it == code);
        let number = number.and_then(|number| u8::try_from(number).ok());
        bytes.extend([number.expect("there are few codes"), *a, *b]);
    }
    bytes
}
