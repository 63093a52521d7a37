//! Runs a benchmark: all contenders in turn, round after round.

use std::io::{self, Write};

use crate::{
    Result,
    args::Options,
    benchmark::{Benchmark, Group},
    contender::Contender,
    json::JsonFile,
    measure::Sample,
    process::Process,
    report::{Measured, Report},
    roles::{Ready, Seen},
};

/// Runs it and shows the report.
pub(crate) fn run(benchmark: &Benchmark, options: &Options) -> Result<()> {
    let json = JsonFile::create(options.json.as_deref())?;
    let rounds = (0..options.rounds as usize)
        .map(|round| run_round(benchmark, options, round))
        .collect::<Result<Vec<_>>>()?;
    let report = Report::new(benchmark, options, &rounds);
    write!(io::stdout(), "{report}")?;
    json.write(&report)
}

/// One measurement of each contender of each group.
fn run_round(benchmark: &Benchmark, options: &Options, round: usize) -> Result<Vec<Measured>> {
    let mut measured = Vec::new();
    for group in benchmark.groups {
        let turns = group.contenders.len();
        for contender in group
            .contenders
            .iter()
            .cycle()
            .skip(round % turns)
            .take(turns)
        {
            let (name, of) = (group.name, options.rounds);
            let round = round + 1;
            // Progress, for whoever watches.
            let _ = writeln!(io::stderr(), "round {round} of {of}: {name}, {contender}");
            measured.push(measure(group, *contender, options)?);
        }
    }
    Ok(measured)
}

/// One measurement, in two processes of its own.
fn measure(group: &Group, contender: Contender, options: &Options) -> Result<Measured> {
    let mut server = start_server(group, contender, options)?;
    let ready: Ready = server.read()?;
    let mut driver = start_driver(group, contender, options, server.id(), &ready)?;
    let sample: Sample = driver.read()?;
    let Seen { handled } = server.finish()?;
    check_claim(contender, sample.done_in_all, handled)?;
    Ok(Measured {
        group: group.name,
        contender,
        handled,
        sample,
    })
}

/// A reliable operation that the other process has not seen did not happen.
fn check_claim(contender: Contender, done: u64, handled: u64) -> Result<()> {
    if contender.is_reliable() && handled < done {
        let claim = format!("{contender} claims {done} operations, its server handled {handled}");
        return Err(claim.into());
    }
    Ok(())
}

fn start_server(group: &Group, contender: Contender, options: &Options) -> Result<Process> {
    let mut args = vec![
        "serve".to_owned(),
        format!("--contender={contender}"),
        format!("--receivers={}", group.receivers),
    ];
    args.extend(
        options
            .current_thread
            .then(|| "--current-thread".to_owned()),
    );
    Process::start(format!("the server of {contender}"), &args)
}

fn start_driver(
    group: &Group,
    contender: Contender,
    options: &Options,
    server: u32,
    ready: &Ready,
) -> Result<Process> {
    let peers: Vec<String> = ready.addresses.iter().map(ToString::to_string).collect();
    let mut args = vec![
        "drive".to_owned(),
        format!("--contender={contender}"),
        format!("--concurrency={}", group.concurrency),
        format!("--peers={}", peers.join(",")),
        format!("--server={server}"),
        format!("--seconds={}", options.seconds.as_secs_f64()),
    ];
    args.extend(
        options
            .current_thread
            .then(|| "--current-thread".to_owned()),
    );
    Process::start(format!("the driver of {contender}"), &args)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reliable_contender_may_not_claim_more_than_its_server_has_seen() {
        assert!(check_claim(Contender::TcpBatch, 11, 10).is_err());
        assert!(check_claim(Contender::TcpBatch, 10, 10).is_ok());
        assert!(
            check_claim(Contender::UdpSendTo, 11, 10).is_ok(),
            "it may lose messages"
        );
    }
}
