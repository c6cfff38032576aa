//! Requests signed as Amazon's services ask (Signature Version 4), with the credentials of the environment, the shared
//! configuration, a pod's role (IRSA, pod identity) or the instance.

use std::time::Duration;

use bytes::Bytes;
use reqsign_aws_v4::{Credential, DefaultCredentialProvider, RequestSigner};
use reqsign_core::hash::hex_sha256;
use reqsign_core::{Context, Error, FileRead, HttpSend, OsEnv, Signer};
use reqwest::header::{HOST, HeaderValue};

use super::TransportError;

/// The name of Amazon Managed Service for Prometheus within a signature.
const SERVICE: &str = "aps";

/// Signs requests; credentials are kept until they expire.
#[derive(Clone, Debug)]
pub(super) struct SigV4 {
    signer: Signer<Credential>,
}

impl SigV4 {
    /// Signs for this region.
    pub(super) fn new(region: &str) -> Result<Self, reqwest::Error> {
        let context = Context::new()
            .with_env(OsEnv)
            .with_file_read(Files)
            .with_http_send(Http::new()?);
        let signer = RequestSigner::new(SERVICE, region);
        Ok(Self {
            signer: Signer::new(context, DefaultCredentialProvider::new(), signer),
        })
    }

    /// Adds the signature, which covers the body.
    pub(super) async fn sign(&self, request: &mut reqwest::Request) -> Result<(), TransportError> {
        let failed = |cause: String| TransportError::Signing { cause };
        let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
        let hash = HeaderValue::from_str(&hex_sha256(body)).map_err(|error| failed(error.to_string()))?;
        let mut head = http::Request::builder()
            .method(request.method().clone())
            .uri(request.url().as_str());
        if let Some(headers) = head.headers_mut() {
            headers.clone_from(request.headers());
            headers.insert("x-amz-content-sha256", hash);
        }
        let (mut head, ()) = head.body(()).map_err(|error| failed(error.to_string()))?.into_parts();
        let signed = self.signer.sign(&mut head, None).await;
        signed.map_err(|error| failed(error.to_string()))?;
        // The connection names the host itself, and HTTP/2 in its own way.
        head.headers.remove(HOST);
        *request.headers_mut() = head.headers;
        Ok(())
    }
}

/// Token files and the shared configuration.
#[derive(Debug)]
struct Files;

impl FileRead for Files {
    async fn file_read(&self, path: &str) -> reqsign_core::Result<Vec<u8>> {
        let read = tokio::fs::read(path).await;
        read.map_err(|cause| Error::unexpected(format!("cannot read {path}: {cause}")))
    }
}

/// The services that hand out credentials. No proxy knows those of the machine itself.
#[derive(Debug)]
struct Http {
    away: reqwest::Client,
    machine: reqwest::Client,
}

impl Http {
    fn new() -> Result<Self, reqwest::Error> {
        let builder = || {
            reqwest::Client::builder()
                .connect_timeout(Duration::from_secs(3))
                .timeout(Duration::from_secs(15))
        };
        Ok(Self {
            away: builder().build()?,
            machine: builder().no_proxy().build()?,
        })
    }
}

impl HttpSend for Http {
    async fn http_send(&self, request: http::Request<Bytes>) -> reqsign_core::Result<http::Response<Bytes>> {
        // Neither the request nor the answer may stand in an error: both hold credentials.
        let failed = |error: reqwest::Error| Error::unexpected(crate::sources::endpoint::causes(&error));
        let host = request.uri().host().unwrap_or_default();
        let near = host.starts_with("169.254.") || host.contains(':') || matches!(host, "localhost" | "127.0.0.1");
        let client = if near { &self.machine } else { &self.away };
        let response = client
            .execute(request.try_into().map_err(failed)?)
            .await
            .map_err(failed)?;
        let mut answer = http::Response::new(Bytes::new());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = response.headers().clone();
        *answer.body_mut() = response.bytes().await.map_err(failed)?;
        Ok(answer)
    }
}
