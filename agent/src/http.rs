//! The bundled web chat, served on loopback (or behind a proxy that does TLS) with a strict content security policy.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use include_dir::{Dir, include_dir};

use crate::config::Config;

static PAGE: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../webchat/dist");

/// Scripts and styles from here only; connections to the XMPP server's WebSocket only; never in a frame.
fn policy(websocket: &str) -> String {
    let origin: String = websocket.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' {origin}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// What the page is told about where it is.
struct Site {
    config: String,
    policy: HeaderValue,
}

/// Serves the page until the listener ends.
///
/// # Errors
/// When the address can't be listened on.
pub async fn serve(config: &Config) -> std::io::Result<tokio::task::JoinHandle<()>> {
    let listener = tokio::net::TcpListener::bind(&config.http.listen).await?;
    let about = serde_json::json!({ "websocket": config.http.websocket, "domain": config.http.accounts, "component": config.xmpp.domain });
    let policy = HeaderValue::from_str(&policy(&config.http.websocket))
        .unwrap_or_else(|_| HeaderValue::from_static("default-src 'self'"));
    let site = Arc::new(Site { config: about.to_string(), policy });
    let app = Router::new()
        .route("/", get(index))
        .route("/config.json", get(about_site))
        .route("/{*path}", get(file))
        .with_state(site);
    tracing::info!(listen = %config.http.listen, "the web chat is served");
    Ok(tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, app).await {
            tracing::error!(%error, "the web chat ended");
        }
    }))
}

async fn index(State(site): State<Arc<Site>>) -> Response {
    answer(&site, "index.html")
}

async fn about_site(State(site): State<Arc<Site>>) -> Response {
    dressed(&site, "application/json", site.config.clone().into_bytes())
}

async fn file(State(site): State<Arc<Site>>, Path(path): Path<String>) -> Response {
    answer(&site, &path)
}

fn answer(site: &Site, path: &str) -> Response {
    match PAGE.get_file(path) {
        Some(file) => dressed(site, kind(path), file.contents().to_vec()),
        None => (StatusCode::NOT_FOUND, "not found\n").into_response(),
    }
}

fn dressed(site: &Site, kind: &'static str, body: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_SECURITY_POLICY, site.policy.clone()),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, body).into_response()
}

fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("json" | "webmanifest") => "application/json",
        _ => "application/octet-stream",
    }
}
