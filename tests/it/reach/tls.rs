//! Certificate authorities of one's own, and servers that ask for a client certificate.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;

use super::*;

/// An authority with a certificate for the loopback and one for a client, as files.
struct Authority {
    folder: tempfile::TempDir,
    ca: CertificateDer<'static>,
    server: (CertificateDer<'static>, PrivateKeyDer<'static>),
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let leaf = |name: &str| {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            let certificate = params.signed_by(&key, &issuer).unwrap();
            (certificate.pem(), key.serialize_pem())
        };
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = leaf("gpuwise");
        for (name, text) in [
            ("ca.pem", issuer.pem()),
            ("client.pem", certificate),
            ("client.key", key),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let (certificate, key) = leaf("127.0.0.1");
        Self {
            ca: issuer.der().clone(),
            server: (
                CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap(),
                PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
            ),
            folder,
        }
    }

    fn file(&self, name: &str) -> String {
        let path: PathBuf = self.folder.path().join(name);
        path.to_str().unwrap().to_owned()
    }

    fn server(&self, asks_for_a_certificate: bool) -> Server {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if asks_for_a_certificate {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(self.ca.clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let (certificate, key) = &self.server;
        let config = builder.with_single_cert(vec![certificate.clone()], key.clone_key());
        Server::over(Some(config.unwrap()), no_series)
    }
}

#[test]
fn an_authority_of_ones_own_is_trusted_when_it_is_named() {
    let authority = Authority::new();
    let server = authority.server(false);
    let ran = analyze(&["--prometheus", &server.url], &[]);
    ran.tells(SOURCE, &["no secure connection", &server.url, "--ca-file"]);
    assert!(server.asked().is_empty(), "nothing is sent to who is not trusted");
    let ca = authority.file("ca.pem");
    analyze(&["--prometheus", &server.url, "--ca-file", &ca], &[]).tells(NOTHING, &[]);
    let key = authority.file("client.key");
    analyze(&["--prometheus", &server.url, "--ca-file", &key], &[])
        .tells(USAGE, &["no certificate in it", "--ca-file"]);
}

#[test]
fn a_client_certificate_is_shown_to_who_asks_for_it() {
    let authority = Authority::new();
    let server = authority.server(true);
    let (ca, certificate, key) = (
        authority.file("ca.pem"),
        authority.file("client.pem"),
        authority.file("client.key"),
    );
    let base = ["--prometheus", &server.url, "--ca-file", &ca];
    let ran = analyze(&base, &[]);
    ran.tells(SOURCE, &["no secure connection", "--client-cert-file"]);
    let with = |certificate, key| {
        let files = ["--client-cert-file", certificate, "--client-key-file", key];
        analyze(&[&base[..], &files].concat(), &[])
    };
    with(certificate.as_str(), key.as_str()).tells(NOTHING, &[]);
    with(certificate.as_str(), certificate.as_str()).tells(USAGE, &["--client-key-file its unencrypted key", "PEM"]);
    analyze(&[&base[..], &["--client-cert-file", &certificate]].concat(), &[]).tells(USAGE, &["--client-key-file"]);
}
