use std::fs;
use std::io::Write as _;
use std::process::Command;

use countersign_custody::scan::Remedy;

use crate::support::{PRIVATE, Place, git, gzip, tar, zstd};

const DIGEST: &str = "blobs/sha256/3f9c21aa";

fn env_file() -> String {
    format!("A=1\nSIGNER_KEY={PRIVATE}\n")
}

#[test]
fn a_key_in_a_layer_of_a_saved_image_is_found() {
    let layer = tar(&[("app/main.py", b"print()"), ("app/.env", env_file().as_bytes())]);
    for (form, packed) in
        [("", layer.clone()), (" » (gzip)", gzip(&layer)), (" » (zstd)", zstd(&layer))]
    {
        let place = Place::new();
        let manifest = format!(r#"[{{"Config":"config.json","Layers":["{DIGEST}"]}}]"#);
        let image = tar(&[
            ("manifest.json", manifest.as_bytes()),
            ("config.json", b"{}"),
            (DIGEST, &packed),
        ]);
        place.write("image.tar", &image);
        assert_eq!(place.found(), format!("image.tar » {DIGEST}{form} » app/.env, line 2: hex"));
        assert_eq!(place.scan().findings[0].remedy, Remedy::Withdraw);
    }
}

#[test]
fn a_key_in_the_environment_of_an_image_is_found() {
    use base64::Engine as _;
    let place = Place::new();
    let encoded = base64::engine::general_purpose::STANDARD.encode(PRIVATE);
    let config =
        format!(r#"{{"config":{{"Env":["PATH=/bin","KEY={PRIVATE}","KEY64={encoded}"]}}}}"#);
    place.write("image.tar.gz", gzip(&tar(&[("config.json", config.as_bytes())])));
    // Both are on one line: it is told once.
    assert_eq!(place.found(), "image.tar.gz » (gzip) » config.json, line 1: hex");
}

#[test]
fn a_layout_on_disk_is_searched_like_an_image() {
    let place = Place::new();
    place.write("oci-layout", "{}");
    place.write(DIGEST, gzip(&tar(&[("root/.keychain.json", env_file().as_bytes())])));
    assert_eq!(place.found(), format!("{DIGEST} » (gzip) » root/.keychain.json, line 2: hex"));
}

#[test]
fn a_repository_that_was_copied_into_an_image_is_searched() {
    let place = Place::new();
    let repo = Place::new();
    git(&repo.path(), &["init", "--quiet"]);
    repo.write(".env", env_file());
    git(&repo.path(), &["add", "--all"]);
    git(&repo.path(), &["commit", "--quiet", "-m", "Oops"]);
    git(&repo.path(), &["rm", "--quiet", ".env"]);
    git(&repo.path(), &["commit", "--quiet", "-m", "Better"]);
    let blob = git(&repo.path(), &["rev-parse", "HEAD~1:.env"]);
    for is_packed in [false, true] {
        if is_packed {
            git(&repo.path(), &["gc", "--quiet"]);
        }
        let archive = place.path().join("layer.tar");
        let mut make = Command::new("tar");
        make.arg("-cf").arg(&archive).arg("-C").arg(repo.path()).arg(".");
        assert!(make.status().unwrap().success());
        let shown = place.found();
        assert!(shown.starts_with("layer.tar » ./.git/objects/"), "{shown}");
        assert!(shown.ends_with(&format!(" » blob {blob}, line 2: hex")), "{shown}");
    }
}

#[test]
fn what_the_systems_own_tar_writes_is_read() {
    let folder = Place::new();
    let long = format!("{}{}.env", "a-long-name/".repeat(20), "x".repeat(120));
    folder.write(&long, env_file());
    folder.write("first", "nothing");
    for format in ["gnu", "pax", "ustar", "v7", "oldgnu"] {
        let place = Place::new();
        let archive = place.path().join("a.tar");
        let mut command = Command::new("tar");
        command
            .arg(format!("--format={format}"))
            .arg("-cf")
            .arg(&archive)
            .arg("-C")
            .arg(folder.path());
        let has_long_names = matches!(format, "gnu" | "pax" | "oldgnu");
        if has_long_names {
            command.arg(".");
        } else {
            folder.write("short.env", env_file());
            command.args(["first", "short.env"]);
        }
        assert!(command.status().unwrap().success(), "{format}");
        let report = place.scan();
        assert!(report.is_complete(), "{format}: {:?}", report.unread);
        let name = if has_long_names { &long } else { "short.env" };
        assert!(place.shown(&report.findings[0]).contains(name), "{format}: {report:?}");
        let _ = fs::remove_file(folder.path().join("short.env"));
    }
}

#[test]
fn a_key_in_a_zip_is_found() {
    let mut bytes = Vec::new();
    let mut archive = rawzip::ZipArchiveWriter::new(&mut bytes);
    for (name, method) in [
        ("a.txt", rawzip::CompressionMethod::STORE),
        ("b/.env", rawzip::CompressionMethod::DEFLATE),
    ] {
        let (mut entry, config) =
            archive.new_file(name).compression_method(method).start().unwrap();
        let content = if name == "a.txt" { "nothing".to_owned() } else { env_file() };
        if method == rawzip::CompressionMethod::STORE {
            let mut writer = config.wrap(&mut entry);
            writer.write_all(content.as_bytes()).unwrap();
            let (_, descriptor) = writer.finish().unwrap();
            entry.finish(descriptor).unwrap();
        } else {
            let encoder =
                flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::fast());
            let mut writer = config.wrap(encoder);
            writer.write_all(content.as_bytes()).unwrap();
            let (encoder, descriptor) = writer.finish().unwrap();
            encoder.finish().unwrap();
            entry.finish(descriptor).unwrap();
        }
    }
    archive.finish().unwrap();
    let place = Place::new();
    place.write("backup.zip", &bytes);
    place.write("nested.tar", tar(&[("backup.zip", &bytes)]));
    let report = place.scan();
    let shown: Vec<String> = report.findings.iter().map(|f| place.shown(f)).collect();
    assert_eq!(
        shown,
        ["backup.zip » b/.env, line 2: hex", "nested.tar » backup.zip » b/.env, line 2: hex"]
    );
}

#[test]
fn every_compression_is_unpacked_member_after_member() {
    let text = env_file();
    let (head, tail) = text.as_bytes().split_at(30);
    // `xz` of the same text.
    let xz = hex::decode(XZ).unwrap();
    let skipped =
        [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9], zstd(text.as_bytes()).as_slice()].concat();
    let rows = [
        ("gzip", gzip(text.as_bytes())),
        ("gzip", [gzip(head), gzip(tail)].concat()),
        ("zstd", zstd(text.as_bytes())),
        ("zstd", [zstd(head), zstd(tail)].concat()),
        ("zstd", skipped),
        ("xz", xz),
    ];
    for (name, packed) in rows {
        let place = Place::new();
        place.write("env", packed);
        assert_eq!(place.found(), format!("env » ({name}), line 2: hex"));
    }
}

#[test]
fn a_name_in_an_archive_that_is_a_key_is_not_printed() {
    let place = Place::new();
    place.write("a.tar", tar(&[(PRIVATE, PRIVATE.as_bytes())]));
    let shown: Vec<String> = place.scan().findings.iter().map(|f| place.shown(f)).collect();
    let name = "<a name that holds the key>";
    assert_eq!(
        shown,
        [
            format!("a.tar » {name} » (its name), byte 0: hex"),
            format!("a.tar » {name}, line 1: hex")
        ]
    );
}

const XZ: &str = "fd377a585a000004e6d6b4460200210116000000742fe5a301004f413d310a5349474e45525f4b45593d623739316336643339323633613234363966626237333738646134306538346538396433313965346235653734663639383336666637356233636433303039320a0045644660d37e26be000168507005c9e61fb6f37d010000000004595a";
