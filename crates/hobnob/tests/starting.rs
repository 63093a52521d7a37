//! What is refused at the start, and who never sees whom.

mod common;

use std::net::{IpAddr, SocketAddr, UdpSocket};

use common::{COMMAND, acquainted, ends, eventually, own_address, quick, sees, start};
use hobnob::{Bytes, Context, Incompatibility, NodeState, RequestError, StartError};

#[tokio::test]
async fn a_port_in_use_is_refused() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let error = quick("a").bind(addr).start().await.unwrap_err();
    assert!(matches!(error, StartError::AddressInUse { addr: named } if named == addr));
    assert!(
        error
            .to_string()
            .starts_with(&format!("{addr} is already in use: ")),
        "{error}"
    );
}

#[tokio::test]
async fn an_address_of_another_machine_is_refused() {
    // RFC 5737: reserved for documentation.
    let addr: SocketAddr = "192.0.2.1:0".parse().unwrap();
    let error = quick("a")
        .bind(addr)
        .insecure(true)
        .start()
        .await
        .unwrap_err();
    assert!(matches!(error, StartError::AddressNotAvailable { addr: named } if named == addr));
    assert!(
        error
            .to_string()
            .starts_with("192.0.2.1:0 is not an address of this machine: ")
    );
}

#[tokio::test]
async fn unsealed_datagrams_stay_on_the_machine_unless_told_otherwise() {
    let any: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let other: SocketAddr = "192.0.2.1:7946".parse().unwrap();
    let local: SocketAddr = "127.0.0.1:0".parse().unwrap();
    for builder in [
        quick("a").bind(any),
        quick("a").bind(any).advertise(local),
        quick("a").bind(local).advertise(other),
    ] {
        let error = builder.start().await.unwrap_err();
        assert!(matches!(error, StartError::Unsealed { .. }), "{error}");
        assert!(error.to_string().contains("insecure = true"), "{error}");
    }
    let mesh = quick("a")
        .bind(any)
        .advertise(local)
        .insecure(true)
        .start()
        .await
        .unwrap();
    assert_eq!(mesh.address().ip(), IpAddr::from([127, 0, 0, 1]));
    assert_ne!(mesh.address().port(), 0, "the port that was bound");
    let loopback = start(quick("a").bind("127.0.0.2:0".parse().unwrap())).await;
    assert!(loopback.address().ip().is_loopback());
}

#[tokio::test]
async fn an_address_nobody_can_reach_is_refused() {
    let any: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let error = quick("a")
        .bind(any)
        .insecure(true)
        .start()
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            StartError::Config {
                field: "advertise",
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn fields_out_of_range_are_refused_by_name() {
    for bytes in [0, 1_199, 65_001] {
        let error = quick("a").datagram_bytes(bytes).start().await.unwrap_err();
        assert!(error.to_string().contains("datagram_bytes"), "{error}");
        assert!(error.to_string().contains(&bytes.to_string()), "{error}");
    }
    for bytes in [1_200, 65_000] {
        start(quick("a").datagram_bytes(bytes)).await;
    }
    for bytes in [0, 1 << 30, usize::MAX] {
        let builder = quick("a").message_bytes_max(bytes);
        let error = builder.start().await.unwrap_err();
        assert!(error.to_string().contains("message_bytes_max"), "{error}");
        assert!(error.to_string().contains(&bytes.to_string()), "{error}");
    }
    for bytes in [1, 1 << 29] {
        start(quick("a").message_bytes_max(bytes)).await;
    }
    for seed in ["rooms", "rooms:", ":7400", "rooms:0", "rooms:70000", ""] {
        let error = quick("a").seed(seed).start().await.unwrap_err();
        assert!(
            matches!(&error, StartError::Config { field: "seed", value, .. } if value == seed),
            "{error}"
        );
    }
    let error = quick("a").incoming_max(0).start().await.unwrap_err();
    assert!(error.to_string().contains("incoming_max"), "{error}");
    let error = quick(&"x".repeat(10_000)).start().await.unwrap_err();
    assert!(matches!(error, StartError::Metadata(_)), "{error}");
}

#[tokio::test]
async fn nodes_of_different_applications_never_see_each_other() {
    let game = start(quick("a").application("game").version("1")).await;
    let seed = game.address().to_string();
    let shop = start(
        quick("b")
            .application("shop")
            .version("1")
            .seed(seed.clone()),
    )
    .await;
    let nameless = start(quick("c").seed(seed.clone())).await;
    for stranger in [&shop, &nameless] {
        stranger
            .handle(COMMAND, |_: Context, payload: Bytes| async {
                Ok::<_, String>(payload)
            })
            .unwrap();
    }
    // A call to them ends: they answer, and refuse.
    for stranger in [&shop, &nameless] {
        let answer = ends("request", game.request(COMMAND, stranger.address(), "")).await;
        assert_eq!(answer, Err(RequestError::PeerDown));
    }
    // Once one of its own has joined by the same seed, the others have had their chance too.
    let other = start(quick("d").application("game").version("2").seed(seed)).await;
    acquainted(&[game.clone(), other.clone()]).await;
    assert_eq!((game.nodes().len(), other.nodes().len()), (1, 1));
    assert_eq!((shop.nodes().len(), nameless.nodes().len()), (0, 0));
    assert_eq!(game.types(), ["a", "d"]);
    for stranger in [&shop, &nameless] {
        let why = game.incompatible();
        assert!(why.contains(&(stranger.address(), Incompatibility::Application)));
        assert_eq!(
            stranger.incompatible(),
            [(game.address(), Incompatibility::Application)]
        );
    }
    assert_eq!(other.me().app_version(), "2");
}

#[tokio::test]
async fn a_seed_may_come_later_and_may_be_the_node_itself() {
    let free = UdpSocket::bind(own_address()).unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let a = start(quick("a").seed(address.to_string())).await;
    assert!(a.nodes().is_empty());
    let b = start(quick("b").bind(address).seed(address.to_string())).await;
    sees(&a, b.address(), NodeState::Online).await;
    sees(&b, a.address(), NodeState::Online).await;
}

#[tokio::test]
async fn a_seed_may_be_a_name_and_one_of_several() {
    let a = start(quick("a")).await;
    let by_name = format!("localhost:{}", a.address().port());
    let b = quick("b").seeds(["no-such-host.invalid:1".to_owned(), by_name]);
    let b = start(b).await;
    eventually("both", || a.nodes().len() == 1 && b.nodes().len() == 1).await;
}
