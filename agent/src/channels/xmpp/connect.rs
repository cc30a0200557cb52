//! One attempt at a component connection (XEP-0114): TCP, TLS where it is
//! needed, stream header, handshake.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures::{SinkExt, StreamExt};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::Duration;
use tokio_rustls::TlsConnector;
use tokio_xmpp::xmlstream::{
    FallibleStreamElement, ReadError, StreamHeader, Timeouts, XmlStream, XmppStreamElement, initiate_stream,
};
use xmpp_parsers::component::Handshake;
use xmpp_parsers::ns;
use xmpp_parsers::stream_error::{DefinedCondition, ReceivedStreamError};

use super::flat::Flat;
use super::settings::{LinkConfig, Tls, Trust};
use super::wire::{HeaderFix, LastByte};

/// Silence is measured by the link itself, byte by byte; the stream's own
/// timers, which end a connection over a slow stanza, are put out of the way.
const NEVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum Down {
    /// The server knows this component but not this secret.
    #[error("the server refused the component's secret")]
    Refused,
    /// The server has no such component in its configuration.
    #[error("the server has no component of this name")]
    Unknown,
    /// Another connection serves this component.
    #[error("another connection serves this component already")]
    Conflict,
    /// The server is not on this machine, and there is no TLS.
    #[error("{server} is not on this machine, and neither TLS nor clear text is configured for it")]
    Insecure {
        /// As configured.
        server: String,
    },
    /// The TLS settings can't be used.
    #[error("the TLS settings for the server can't be used")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No connection, or it broke.
    #[error("the connection failed")]
    Io(#[from] io::Error),
    /// Nothing came back in time.
    #[error("the server was silent for too long")]
    Silent,
    /// The server ended the stream, with its reason if it gave one.
    #[error("the server closed the connection")]
    Closed(#[source] Option<ReceivedStreamError>),
    /// We ended the link ourselves.
    #[error("stopped")]
    Stopped,
}

impl Down {
    fn from_stream_error(error: ReceivedStreamError) -> Self {
        match error.0.condition {
            DefinedCondition::NotAuthorized => Self::Refused,
            DefinedCondition::HostUnknown => Self::Unknown,
            DefinedCondition::Conflict => Self::Conflict,
            _ => Self::Closed(Some(error)),
        }
    }

    /// Whether trying again soon is of no use: somebody must change a setting.
    pub fn wants_an_operator(&self) -> bool {
        matches!(self, Self::Refused | Self::Unknown | Self::Insecure { .. } | Self::Tls(_))
    }
}

/// A byte stream: TCP, with or without TLS.
pub(super) trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Socket for T {}

/// The XML stream of an authenticated component.
pub(super) type ComponentStream = XmlStream<HeaderFix<Box<dyn Socket>>, Flat>;

/// Connects to one server and authenticates.
pub(super) async fn open(config: &LinkConfig, server: &str) -> Result<(ComponentStream, LastByte), Down> {
    let socket = connect(config, server).await?;
    let last_byte = LastByte::now();
    let timeouts = Timeouts { read_timeout: NEVER, response_timeout: NEVER };
    let header = StreamHeader { to: Some(config.domain.as_str().into()), from: None, id: None };
    let io = HeaderFix::new(socket, last_byte.clone());
    let mut pending = initiate_stream(io, ns::COMPONENT, header, timeouts).await?;
    let id = pending.take_header().id.unwrap_or_default().into_owned();
    let mut stream: ComponentStream = pending.skip_features();
    let handshake = Handshake::from_stream_id_and_password(id, config.secret.reveal());
    stream.send(&handshake).await?;
    loop {
        match read(stream.next().await)? {
            Some(XmppStreamElement::ComponentHandshake(_)) => return Ok((stream, last_byte)),
            Some(XmppStreamElement::StreamError(error)) => {
                return Err(Down::from_stream_error(error));
            }
            _ => continue,
        }
    }
}

/// Tells the end of a stream from an element; an element that could not be
/// parsed is `None`.
fn read(item: Option<Result<Flat, ReadError>>) -> Result<Option<XmppStreamElement>, Down> {
    match ended(item)? {
        Some(flat) => match flat.parse().1 {
            Some(FallibleStreamElement::Ok(element)) => Ok(Some(element)),
            _ => Ok(None),
        },
        None => Ok(None),
    }
}

/// The element read, nothing (a timer of the stream), or why there are no more.
pub(super) fn ended(item: Option<Result<Flat, ReadError>>) -> Result<Option<Flat>, Down> {
    match item {
        Some(Ok(flat)) => Ok(Some(flat)),
        Some(Err(ReadError::SoftTimeout | ReadError::ParseError(_))) => Ok(None),
        Some(Err(ReadError::HardError(error))) => Err(Down::Io(error)),
        Some(Err(ReadError::StreamFooterReceived)) | None => Err(Down::Closed(None)),
    }
}

/// The stream error in an element, if it is one.
pub(super) fn stream_error(element: XmppStreamElement) -> Option<Down> {
    match element {
        XmppStreamElement::StreamError(error) => Some(Down::from_stream_error(error)),
        _ => None,
    }
}

async fn connect(config: &LinkConfig, server: &str) -> Result<Box<dyn Socket>, Down> {
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host(server).await?.collect();
    if config.tls.is_none() && !config.allow_cleartext {
        // All of them, lest a name that resolves to both be used by chance.
        if addresses.iter().any(|address| !address.ip().is_loopback()) {
            return Err(Down::Insecure { server: server.to_owned() });
        }
    }
    let socket = TcpStream::connect(addresses.as_slice()).await?;
    // Stanzas are small and waited for; without this each waits up to 40 ms.
    socket.set_nodelay(true)?;
    let Some(tls) = &config.tls else {
        return Ok(Box::new(socket));
    };
    let host = server.rsplit_once(':').map_or(server, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = tls.name.as_deref().unwrap_or(host).to_owned();
    let name = ServerName::try_from(name).map_err(|e| Down::Tls(Box::new(e)))?;
    let connector = TlsConnector::from(Arc::new(client_config(tls)?));
    Ok(Box::new(connector.connect(name, socket).await?))
}

fn client_config(tls: &Tls) -> Result<ClientConfig, Down> {
    let provider = Arc::new(ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match &tls.trust {
        Trust::Pinned(fingerprint) => Arc::new(Pinned { fingerprint: *fingerprint, provider: Arc::clone(&provider) }),
        Trust::Ca(path) => {
            let mut roots = RootCertStore::empty();
            let certificates = CertificateDer::pem_file_iter(path).map_err(|e| Down::Tls(Box::new(e)))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|e| Down::Tls(Box::new(e)))?;
                roots.add(certificate).map_err(|e| Down::Tls(Box::new(e)))?;
            }
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .map_err(|e| Down::Tls(Box::new(e)))?
        }
    };
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Down::Tls(Box::new(e)))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

/// Accepts exactly one certificate.
#[derive(Debug)]
struct Pinned {
    fingerprint: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if Sha256::digest(end_entity)[..] == self.fingerprint {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
