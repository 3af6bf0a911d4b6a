//! The faults of routes, as the herd judges them.

use super::*;

/// The first answer goes to the probe, five go to the client, and behind them comes the fault.
#[test]
fn each_fault_is_judged_as_what_it_is() {
    for (fault, right, wrong, lost) in [
        ("reset", 5, 0, 1),
        ("close", 5, 0, 1),
        ("silence=10s", 5, 0, 1),
        ("garbage=100", 5, 1, 0),
        ("text=abc break-at=1", 5, 1, 0),
        ("text=abc length=+2", 5, 1, 0),
        ("text=abc length=-1", 5, 1, 0),
        ("text=abc two-lengths", 5, 1, 0),
        ("text=abc bad-chunk", 5, 1, 0),
        ("text=abc head-over=200ms", 6, 0, 0),
        ("text=abc interim=3", 6, 0, 0),
        ("text=abc after=200ms", 6, 0, 0),
    ] {
        let server = Server::start(&["--route", &format!("/ text=abc first=6 then {fault}")]);
        let told = herd(server.address(), &["--get", "1", "--requests", "6", "--patience", "1s"]);
        let counted = ["right", "wrong", "lost"].map(|what| told.count("get", what));
        assert_eq!(counted, [right, wrong, lost], "{fault}: {told:?}");
        assert_eq!(told.code, Some(if right == 6 { 0 } else { 1 }), "{fault}: {told:?}");
    }
}
