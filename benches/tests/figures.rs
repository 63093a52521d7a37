//! Each benchmark runs, for a moment, and its report lacks no figure.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_hobnob-benches");

const ROUND_TRIPS: &[&str] = &["hobnob-request", "tcp-batch", "udp-echo"];
const ONE_WAY: &[&str] = &["hobnob-send", "tcp-batch-ack"];

/// Seconds to measure for: longer each time, for a machine so busy that nothing at all happens in a shorter moment.
const MOMENTS: &[&str] = &["0.3", "3", "12"];

/// A group's name and its contenders.
type Group = (&'static str, &'static [&'static str]);

#[test]
fn request_reports_every_figure() {
    check(
        "request",
        &[
            ("c=1", ROUND_TRIPS),
            ("c=64", ROUND_TRIPS),
            ("c=512", ROUND_TRIPS),
        ],
    );
}

#[test]
fn stream_reports_every_figure() {
    check("stream", &[("64 tasks", ONE_WAY), ("512 tasks", ONE_WAY)]);
}

#[test]
fn fanout_reports_every_figure() {
    check(
        "fanout",
        &[
            ("reliable, 32 in flight", &["hobnob-send-many", "tcp-ack"]),
            (
                "unreliable, bursts of 32",
                &["hobnob-usend-many", "udp-send-to"],
            ),
        ],
    );
}

#[test]
fn a_process_of_a_measurement_ends_when_nobody_holds_its_stdin() {
    let mut child = Command::new(BINARY)
        .args(["serve", "--contender=tcp-batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(ready["addresses"].as_array().unwrap().len(), 1);
    drop(child.stdin.take());
    let seen: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(seen["handled"], 0);
    assert!(child.wait().unwrap().success());
}

#[test]
fn scale_reports_every_figure() {
    let (table, json) = report("scale", &["--nodes=3", "--settle=0.1", "--rest=0.5"]);
    assert!(table.contains("3 nodes in one process"), "{table}");
    for figure in [
        "joined_seconds",
        "memory_kib",
        "left_seconds",
        "cpu_percent",
    ] {
        assert!(json[figure].as_f64().unwrap() > 0.0, "{figure}: {json:#}");
    }
}

#[test]
fn members_reports_every_figure() {
    let (table, json) = report("members", &["--members=4,40", "--rounds=1"]);
    assert!(table.contains("second at rest"), "{table}");
    let rows = json["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    for row in rows {
        for figure in ["ping_us", "second_us"] {
            let median = row[figure]["median"].as_f64().unwrap();
            assert!(median > 0.0, "{figure}: {row:#}");
        }
    }
}

#[test]
fn agents_names_the_program_that_is_missing() {
    let output = Command::new(BINARY)
        .args(["agents", "--hobnob=/nowhere/hobnob"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("/nowhere/hobnob is not there"), "{error}");
    assert!(error.contains("--package hobnob-cli"), "{error}");
}

fn check(benchmark: &str, groups: &[Group]) {
    let (table, json) = run(benchmark);
    assert_eq!(json["benchmark"], benchmark);
    assert_eq!(json["payload_bytes"], 64);
    assert!(json["machine"]["cores"].as_u64().unwrap() > 0);
    assert!(!json["machine"]["kernel"].as_str().unwrap().is_empty());
    let reported = json["groups"].as_array().unwrap();
    assert_eq!(reported.len(), groups.len());
    for (reported, (name, contenders)) in reported.iter().zip(groups) {
        assert_eq!(reported["name"], *name);
        assert!(table.contains(name), "{table}");
        let reported = reported["contenders"].as_array().unwrap();
        assert_eq!(reported.len(), contenders.len());
        for (reported, name) in reported.iter().zip(*contenders) {
            assert_eq!(reported["name"], *name);
            assert!(table.contains(name), "{table}");
            check_figures(reported);
        }
    }
}

fn check_figures(contender: &Value) {
    for figure in ["per_second", "p50_us", "p99_us", "of_baseline", "arrived"] {
        for of in ["median", "min", "max"] {
            let value = contender[figure][of].as_f64();
            assert!(
                value.is_some_and(|value| value > 0.0),
                "{figure}: {contender:#}"
            );
        }
    }
    // The kernel counts in steps of 10 ms, and little may happen in a moment.
    let cpu = contender["cpu_us_per_operation"]["median"].as_f64();
    assert!(cpu.is_some_and(|value| value >= 0.0), "{contender:#}");
    assert_eq!(
        contender["of_baseline_by_round"].as_array().unwrap().len(),
        2
    );
    assert_eq!(contender["samples"].as_array().unwrap().len(), 2);
    assert!(contender["failed"].is_u64(), "{contender:#}");
}

/// Two short rounds; returns the table and the JSON.
fn run(benchmark: &str) -> (String, Value) {
    let all = MOMENTS.iter().map(|seconds| {
        let length = format!("--seconds={seconds}");
        try_report(benchmark, &["--rounds=2", &length])
    });
    let mut measured = all.skip_while(|report| is_too_short(report.as_ref()));
    let measured = measured.next().expect("the last moment is long enough");
    measured.unwrap_or_else(|errors| panic!("{errors}"))
}

fn is_too_short(report: Result<&(String, Value), &String>) -> bool {
    report.is_err_and(|errors| errors.contains("no operation went well within"))
}

fn report(benchmark: &str, options: &[&str]) -> (String, Value) {
    try_report(benchmark, options).unwrap_or_else(|errors| panic!("{errors}"))
}

/// What the benchmark says: on stdout with the JSON, or on stderr.
fn try_report(benchmark: &str, options: &[&str]) -> Result<(String, Value), String> {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{benchmark}.json"));
    let output = Command::new(BINARY)
        .arg(benchmark)
        .args(options)
        .arg("--json")
        .arg(&file)
        .output()
        .unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let json = std::fs::read_to_string(file).unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    Ok((table, serde_json::from_str(&json).unwrap()))
}
