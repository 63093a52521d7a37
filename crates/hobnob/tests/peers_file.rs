//! `MeshBuilder::peers_file`: a cluster that is restarted as a whole finds itself again.

mod common;

use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process,
    time::Duration,
};

use common::{Apart, acquainted, ends, eventually, own_address, quick, sees, start};
use hobnob::{Mesh, MeshBuilder, NodeState};

const QUIET: Duration = Duration::from_millis(200);

/// A directory of the test's own, gone after it.
struct Directory(PathBuf);

impl Directory {
    fn new(test: &str) -> Self {
        let path = env::temp_dir().join(format!("hobnob-peers-{}-{test}", process::id()));
        fs::create_dir_all(&path).expect("a directory for temporary files");
        Self(path)
    }

    fn file(&self, number: usize) -> PathBuf {
        self.0.join(format!("peers-{number}"))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn room(file: &Path) -> MeshBuilder {
    quick("room")
        .bind(own_address())
        .view_quiet(QUIET)
        .peers_file(file)
}

/// The addresses in a file; none where there is no file.
fn remembered(file: &Path) -> Vec<SocketAddr> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.parse().ok());
    lines.collect()
}

/// Waits until every file names the other nodes.
async fn all_remember_all(files: &[PathBuf], addresses: &[SocketAddr]) {
    for (file, me) in files.iter().zip(addresses) {
        let mut others = addresses.to_vec();
        others.retain(|address| address != me);
        others.sort_unstable();
        let what = format!("{} names {others:?}", file.display());
        eventually(&what, || remembered(file) == others).await;
    }
}

/// Nodes with files, the first of which is the seed of the others.
async fn rooms(files: &[PathBuf]) -> Vec<Mesh> {
    let mut meshes: Vec<Mesh> = Vec::new();
    for file in files {
        let seed = meshes.first().map(|first| first.address().to_string());
        meshes.push(start(room(file).seeds(seed)).await);
    }
    acquainted(&meshes).await;
    meshes
}

#[tokio::test]
async fn a_cluster_that_was_shut_down_finds_itself_without_seeds() {
    let directory = Directory::new("shut-down");
    let files: Vec<_> = (0..5).map(|number| directory.file(number)).collect();
    let meshes = rooms(&files).await;
    let addresses: Vec<_> = meshes.iter().map(Mesh::address).collect();
    all_remember_all(&files, &addresses).await;
    // One after the other, slowly enough for changes to settle: the last one is without company for a while.
    for mesh in meshes {
        ends("shutdown", mesh.shutdown()).await;
        tokio::time::sleep(2 * QUIET).await;
    }

    let mut again = Vec::new();
    for (file, address) in files.iter().zip(&addresses) {
        again.push(start(room(file).bind(*address)).await);
    }
    acquainted(&again).await;
    all_remember_all(&files, &addresses).await;
}

#[tokio::test]
async fn a_cluster_that_crashed_finds_itself_without_seeds() {
    let directory = Directory::new("crashed");
    let files: Vec<_> = (0..4).map(|number| directory.file(number)).collect();
    let mut apart: Vec<Apart> = Vec::new();
    for file in &files {
        let seed = apart.first().map(|first| first.address().to_string());
        apart.push(Apart::start(room(file).seeds(seed), |_| {}).await);
    }
    let addresses: Vec<_> = apart.iter().map(Apart::address).collect();
    all_remember_all(&files, &addresses).await;
    for node in apart {
        node.crash().await;
    }

    let mut again = Vec::new();
    for (file, address) in files.iter().zip(&addresses) {
        again.push(start(room(file).bind(*address)).await);
    }
    acquainted(&again).await;
}

#[tokio::test]
async fn what_crashes_again_has_not_forgotten_who_was_not_back_yet() {
    let directory = Directory::new("again");
    let files: Vec<_> = (0..3).map(|number| directory.file(number)).collect();
    let meshes = rooms(&files).await;
    let addresses: Vec<_> = meshes.iter().map(Mesh::address).collect();
    all_remember_all(&files, &addresses).await;
    for mesh in &meshes {
        ends("shutdown", mesh.shutdown()).await;
    }

    // Two of three come up, and their change settles; then all go again.
    let two = [
        start(room(&files[0]).bind(addresses[0])).await,
        start(room(&files[1]).bind(addresses[1])).await,
    ];
    for mesh in &two {
        let sees_both = || mesh.view().is_some_and(|view| view.members().len() == 2);
        eventually("a view of both", sees_both).await;
    }
    for mesh in &two {
        ends("shutdown", mesh.shutdown()).await;
    }
    let first = start(room(&files[0]).bind(addresses[0])).await;
    // Without a file: nobody but the first can begin.
    let third = start(quick("room").bind(addresses[2])).await;
    sees(&first, third.address(), NodeState::Online).await;
}

#[tokio::test]
async fn a_damaged_file_keeps_nobody_from_starting_and_is_written_anew() {
    let directory = Directory::new("damaged");
    let seed = start(quick("room")).await;
    for (number, damage) in [
        &b""[..],
        b"hobnob peers 1\n127.0.0.1:1\n",
        b"hobnob peers 9\n",
        &[0xff; 100_000],
    ]
    .into_iter()
    .enumerate()
    {
        let file = directory.file(number);
        fs::write(&file, damage).unwrap();
        let node = start(room(&file).seed(seed.address().to_string())).await;
        sees(&node, seed.address(), NodeState::Online).await;
        eventually("the file is whole", || {
            remembered(&file).contains(&seed.address())
        })
        .await;
        assert!(
            fs::read(&file).unwrap().len() < 1_000,
            "nothing is left of it"
        );
        ends("shutdown", node.shutdown()).await;
    }
    let left: Vec<_> = fs::read_dir(&directory.0).unwrap().collect();
    assert_eq!(left.len(), 4, "no unfinished file: {left:?}");
}

#[tokio::test]
async fn a_file_that_cannot_be_used_keeps_nobody_from_serving() {
    let directory = Directory::new("unusable");
    let seed = start(quick("room")).await;
    // A directory that is not there, and a directory where a file should be.
    let taken = directory.0.join("taken");
    fs::create_dir(&taken).unwrap();
    for file in [directory.0.join("no/such/peers"), taken] {
        let node = start(room(&file).seed(seed.address().to_string())).await;
        sees(&node, seed.address(), NodeState::Online).await;
        let has_tried = || node.view().is_some_and(|view| view.members().len() > 1);
        eventually("a version to remember", has_tried).await;
        sees(&seed, node.address(), NodeState::Online).await;
        assert!(node.is_online());
        ends("shutdown", node.shutdown()).await;
    }
}
