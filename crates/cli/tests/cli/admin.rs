//! The admin endpoint as a stranger meets it.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::support::Node;

#[test]
fn cli_admin_keeps_browsers_out() {
    let node = Node::start(&[]);
    let get = |host: &str| {
        exchange(
            &node,
            &format!("GET /members HTTP/1.1\r\nHost: {host}\r\n"),
            "",
        )
    };
    assert_eq!(get("localhost:1234").0, 200);
    assert_eq!(get("[::1]:1234").0, 200);
    let (status, body) = get("rebound.example");
    assert_eq!((status, &body["kind"]), (403, &"host".into()));

    let post = |kind: &str| {
        let head = format!("POST /leave HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n");
        exchange(&node, &head, "{}")
    };
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ] {
        let (status, body) = post(kind);
        assert_eq!((status, &body["kind"]), (415, &"content_type".into()));
    }
    node.run(&["members"]).ok();
}

#[test]
fn cli_admin_answers_mistakes_in_json() {
    let node = Node::start(&[]);
    let post = |path: &str, body: &str| {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        );
        exchange(&node, &head, body)
    };
    let mesh = &node.mesh;
    let cases = [
        ("/nothing", "{}".to_owned(), 404, "no_such_path"),
        ("/members", "{}".to_owned(), 405, "wrong_method"),
        ("/request", "{".to_owned(), 400, "bad_request"),
        (
            "/request",
            r#"{"command": 1}"#.to_owned(),
            400,
            "bad_request",
        ),
        (
            "/request",
            format!(r#"{{"command": 1, "to": "{mesh}", "oops": 1}}"#),
            400,
            "bad_request",
        ),
        (
            "/request",
            format!(r#"{{"command": 1, "to": "{mesh}", "data": {{"base64": "?"}}}}"#),
            400,
            "bad_request",
        ),
        (
            "/request",
            format!(r#"{{"command": 1, "to": "{mesh}", "data": {{"text": "", "json": {{}}}}}}"#),
            400,
            "bad_request",
        ),
        (
            "/request",
            format!(r#"{{"command": 1, "to": "{mesh}", "timeout": -1}}"#),
            400,
            "bad_request",
        ),
        (
            "/request",
            format!(r#"{{"command": 777, "to": "{mesh}"}}"#),
            502,
            "no_handler",
        ),
        (
            "/request",
            r#"{"command": 1, "to": "127.0.0.1:1", "timeout": 0.2}"#.to_owned(),
            504,
            "timeout",
        ),
        ("/send", r#"{"command": 2}"#.to_owned(), 400, "bad_request"),
        (
            "/send",
            r#"{"command": 2, "to_type": "nothing"}"#.to_owned(),
            404,
            "no_nodes",
        ),
        (
            "/send",
            format!(r#"{{"command": 2, "to": ["{mesh}"], "limit": 0}}"#),
            400,
            "bad_request",
        ),
        (
            "/send",
            format!(r#"{{"command": 2, "to": ["{mesh}"], "to_type": "udp"}}"#),
            400,
            "bad_request",
        ),
    ];
    for (path, body, status, kind) in cases {
        let (got, answer) = post(path, &body);
        assert_eq!(
            (got, &answer["kind"]),
            (status, &kind.into()),
            "{path} {body}: {answer}"
        );
        assert!(answer["error"].is_string(), "{path} {body}: {answer}");
    }
    let (status, answer) = post("/request", &" ".repeat(23 * 1024 * 1024));
    assert_eq!((status, &answer["kind"]), (413, &"body".into()));
}

#[test]
fn cli_admin_health() {
    let node = Node::start(&[]);
    let answer = exchange(&node, "GET /health HTTP/1.1\r\nHost: localhost\r\n", "");
    assert_eq!(answer, (200, serde_json::json!({"state": "online"})));
}

/// One exchange over plain TCP: the status and the JSON of the answer.
#[track_caller]
fn exchange(node: &Node, head: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(&node.admin).expect("the endpoint is there");
    let length = body.len();
    let head = format!("{head}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    stream
        .write_all(head.as_bytes())
        .expect("it reads the head");
    // An endpoint that refuses early may close before it has read the body.
    let _ = stream.write_all(body.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).expect("text");
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body);
    let json = body.and_then(|body| serde_json::from_str(body).ok());
    (status.expect(&answer), json.expect(&answer))
}
