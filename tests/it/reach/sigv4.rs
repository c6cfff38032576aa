//! Amazon's signatures, recomputed by the server as Amazon does; the recomputation itself is held to Amazon's example.

use reqsign_core::hash::{hex_hmac_sha256, hex_sha256, hmac_sha256};

use super::*;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// What a signature covers.
struct Signed<'s> {
    method: &'s str,
    path: &'s str,
    query: &'s str,
    /// Name and value, sorted.
    headers: Vec<(&'s str, &'s str)>,
    payload_hash: &'s str,
    /// Such as `20150830T123600Z`.
    time: &'s str,
    region: &'s str,
    service: &'s str,
}

/// The signature, after "Create a signed AWS API request" of the IAM user guide.
fn signature(signed: &Signed<'_>) -> String {
    let lines: String = signed
        .headers
        .iter()
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    let names: Vec<&str> = signed.headers.iter().map(|(name, _)| *name).collect();
    let canonical = [
        signed.method,
        signed.path,
        signed.query,
        &lines,
        &names.join(";"),
        signed.payload_hash,
    ]
    .join("\n");
    let day = &signed.time[..8];
    let scope = format!("{day}/{}/{}/aws4_request", signed.region, signed.service);
    let hash = hex_sha256(canonical.as_bytes());
    let text = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{hash}", signed.time);
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for part in [day, signed.region, signed.service, "aws4_request"] {
        key = hmac_sha256(&key, part.as_bytes());
    }
    hex_hmac_sha256(&key, text.as_bytes())
}

#[test]
fn the_recomputation_is_amazons() {
    // "Examples of the complete Version 4 signing process", AWS General Reference.
    let example = Signed {
        method: "GET",
        path: "/",
        query: "Action=ListUsers&Version=2010-05-08",
        headers: vec![
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("host", "iam.amazonaws.com"),
            ("x-amz-date", "20150830T123600Z"),
        ],
        payload_hash: &hex_sha256(b""),
        time: "20150830T123600Z",
        region: "us-east-1",
        service: "iam",
    };
    assert_eq!(
        signature(&example),
        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    );
}

/// Fields in the order and the encoding of RFC 3986 that a signature covers.
fn canonical(query: &str) -> String {
    let encode = |text: &str| -> String {
        let byte = |byte: u8| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        };
        text.bytes().map(byte).collect()
    };
    assert!(!query.contains('+'), "a plus is no space here");
    let fields = form(query.as_bytes()).into_iter();
    let mut pairs: Vec<String> = fields
        .map(|(name, value)| format!("{}={}", encode(&name), encode(&value)))
        .collect();
    pairs.sort();
    pairs.join("&")
}

/// Lets in who signed right.
fn guard(asked: &Asked) -> Reply {
    let authorization = asked.header("authorization");
    let part = |name: &str| {
        let found = authorization.split([' ', ',']).find_map(|part| part.strip_prefix(name));
        found.unwrap_or_default()
    };
    let names: Vec<&str> = part("SignedHeaders=").split(';').collect();
    let body_hash = hex_sha256(asked.body.as_bytes());
    let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
    let expected = signature(&Signed {
        method: &asked.method,
        path,
        query: &canonical(query),
        headers: names.iter().map(|name| (*name, asked.header(name))).collect(),
        payload_hash: &body_hash,
        time: asked.header("x-amz-date"),
        region: "eu-west-1",
        service: "aps",
    });
    let all = ["host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"];
    let covered = all.iter().all(|name| names.contains(name)) && asked.header("x-amz-content-sha256") == body_hash;
    let scoped = part("Credential=").starts_with("AKIDEXAMPLE/") && asked.header("x-amz-security-token") == "session";
    match covered && scoped && part("Signature=") == expected {
        true => no_series(asked),
        false => plain(
            403,
            r#"{"message":"The request signature we calculated does not match"}"#,
        ),
    }
}

const KEYS: [(&str, &str); 4] = [
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", SECRET),
    ("AWS_SESSION_TOKEN", "session"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
];

#[test]
fn requests_are_signed_with_the_environments_keys() {
    let server = Server::start(guard);
    let url = format!("{}/workspaces/ws-1", server.url);
    let signed = ["--prometheus", &url, "--prometheus-sigv4-region", "eu-west-1"];
    let ran = analyze(&signed, &KEYS);
    ran.tells(NOTHING, &[]);
    ran.hides(&[SECRET]);
    assert!(
        server.asked().iter().any(|asked| !asked.body.is_empty()),
        "a body was signed"
    );
    let elsewhere = ["--prometheus", &url, "--prometheus-sigv4-region", "us-east-1"];
    analyze(&elsewhere, &KEYS).tells(SOURCE, &["does not match"]);
}

#[test]
fn who_has_no_keys_is_told_how_to_get_some_before_anything_is_sent() {
    let server = Server::start(guard);
    let signed = ["--prometheus", &server.url, "--prometheus-sigv4-region", "eu-west-1"];
    let ran = analyze(&signed, &KEYS[3..]);
    ran.tells(SOURCE, &["cannot be signed", "AWS_ACCESS_KEY_ID", &server.url]);
    assert!(server.asked().is_empty());
    let both = [&signed[..], &["--prometheus-user", "me"]].concat();
    analyze(&both, &[("GPUWISE_PROMETHEUS_PASSWORD", "x")]).tells(USAGE, &["two logins"]);
}
