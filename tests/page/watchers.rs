//! The row of the clients that watch, the page itself among them.

use super::Watched;
use super::sockets::Client;

#[test]
fn watchers_have_a_row_of_their_own() {
    let Some(mut watched) = Watched::start(watchers_have_a_row_of_their_own, &[]) else { return };
    let (_stream, slot) = watched.connect();
    let pausing = "[...window.oneloop.frame.admin.grid].filter((it) => it === 'P').length";
    watched.browser.await_true(&format!("{pausing} === 1"));
    let mut watcher = Client::connect(watched.server.admin());
    watcher.send(format!("GET /events HTTP/1.1\r\nHost: {}\r\n\r\n", watched.server.admin()));
    assert_eq!(watcher.answer_head().status, 200);
    watched.browser.await_true(&format!("{pausing} === 2"));
    // The browser may keep connections of its own beside the two.
    let count = "document.getElementById('admins-count').textContent";
    watched.browser.await_true(&format!("{count} === String(window.oneloop.frame.admin.clients)"));
    watched.browser.await_true("window.oneloop.frame.admin.clients >= 2");
    watched.await_text("clients", "1");
    // Its square has the colour of its state, and the public's slots are what they were.
    let square = "(() => {
        const canvas = document.getElementById('admins');
        const last = window.oneloop.frame.admin.grid.lastIndexOf('P');
        const side = canvas.height;
        const copy = Object.assign(document.createElement('canvas'), { width: 1, height: 1 });
        const brush = copy.getContext('2d');
        brush.drawImage(canvas, last * side + 3, 3, 1, 1, 0, 0, 1, 1);
        return [...brush.getImageData(0, 0, 1, 1).data].slice(0, 3).join();
    })()";
    let colour = "(() => {
        const brush = document.createElement('canvas').getContext('2d');
        brush.fillStyle = window.oneloop.colours.Pausing;
        brush.fillRect(0, 0, 1, 1);
        return [...brush.getImageData(0, 0, 1, 1).data].slice(0, 3).join();
    })()";
    watched.browser.await_true(&format!("{square} === {colour}"));
    watched.await_square(slot, 'F', "Fresh");
    watched.assert_content();
}
