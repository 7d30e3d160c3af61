//! Chromium as root, which has no sandbox then, and is of the distribution.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use countersign_devnet::EndSignal;
use serde_json::Value;
use system_tests::browser::Browser;
use system_tests::daemons::{Network, Signal, Verb, countersign, get, poll, quick};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::process::Command;

const LIMIT: Duration = Duration::from_mins(1);

/// The page of a signer of a devnet.
fn page_of(network: &Network, signer: usize) -> SocketAddr {
    network.devnet.place(signer).unwrap().page.as_ref().unwrap().parse().unwrap()
}

/// The highest block on the page.
const TOP: &str = "Number(document.querySelector('#blocks .block').dataset.height)";
const STATE: &str = "document.getElementById('hero').dataset.state";

/// Everything that a console says and that is no remark of the browser itself.
async fn complaints(browser: &Browser) -> Vec<String> {
    let lines = browser.console().await;
    lines.into_iter().filter(|line| !line.starts_with("\"INFO\"")).collect()
}

#[tokio::test]
#[ignore = "needs root: a Chromium of the distribution"]
async fn the_page_follows_a_real_signer_through_its_life() {
    let mut network = Network::start(quick(3)).await;
    network.adopts(3, "the signer has something to show").await;
    let page = page_of(&network, 0);
    let browser = Browser::start().await;
    browser.resize(1200, 900).await;
    browser.open(&format!("http://{page}/")).await;
    browser.until("the page to say that the signer signs", &format!("{STATE} === 'signing'")).await;
    assert_eq!(browser.run("return document.getElementById('word').textContent").await, "Signing");

    is_quick_and_small(&browser).await;
    changes_without_reload(&browser).await;
    is_reached_by_keyboard(&browser).await;
    fits_a_narrow_window(&browser).await;
    can_be_read_in_the_light_and_in_the_dark(&browser).await;
    assert_eq!(complaints(&browser).await, [""; 0]);

    says_that_the_signer_is_gone_and_comes_back(&browser, &network).await;
    browser.end().await;
    network.devnet.stop().await;
}

#[expect(clippy::print_stdout, reason = "the figures are what a reader of the test wants to know")]
async fn is_quick_and_small(browser: &Browser) {
    let figures = browser
        .run(
            "const page = performance.getEntriesByType('navigation')[0];
             const paint = performance.getEntriesByName('first-contentful-paint')[0];
             const others = performance.getEntriesByType('resource').map(one => one.name);
             // The best of several, because the machine has other things to do as well.
             const ask = best => {
                 const begun = performance.now();
                 return fetch('/').then(answer => answer.text()).then(() => Math.min(best, performance.now() - begun));
             };
             let best = Promise.resolve(page.responseEnd - page.requestStart);
             for (let i = 0; i < 5; i++) best = best.then(ask);
             return best.then(best => [best, page.encodedBodySize, paint ? paint.startTime : -1, others]);",
        )
        .await;
    let figure = |place: usize| figures[place].as_f64().unwrap();
    let (answered, bytes, painted) = (figure(0), figure(1), figure(2));
    println!(
        "the page: {bytes} bytes, answered in {answered:.1} ms, first painted after {painted:.0} ms"
    );
    assert!(bytes > 0.0 && bytes < 100_000.0, "{bytes} bytes");
    assert!(answered < 50.0, "{answered} ms");
    assert!(painted > 0.0 && painted < 5_000.0, "{painted} ms");
    let others = figures[3].as_array().unwrap().iter();
    let others: Vec<_> =
        others.filter(|name| !name.as_str().unwrap().ends_with("/events")).collect();
    assert!(others.is_empty(), "nothing else is fetched: {others:?}");
}

async fn changes_without_reload(browser: &Browser) {
    browser.run("window.mark = 'here'").await;
    let before = browser.run(&format!("return {TOP}")).await.as_u64().unwrap();
    browser.until("a higher block", &format!("{TOP} >= {}", before + 2)).await;
    browser.until("our signature on it", "document.querySelector('#blocks .stance.ok')").await;
    assert_eq!(browser.run("return window.mark").await, "here");
    let sections = browser
        .run("return [...document.querySelectorAll('main section')].filter(one => !one.hidden && one.id !== 'alerts').map(one => one.id)")
        .await;
    let wanted = ["blocks", "latencies", "peers", "signer", "ladder", "cycle", "tenure", "queues"];
    assert_eq!(sections, serde_json::json!(wanted));
    let rungs = browser.run("return document.querySelectorAll('#ladder li').length").await;
    assert_eq!(rungs, 8);
}

