//! The clock.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::net::UdpSocket;

use super::bounded::{run, within};
use crate::facts::{Clock, Offset, Synchrony};
use crate::grade::{Fact, Unknown};
use crate::parse::{chrony, sntp};

pub(super) async fn gather(server: Option<&str>, limit: Duration) -> Clock {
    let (chrony, kernel, asked) =
        tokio::join!(tracking(limit), timedatectl(limit), ask(server, limit));
    let offset = asked.unwrap_or_else(|| of_chrony(chrony.as_ref().ok()));
    let kept = chrony.map(|(_, synchrony)| synchrony);
    Clock { offset, synchrony: kept.or(kernel), zone: zone(Path::new("/etc")) }
}

/// What chrony says of the offset. Without a source to compare with it says 0.
fn of_chrony(said: Option<&(Offset, Synchrony)>) -> Fact<Offset> {
    let kept = said.filter(|(_, synchrony)| synchrony.is_kept);
    kept.map(|(offset, _)| offset.clone()).ok_or_else(|| {
        Unknown::but(
            "neither chrony nor a time server says how far the clock is off",
            "countersign doctor --time-server HOST, or apt-get install chrony",
        )
    })
}

async fn tracking(limit: Duration) -> Fact<(Offset, Synchrony)> {
    let said = run("chronyc", &["-c", "tracking"], limit).await?;
    chrony::tracking(&said.out)
        .ok_or_else(|| Unknown::because(format!("chronyc says nothing of use: {}", said.err)))
}

async fn timedatectl(limit: Duration) -> Fact<Synchrony> {
    if Path::new("/run/systemd/timesync/synchronized").exists() {
        return Ok(Synchrony { is_kept: true, source: "systemd-timesyncd".to_owned() });
    }
    let said =
        run("timedatectl", &["show", "--property=NTPSynchronized", "--value"], limit).await?;
    chrony::timedatectl(&said.out).ok_or_else(|| {
        Unknown::but(
            format!(
                "neither chrony nor the service manager says whether the clock is kept: {}",
                said.err
            ),
            "apt-get install chrony && systemctl enable --now chrony",
        )
    })
}

async fn ask(server: Option<&str>, limit: Duration) -> Option<Fact<Offset>> {
    let server = server?;
    Some(within(server, limit, sntp(server)).await)
}

async fn sntp(server: &str) -> Fact<Offset> {
    let address = if server.contains(':') { server.to_owned() } else { format!("{server}:123") };
    let failed = |error: &dyn std::fmt::Display| {
        Unknown::because(format!("the time server {server} does not answer: {error}"))
    };
    let mut nonce = [0; 8];
    getrandom::fill(&mut nonce).map_err(|error| failed(&error))?;
    let nonce = u64::from_be_bytes(nonce) | 1;
    let target = tokio::net::lookup_host(&address).await.map_err(|error| failed(&error))?.next();
    let target = target.ok_or_else(|| failed(&"it has no address"))?;
    let local = if target.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" };
    let socket = UdpSocket::bind(local).await.map_err(|error| failed(&error))?;
    socket.connect(target).await.map_err(|error| failed(&error))?;
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let sent = now();
    socket.send(&sntp::request(nonce)).await.map_err(|error| failed(&error))?;
    let mut answer = [0; 512];
    let len = socket.recv(&mut answer).await.map_err(|error| failed(&error))?;
    let answer = answer.get(..len).unwrap_or_default();
    let millis = sntp::offset(answer, nonce, sent, now()).map_err(|error| failed(&error))?;
    Ok(Offset { millis, source: server.to_owned() })
}

/// The machine's time zone: where `localtime` leads, or what `timezone` says; UTC without either.
pub(super) fn zone(etc: &Path) -> Fact<String> {
    if let Ok(target) = std::fs::read_link(etc.join("localtime")) {
        let target = target.display().to_string();
        if let Some((_, zone)) = target.split_once("zoneinfo/") {
            return Ok(zone.to_owned());
        }
    }
    match std::fs::read_to_string(etc.join("timezone")) {
        Ok(zone) => Ok(zone.trim().to_owned()),
        Err(_) if !etc.join("localtime").exists() => Ok("UTC".to_owned()),
        Err(_) => Err(Unknown::because(
            "/etc/localtime is a copy of a file, and there is no /etc/timezone",
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_zone_is_where_localtime_leads() {
        let etc = tempfile::tempdir().unwrap();
        assert_eq!(zone(etc.path()).unwrap(), "UTC");
        std::fs::write(etc.path().join("timezone"), "Etc/UTC\n").unwrap();
        assert_eq!(zone(etc.path()).unwrap(), "Etc/UTC");
        let target = "/usr/share/zoneinfo/Europe/Vienna";
        std::os::unix::fs::symlink(target, etc.path().join("localtime")).unwrap();
        assert_eq!(zone(etc.path()).unwrap(), "Europe/Vienna");
    }

    #[test]
    fn a_chrony_without_a_source_does_not_know_the_offset() {
        let lost = "7F7F0101,,0,0.0,0.000000000,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Not synchronised";
        let lost = chrony::tracking(lost).unwrap();
        assert!(of_chrony(Some(&lost)).is_err());
        let kept = Synchrony { is_kept: true, ..lost.1 };
        assert_eq!(of_chrony(Some(&(lost.0, kept))).unwrap().millis, 0);
        assert!(of_chrony(None).is_err());
    }

    #[tokio::test]
    async fn a_time_server_is_asked_and_one_that_hangs_is_not_waited_for() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap().to_string();
        let limit = Duration::from_millis(200);
        let silent = ask(Some(&address), limit).await.unwrap();
        assert!(matches!(silent, Err(Unknown::Unmeasured { .. })), "{silent:?}");
        let mut stale = [0; 64];
        server.recv_from(&mut stale).await.unwrap();
        let serve = async {
            let mut packet = [0; 64];
            let (_, from) = server.recv_from(&mut packet).await.unwrap();
            let (question, _) = packet.split_first_chunk::<48>().unwrap();
            let mut answer = [0_u8; 48];
            let (_, nonce) = question.split_at(40);
            for (at, byte) in [(0, 0b00_100_100), (1, 1)] {
                *answer.get_mut(at).unwrap() = byte;
            }
            let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
            let time = ((seconds + 2_208_988_800 - 60) << 32).to_be_bytes();
            for (at, part) in [(24, nonce), (32, &time[..]), (40, &time[..])] {
                answer.get_mut(at..at + 8).unwrap().copy_from_slice(part);
            }
            server.send_to(&answer, from).await.unwrap();
        };
        let (answer, ()) = tokio::join!(ask(Some(&address), Duration::from_secs(5)), serve);
        let ahead = answer.unwrap().unwrap().millis;
        assert!((59_000..=61_500).contains(&ahead), "{ahead}");
    }
}
