use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::draw;
use crate::dev::board::{Board, Phase, Row};

fn shown(board: &Board, width: u16, height: u16) -> String {
    let mut terminal =
        Terminal::new(TestBackend::new(width, height)).expect("a terminal in memory");
    terminal.draw(|frame| draw(frame, board)).expect("it draws");
    terminal.backend().to_string()
}

fn board() -> Board {
    let address = "127.0.0.1:4001".parse().expect("an address");
    let mut board = Board::new(vec![Row::new("alpha", "udp", address)]);
    board.note("something \u{1b}[31mred".to_owned());
    board
}

#[test]
fn members_notes_and_keys_are_shown() {
    let mut board = board();
    let screen = shown(&board, 100, 20);
    for text in [
        "members, as alpha sees them",
        "127.0.0.1:4001",
        "starting",
        "q: let them leave",
    ] {
        assert!(screen.contains(text), "{text:?} is not on\n{screen}");
    }
    assert!(screen.contains(r"something \u{1b}[31mred"), "{screen}");

    board.phase = Phase::Leaving;
    assert!(shown(&board, 100, 20).contains("kill at once"));
}

#[test]
fn a_screen_of_any_size_will_do() {
    let board = board();
    for (width, height) in [(1, 1), (5, 3), (20, 4), (300, 100)] {
        shown(&board, width, height);
    }
}