async fn is_reached_by_keyboard(browser: &Browser) {
    browser.run("document.activeElement.blur(); scrollTo(0, 0)").await;
    browser.press("Tab", 9).await;
    let first = browser.run("return document.activeElement.className").await;
    assert_eq!(first, "skip", "the first stop leads past the head");
    browser.press("Tab", 9).await;
    browser.press("Enter", 13).await;
    browser
        .until("the block's story to open", "document.querySelector('details.block[open] .steps')")
        .await;
    let open = browser.run("return document.querySelector('details[open]').dataset.height").await;
    let before = browser.run(&format!("return {TOP}")).await.as_u64().unwrap();
    browser.until("another block", &format!("{TOP} > {before}")).await;
    let still = browser.run("return document.querySelector('details[open]').dataset.height").await;
    assert_eq!(open, still, "news do not close what was opened");
    let focus = "document.activeElement.parentElement.dataset.height";
    assert_eq!(browser.run(&format!("return {focus}")).await, open, "nor take the focus away");
}

async fn fits_a_narrow_window(browser: &Browser) {
    for width in [360, 620, 861, 1920] {
        browser.resize(width, 800).await;
        let found = browser
            .run(
                "const wide = [...document.querySelectorAll('body *')]
                     .filter(one => one.getBoundingClientRect().right > innerWidth + 0.5 && !one.closest('.skip'));
                 return [document.documentElement.scrollWidth, wide.map(one => one.tagName + '.' + one.className)];",
            )
            .await;
        assert_eq!(found[0], width, "no scrolling sideways: {}", found[1]);
    }
    browser.resize(1200, 900).await;
}

/// The contrast of each text with what is behind it (WCAG 2.1, 1.4.3), at least 4.5 to 1.
const CONTRAST: &str = "
    const rgb = text => text.match(/[\\d.]+/g).map(Number);
    const light = colour => colour.slice(0, 3).map(c => c / 255)
        .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = node => {
        for (; node; node = node.parentElement) {
            const colour = rgb(getComputedStyle(node).backgroundColor);
            if (colour.length === 3 || colour[3] > 0) return colour;
        }
        return [255, 255, 255];
    };
    const poor = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const node = texts.currentNode.parentElement;
        if (!texts.currentNode.data.trim() || !node.checkVisibility() || node.closest('script, style, .skip, svg')) continue;
        const [one, two] = [light(rgb(getComputedStyle(node).color)), light(behind(node))];
        const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
        if (ratio < 4.5) poor.push(texts.currentNode.data + ' ' + ratio.toFixed(1));
    }
    return poor;";

async fn can_be_read_in_the_light_and_in_the_dark(browser: &Browser) {
    let mut grounds = Vec::new();
    for scheme in ["light", "dark"] {
        browser
            .emulate(&[("prefers-color-scheme", scheme), ("prefers-reduced-motion", "reduce")])
            .await;
        let ground = "return getComputedStyle(document.body).backgroundColor";
        grounds.push(browser.run(ground).await.as_str().unwrap().to_owned());
        assert_eq!(browser.run(CONTRAST).await, serde_json::json!([]), "{scheme}");
        let motion = "return document.getAnimations().length";
        assert_eq!(browser.run(motion).await, 0, "nothing moves for those who do not want it");
    }
    assert_eq!(grounds, ["rgb(244, 246, 248)", "rgb(13, 18, 23)"]);
    browser.emulate(&[]).await;
}

async fn says_that_the_signer_is_gone_and_comes_back(browser: &Browser, network: &Network) {
    network.devnet.kill_signer(0, EndSignal::Kill).await.unwrap();
    browser
        .until("the page to say that it is cut off", "!document.getElementById('link').hidden")
        .await;
    let said = browser.run("return document.getElementById('link').textContent").await;
    assert!(said.as_str().unwrap().starts_with("No connection to the signer."), "{said}");
    let before = browser.run(&format!("return {TOP}")).await.as_u64().unwrap();
    network.devnet.start_signer(0).await.unwrap();
    browser.until("the page to follow again", "document.getElementById('link').hidden").await;
    browser
        .until("the signer to sign again", &format!("{STATE} === 'signing' && {TOP} > {before}"))
        .await;
    assert_eq!(browser.run("return window.mark").await, "here", "the page was not loaded again");
    let strange: Vec<_> =
        complaints(browser).await.into_iter().filter(|line| !line.contains("net::ERR_")).collect();
    assert_eq!(strange, [""; 0], "but for the connection that was lost");
}

