//! A page of metrics, served until told to stop.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

/// Connections at a time; more wait. Each costs some kilobytes.
const CONNECTIONS: usize = 64;

/// How long a client may take to say what it wants, and a connection may rest.
const PATIENCE: Duration = Duration::from_secs(30);

/// The newest page; `None` while there is none.
pub type Page = watch::Receiver<Option<Arc<str>>>;

/// Serves the newest page as `/metrics`, and `/healthz`, which is 200 while there is one and 503 otherwise. It ends with an
/// error only; drop it to stop. Needs a tokio runtime around it.
///
/// # Errors
/// When the listener cannot accept any more.
pub async fn serve(listener: TcpListener, page: Page) -> std::io::Result<Infallible> {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // The client went away between its call and now.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => continue,
            Err(error) => return Err(error),
        };
        let page = page.clone();
        tokio::spawn(async move {
            let _place = place;
            let service = service_fn(|request| std::future::ready(Ok::<_, Infallible>(answer(&request, &page))));
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
            // What a client does wrong is answered, or its connection closed; nobody else needs to know.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn answer(request: &Request<Incoming>, page: &Page) -> Response<Full<Bytes>> {
    let text = page.borrow().clone();
    let known = matches!(request.uri().path(), "/metrics" | "/healthz");
    let (status, body) = match (request.uri().path(), text) {
        _ if !known => (StatusCode::NOT_FOUND, Bytes::from_static(b"see /metrics\n")),
        _ if !matches!(*request.method(), Method::GET | Method::HEAD) => (
            StatusCode::METHOD_NOT_ALLOWED,
            Bytes::from_static(b"only GET and HEAD\n"),
        ),
        (_, None) => (
            StatusCode::SERVICE_UNAVAILABLE,
            Bytes::from_static(b"nothing read yet\n"),
        ),
        ("/healthz", _) => (StatusCode::OK, Bytes::from_static(b"ok\n")),
        (_, Some(text)) => (StatusCode::OK, Bytes::copy_from_slice(text.as_bytes())),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
    );
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}
