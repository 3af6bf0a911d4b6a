//! What the page tells of the loop's past and of what comes next, and how it fits a screen.

use super::*;

#[test]
fn a_client_that_is_stuck_shows_how_it_got_there() {
    let Some(mut watched) = Watched::start(a_client_that_is_stuck_shows_how_it_got_there, &[])
    else {
        return;
    };
    let (stuck, slot) = watched.connect();
    say(&stuck, "GET /half");
    watched.await_square(slot, 'H', "ReadingHead");
    // Others go on meanwhile, and nobody has chosen a client yet.
    let (other, _) = watched.connect();
    let mut other = Client::new(other);
    for _ in 0..30 {
        other.get("/busy");
    }
    assert_eq!(watched.browser.evaluate("document.getElementById('drawer').hidden"), true);
    watched.click_on_square(slot);
    watched.await_text("steps", "Fresh -> ReadingHead");
    watched.await_text("steps", "accept");
    assert!(!watched.browser.text("steps").contains("/busy"));
    watched.await_text("answers", "GET /busy -> 200, 31 bytes");
    watched.await_text("statuses", "2xx: 30");
    watched.await_text("latency", "\u{2264} 1 ms");
    watched.browser.press("Escape");
    watched.browser.await_true("document.getElementById('drawer').hidden");
    watched.assert_content();
}

#[test]
fn a_paused_loop_shows_who_is_next_and_takes_steps_by_the_keyboard() {
    let test = a_paused_loop_shows_who_is_next_and_takes_steps_by_the_keyboard;
    let Some(mut watched) = Watched::start(test, &[]) else { return };
    let clients = [0, 1].map(|_| watched.connect());
    watched.browser.await_true("window.oneloop.frame.queue.count === 0");
    watched.browser.press(" ");
    watched.browser.await_true("document.body.dataset.pace === 'paused'");
    watched.await_text("last-step", "No client can run: the loop would sleep.");
    let paused_at = watched.browser.text("status");
    assert!(paused_at.starts_with("Paused at "), "{paused_at}");
    // The second speaks first.
    for (stream, slot) in clients.iter().rev() {
        say(stream, "GET / HTTP/1.1\r\nHost: test\r\n\r\n");
        let queued = format!("window.oneloop.frame.queue.slots.includes({slot})");
        watched.browser.await_true(&queued);
    }
    let [(_, first), (_, second)] = &clients;
    watched.await_text("last-step", &format!("Next: the client in slot {second}."));
    watched.await_text("queued", "2 ready");
    let shown = "[...document.querySelectorAll('#queue button:not([hidden])')]
        .map((it) => `${it.textContent}${it.classList.contains('next') ? ' next' : ''}`)";
    let expected = serde_json::json!([format!("F {second} next"), format!("F {first}")]);
    watched.browser.await_true(&format!("JSON.stringify({shown}) === '{expected}'"));
    let _waiting = TcpStream::connect(watched.server.address()).unwrap();
    watched.await_text("queued", "a connection waits to be accepted");
    watched.browser.press(".");
    watched.await_text("last-step", "Step 1: a connection is accepted. Next: ");
    watched.browser.press(".");
    watched.await_text("last-step", &format!("in slot {second}: Fresh to Writing. Next: "));
    assert_eq!(watched.browser.text("status"), paused_at, "its time stands still");
    watched.browser.press(" ");
    watched.browser.await_true("document.body.dataset.pace === 'running'");
    watched.await_text("last-step", "Asleep in poll, since ");
    watched.assert_content();
}

#[test]
fn a_page_that_is_opened_late_knows_the_last_minute() {
    let Some(program) = CHROMIUM.find(a_page_that_is_opened_late_knows_the_last_minute) else {
        return;
    };
    let mut server = start_at("127.0.0.1:0", &[]);
    let mut client = Client::new(TcpStream::connect(server.address()).unwrap());
    for _ in 0..100 {
        client.get("/");
    }
    let mut browser = Browser::start(&program, WIDTH, HEIGHT);
    browser.open(&format!("http://{}/", server.admin()));
    browser.await_true("document.body.dataset.stream === 'live'");
    let told = "document.querySelector('#traffic span:last-child').textContent";
    browser.await_true(&format!("{told} !== 'at most 0/s' && {told} !== ''"));
    Watched { server, browser }.assert_content();
}

#[test]
fn heat_shows_who_is_answered_how_often() {
    let Some(mut watched) = Watched::start(heat_shows_who_is_answered_how_often, &[]) else {
        return;
    };
    let [(busy, hot), (_quiet, cold)] = [0, 1].map(|_| watched.connect());
    let mut busy = Client::new(busy);
    watched.browser.press("h");
    let painted =
        |slot, level| format!("({PAINTED})({slot}) === window.oneloop.colours['heat-{level}']");
    watched.browser.await_true(&painted(cold, 0));
    // Twenty are many, whether they come in a second or in a tenth of one; soon all is cold again.
    let is_hot = [4, 5, 6, 7].map(|level| painted(hot, level)).join(" || ");
    let mut rounds = 0;
    while watched.browser.evaluate(&is_hot) != true {
        (0..20).for_each(|_| drop(busy.get("/")));
        rounds += 1;
        assert!(rounds < 1000, "it is answered, and stays cold");
    }
    watched.browser.await_true(&painted(cold, 0));
    watched.browser.await_true(&painted(hot, 0));
    watched.browser.press("h");
    watched.await_square(hot, 'I', "Idle");
    watched.assert_content();
}

#[test]
fn the_slab_and_the_state_machine_are_seen_together() {
    let Some(mut watched) = Watched::start(the_slab_and_the_state_machine_are_seen_together, &[])
    else {
        return;
    };
    let (_stream, slot) = watched.connect();
    let bottom = |selector: &str| {
        format!("document.querySelector('{selector}').getBoundingClientRect().bottom")
    };
    for seen in ["#board", "#diagram", "#queue", "#admins-board", ".legend"] {
        watched.browser.await_true(&format!("{} <= {HEIGHT}", bottom(seen)));
    }
    // And so they are beside a client that was chosen.
    watched.click_on_square(slot);
    watched.await_text("client-state", "Fresh");
    let top = "document.getElementById('drawer').getBoundingClientRect().top";
    for seen in ["#board", "#diagram"] {
        watched.browser.await_true(&format!("{} <= {top}", bottom(seen)));
    }
    watched.assert_content();
}

#[test]
fn a_phone_needs_no_scrolling_aside_and_a_finger_hits_what_it_aims_at() {
    let test = a_phone_needs_no_scrolling_aside_and_a_finger_hits_what_it_aims_at;
    let Some(mut watched) = Watched::start(test, &[]) else { return };
    watched.browser.resize(390, 844, 1.0);
    let (stream, slot) = watched.connect();
    Client::new(stream).get("/");
    watched.await_square(slot, '.', "free");
    watched.await_text("answers", "GET /");
    watched.browser.evaluate("document.querySelector('#answers button').click()");
    watched.await_text("client-says", "is free");
    assert_eq!(watched.browser.evaluate("document.documentElement.scrollWidth"), 390);
    let small = "[...document.querySelectorAll('button, select, label, summary, #slot')]
        .filter((it) => it.checkVisibility())
        .map((it) => [it.textContent.trim(), it.getBoundingClientRect()])
        .filter(([, { width, height }]) => height < 44 || width < 30)
        .map(([text, { width, height }]) => `${text}: ${width}x${height}`)";
    let small = watched.browser.evaluate(small);
    assert_eq!(small, serde_json::json!([]), "targets that are too small");
    watched.assert_content();
}