#[tokio::test]
#[ignore = "needs root: a Chromium of the distribution"]
async fn the_page_says_why_a_signer_does_not_sign() {
    let mut network = Network::start(quick(3)).await;
    network.adopts(2, "all is well at first").await;
    let page = page_of(&network, 1);
    let browser = Browser::start().await;
    browser.open(&format!("http://{page}/")).await;
    browser.until("the signer to sign", &format!("{STATE} === 'signing'")).await;
    network.devnet.stop_node(1).await.unwrap();
    browser.until("the page to turn", &format!("{STATE} === 'not_signing'")).await;
    let said = browser.run("return document.getElementById('hero').innerText").await;
    for word in ["Not signing", "The node does not answer", "What to do: see that the node runs"] {
        assert!(said.as_str().unwrap().contains(word), "{word}: {said}");
    }
    let alert =
        browser.run("return document.querySelector('#alerts .critical b').textContent").await;
    assert_eq!(alert, "SignerNodeSilent");
    let now = browser.run("return document.querySelector('#ladder .now').dataset.code").await;
    assert_eq!(now, "node_silent");
    browser.emulate(&[("prefers-color-scheme", "dark")]).await;
    assert_eq!(browser.run(CONTRAST).await, serde_json::json!([]));
    network.devnet.restart_node(1).await.unwrap();
    browser.until("the page to turn back", &format!("{STATE} === 'signing'")).await;
    browser.until("the alert to go", "document.getElementById('alerts').hidden").await;
    browser.end().await;
    network.devnet.stop().await;
}

#[tokio::test]
#[ignore = "needs root: a Chromium of the distribution"]
async fn a_page_from_elsewhere_learns_nothing_of_the_signer() {
    let mut network = Network::start(quick(3)).await;
    network.adopts(1, "there is something to learn").await;
    let page = page_of(&network, 0);
    let elsewhere = elsewhere(page).await;
    let browser = Browser::start().await;
    // Of the same machine and another port, and of another name.
    for host in ["127.0.0.1", "localhost"] {
        browser.open(&format!("http://{host}:{}/", elsewhere.port())).await;
        browser.until("the attack to end", "window.done").await;
        let found = browser.run("return window.done").await;
        assert_eq!(
            found,
            serde_json::json!(["TypeError", "TypeError", "refused", "no frame", "no script"]),
            "{host}"
        );
    }
    let frames =
        browser.run("return document.querySelector('iframe').contentDocument === null").await;
    assert_eq!(frames, true, "the frame is nobody's to look into");
    browser.end().await;
    network.devnet.stop().await;
}

