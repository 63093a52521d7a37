//! Flags over environment over file over defaults.

use serde_json::{Value, json};

use crate::support::{Process, Scratch, finish, hobnob, run};

#[test]
fn cli_config_precedence() {
    let scratch = Scratch::new("precedence");
    let file = scratch.file(
        "hobnob.toml",
        r#"
            type = "file-type"
            role = "file-role"
            name = "file-name"
            admin = "127.0.0.1:0"
            seeds = ["127.0.0.1:9", "127.0.0.1:10"]
            values = { zone = "eu-1", weight = 3, load = 0.5, open = true }
            request_timeout = 2.5
        "#,
    );
    let mut command = hobnob();
    command
        .args(["node", "--config", &file, "--role=flag-role"])
        .env("HOBNOB_ROLE", "env-role")
        .env("HOBNOB_TYPE", "env-type")
        // An empty variable is an unset one.
        .env("HOBNOB_NAME", "");
    let node = Process::spawn(&mut command);
    let ready: Value = node.line("ready", |line| serde_json::from_str(line).ok());
    let admin = ready["admin"].as_str().expect("the file asks for it");

    let mut command = hobnob();
    command
        .args(["members", "-o", "json"])
        .env("HOBNOB_ADMIN", admin);
    let members = finish(command).json();
    let me = &members[0];
    assert_eq!(me["role"], "flag-role", "a flag goes before a variable");
    assert_eq!(me["type"], "env-type", "a variable goes before the file");
    assert_eq!(me["name"], "file-name", "the file goes before the default");
    assert_eq!(me["app"], json!(null), "the default");
    let values = json!({ "zone": "eu-1", "weight": 3, "load": 0.5, "open": true });
    assert_eq!(me["values"], values);
}

#[test]
fn cli_config_names_the_origin_of_a_wrong_value() {
    let scratch = Scratch::new("origin");
    let file = scratch.file("hobnob.toml", "type = \"udp\"\nbind = \"from-file\"\n");

    let line = run(["node", "--config", &file]).failed(2);
    assert!(
        line.contains(&format!("{file}:2: bind: \"from-file\"")),
        "{line}"
    );

    let mut command = hobnob();
    command
        .args(["node", "--config", &file])
        .env("HOBNOB_BIND", "from-env");
    let line = finish(command).failed(2);
    assert!(line.contains("HOBNOB_BIND: \"from-env\""), "{line}");

    let mut command = hobnob();
    command
        .args(["node", "--bind", "from-flag"])
        .env("HOBNOB_BIND", "from-env");
    let line = finish(command).failed(2);
    assert!(line.contains("--bind: \"from-flag\""), "{line}");
}
