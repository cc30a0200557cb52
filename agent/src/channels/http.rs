//! The bundled web chat, served on loopback (or behind a proxy that does TLS) with a strict content security policy, to
//! those who ask for it by a name that it has.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use include_dir::{Dir, include_dir};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::config::{Config, Http};

mod connections;
#[cfg(test)]
mod tests;

use connections::Limits;

static PAGE: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../webchat/dist");

/// Scripts and styles from here only; connections to the XMPP server's WebSocket only; never in a frame.
fn policy(websocket: &str) -> HeaderValue {
    let origin: String = websocket.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' {origin}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    // Stricter when the WebSocket's address can't stand in a header: the page then connects nowhere.
    HeaderValue::from_str(&policy)
        .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"))
}

/// What the page is made of, and told about where it is.
struct Site {
    page: &'static Dir<'static>,
    config: Bytes,
}

/// Serves the page for as long as the agent runs; the address it is at, with the port that the system chose for port 0.
///
/// # Errors
/// When the address can't be listened on.
pub async fn serve(config: &Config) -> std::io::Result<SocketAddr> {
    let listener = tokio::net::TcpListener::bind(&config.http.listen).await?;
    let address = listener.local_addr()?;
    let app = site(&PAGE, &config.http, &config.xmpp.domain, address.ip());
    tracing::info!(listen = %address, "the web chat is served");
    tokio::spawn(connections::answer(listener, app, Limits::default()));
    Ok(address)
}

/// Everything that is answered; `own` is the address that is listened on.
fn site(page: &'static Dir<'static>, http: &Http, component: &str, own: IpAddr) -> Router {
    let about = serde_json::json!({ "websocket": http.websocket, "domain": http.accounts, "component": component });
    let names = Names { own, public: http.names.iter().map(|name| plain(name)).collect() };
    // Whatever is answered carries these: also what is not found, not allowed, not for this name.
    let dress = |name: HeaderName, value: HeaderValue| SetResponseHeaderLayer::overriding(name, value);
    Router::new()
        .route("/", get(index))
        .route("/config.json", get(about_site))
        .route("/{*path}", get(file))
        .with_state(Arc::new(Site { page, config: about.to_string().into() }))
        .layer(middleware::from_fn_with_state(Arc::new(names), only_by_name))
        .layer(dress(header::CONTENT_SECURITY_POLICY, policy(&http.websocket)))
        .layer(dress(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
        .layer(dress(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")))
        .layer(dress(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")))
        .layer(dress(header::CACHE_CONTROL, HeaderValue::from_static("no-cache")))
}

/// The names by which the page may be asked for. Any other may be somebody's who had it resolve to this machine, so that a
/// page of theirs counts as ours in the browser (DNS rebinding).
struct Names {
    own: IpAddr,
    public: BTreeSet<String>,
}

impl Names {
    /// Whether a request names us, and wherever it names somebody: in its first line, in each of its headers.
    fn asked(&self, request: &Request) -> bool {
        let line = request.uri().authority().map(Authority::as_str);
        let headers: Vec<&str> =
            request.headers().get_all(header::HOST).iter().map(|host| host.to_str().unwrap_or_default()).collect();
        let mut names = line.iter().chain(&headers).peekable();
        names.peek().is_some() && names.all(|name| self.know(name))
    }

    fn know(&self, authority: &str) -> bool {
        let Ok(authority) = authority.parse::<Authority>() else { return false };
        let host = plain(authority.host());
        match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) => address.is_loopback() || address == self.own || self.public.contains(&host),
            Err(_) => host == "localhost" || self.public.contains(&host),
        }
    }
}

/// As names are compared: in small letters, without the dot at the end.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// Answers nothing to who does not know where they are.
async fn only_by_name(State(names): State<Arc<Names>>, request: Request, next: Next) -> Response {
    if names.asked(&request) {
        return next.run(request).await;
    }
    tracing::warn!(
        host = ?request.headers().get(header::HOST),
        "the web chat was asked for by a name it does not have; if it is a proxy's, add it to http.names"
    );
    StatusCode::MISDIRECTED_REQUEST.into_response()
}

async fn index(State(site): State<Arc<Site>>) -> Response {
    answer(&site, "index.html")
}

async fn about_site(State(site): State<Arc<Site>>) -> Response {
    typed("application/json", site.config.clone())
}

async fn file(State(site): State<Arc<Site>>, Path(path): Path<String>) -> Response {
    answer(&site, &path)
}

/// A file under exactly its path: "index.html/" and "./index.html" are none.
fn answer(site: &Site, path: &str) -> Response {
    match site.page.get_file(path).filter(|file| file.path().as_os_str() == path) {
        Some(file) => {
            let kind = mime_guess::from_path(path).first_or_octet_stream();
            let text = kind.type_() == mime_guess::mime::TEXT;
            let kind = if text { format!("{kind}; charset=utf-8") } else { kind.to_string() };
            typed(&kind, Bytes::from_static(file.contents()))
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn typed(kind: &str, body: Bytes) -> Response {
    ([(header::CONTENT_TYPE, kind)], Body::from(body)).into_response()
}