/// A page that tries everything to read the status page at `victim`.
async fn elsewhere(victim: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let html = format!(
        "<!doctype html><title>elsewhere</title><body><script>
         const at = 'http://{victim}';
         const outcome = async () => {{
           const cors = await fetch(at + '/status.json').then(() => 'read', error => error.name);
           const blind = await fetch(at + '/status.json', {{ mode: 'no-cors' }}).then(answer => answer.type, error => error.name);
           const news = await new Promise(done => {{
             const source = new EventSource(at + '/events');
             source.onmessage = () => done('read');
             source.onerror = () => {{ source.close(); done('refused'); }};
           }});
           const frame = await new Promise(done => {{
             const frame = document.createElement('iframe');
             frame.onload = () => done('no frame');
             frame.src = at + '/';
             document.body.append(frame);
           }});
           const script = await new Promise(done => {{
             const script = document.createElement('script');
             script.onload = () => done('run');
             script.onerror = () => done('no script');
             script.src = at + '/status.json';
             document.body.append(script);
           }});
           return [cors, blind, news, frame, script];
         }};
         outcome().then(found => window.done = found, error => window.done = [String(error)]);
         </script>"
    );
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{html}",
        html.len()
    );
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            // A browser also opens connections on which it says nothing.
            tokio::spawn(async move {
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    address
}

#[tokio::test]
#[ignore = "needs root: a Chromium of the distribution"]
async fn the_devnet_shows_the_whole_network_on_one_page() {
    // The last signer sits out by design.
    let arguments = "--signers 4 --weights 10,10,10,0 --burn-seconds 3 --block-interval-ms 500 \
                     --signer 2=/bin/false";
    let verb = Verb::start(&arguments.split_whitespace().collect::<Vec<_>>());
    let (started, _) = verb.event(0, "started", LIMIT).await;
    let (page, _) = verb.event(0, "page", LIMIT).await;
    assert_eq!(page["is_opened"], false);
    let browser = Browser::start().await;
    browser.open(page["url"].as_str().unwrap()).await;
    let members =
        "[...document.querySelectorAll('#members tbody tr')].map(row => row.dataset.state)";
    // Two of three are not enough for a block: the signers wait, and say so.
    browser
        .until(
            "both signers to be heard",
            &format!(
                "{members}.filter(state => state === 'signing').length === 2 && \
                 {members}.includes('sits_out')"
            ),
        )
        .await;
    let states = browser.run(&format!("return {members}")).await;
    assert_eq!(states, serde_json::json!(["signing", "signing", "silent", "sits_out"]));
    let word = browser.run("return document.getElementById('word').textContent").await;
    assert_eq!(word, "2 of 2 sign");
    let state = browser.run("return document.getElementById('hero').dataset.state").await;
    assert_eq!(state, "signing");
    let epoch = browser.run("return document.querySelector('#tenure h2 span').textContent").await;
    assert_eq!(epoch, "Epoch 3.3");
    browser.resize(360, 800).await;
    assert_eq!(browser.run("return document.documentElement.scrollWidth").await, 360);

    // News do not take the keyboard's focus from a name.
    let mark = "document.querySelector('#members a').focus(); \
                document.querySelector('#members table').dataset.old = ''";
    browser.run(mark).await;
    let is_redrawn = "document.querySelector('#members table').dataset.old === undefined";
    browser.until("the members to be drawn anew", is_redrawn).await;
    let focused = browser.run("return document.activeElement.getAttribute('href')").await;
    assert_eq!(focused, format!("http://{}/", started["signers"][0]["page"].as_str().unwrap()));

    // Each name leads to the signer's own page.
    browser.run("document.querySelector('#members a').click()").await;
    browser
        .until(
            "the signer's own page",
            "document.getElementById('signer') && !document.getElementById('signer').hidden",
        )
        .await;
    let there = browser.run("return location.href").await;
    assert_eq!(there, format!("http://{}/", started["signers"][0]["page"].as_str().unwrap()));
    assert_eq!(started["signers"][2]["page"], Value::Null);
    assert_eq!(complaints(&browser).await, [""; 0]);
    browser.end().await;
    verb.signal(Signal::INT);
    assert_eq!(verb.ended(LIMIT).await.0, Some(0));
}

#[tokio::test]
#[ignore = "needs root: a Chromium of the distribution"]
async fn neither_the_key_nor_the_password_is_on_any_page() {
    let mut network = Network::start(quick(2)).await;
    network.adopts(2, "there is something to show").await;
    let (page, settings) = (page_of(&network, 0), network.settings(0));
    let key = settings.text("stacks_private_key").to_lowercase();
    let secrets = [key.get(..64).unwrap(), settings.text("auth_password")];
    let mut shown = String::new();
    for path in ["/", "/status.json", "/nothing"] {
        shown.push_str(&get(page, path).await.body);
    }
    let browser = Browser::start().await;
    browser.open(&format!("http://{page}/")).await;
    browser.until("the page", "!document.getElementById('signer').hidden").await;
    let html = browser.run("return document.documentElement.outerHTML").await;
    shown.push_str(html.as_str().unwrap());
    let public = poll(LIMIT, "the public key on the page", async || {
        let key = network.devnet.place(0).unwrap().public_key.clone();
        shown.contains(&key).then_some(key)
    });
    public.await;
    for secret in secrets {
        assert!(secret.len() > 8 && !shown.to_lowercase().contains(&secret.to_lowercase()));
    }
    browser.end().await;
    network.devnet.stop().await;
}

#[tokio::test]
#[ignore = "needs root: curl of the distribution"]
async fn the_commands_of_the_page_in_the_documentation_do_what_it_says() {
    let mut network = Network::start(quick(2)).await;
    network.adopts(3, "there is something to show").await;
    let place = network.devnet.place(0).unwrap();
    let text = include_str!("../../../docs/operator/status-page.md");
    let mut script = String::new();
    // The first is for another computer, and carried out elsewhere.
    for block in text.split("```sh\n").skip(2) {
        script.push_str(block.split_once("```").unwrap().0);
    }
    assert_eq!(script.lines().count(), 4, "{script}");
    let folder = tempfile::tempdir().unwrap();
    let path =
        format!("{}:{}", countersign().parent().unwrap().display(), std::env::var("PATH").unwrap());
    let done = Command::new("bash")
        .args(["-euc", &script])
        .current_dir(folder.path())
        .env("PATH", path)
        .env("CONFIG", &place.config)
        .env("PAGE", place.page.as_ref().unwrap())
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(said.matches("● SIGNING").count(), 2, "{said}");
    assert!(said.contains("Signers of the cycle") && !said.contains('\u{1b}'), "{said}");
    let read = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(folder.path().join(name)).unwrap()).unwrap()
    };
    let (status, snapshot) = (read("status.json"), read("snapshot.json"));
    assert_eq!((&snapshot["schema"], &status["snapshot"]["schema"]), (&1.into(), &1.into()));
    assert_eq!(snapshot["signer"], status["snapshot"]["signer"]);
    assert_eq!(snapshot["signer"]["public_key"], place.public_key.as_str());
    network.devnet.stop().await;
}
