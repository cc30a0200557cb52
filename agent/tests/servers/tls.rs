//! TLS in front of a fake server, as stunnel does it.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::fake::Fake;

/// A TLS port whose plain side is a fake server. Its certificate is for `xmpp.test`.
pub struct TlsFront {
    _folder: TempDir,
    port: u16,
    /// The certificate, which is its own authority.
    pub certificate: PathBuf,
    /// SHA-256 of the certificate.
    pub fingerprint: [u8; 32],
}

impl TlsFront {
    /// Makes a certificate and listens.
    pub async fn new(behind: &Fake) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let (key, certificate) = (folder.path().join("key.pem"), folder.path().join("cert.pem"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(["-nodes", "-days", "2", "-subj", "/CN=xmpp.test"])
            .args(["-addext", "subjectAltName=DNS:xmpp.test"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .stderr(Stdio::null())
            .status()
            .expect("openssl is installed");
        assert!(made.success());
        let cert = CertificateDer::from_pem_file(&certificate).expect("a certificate");
        let fingerprint = Sha256::digest(&cert).into();
        let key = PrivateKeyDer::from_pem_file(&key).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![cert], key)
            .expect("key and certificate fit");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let plain = behind.address();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (acceptor, plain) = (acceptor.clone(), plain.clone());
                tokio::spawn(async move {
                    let mut inner = acceptor.accept(socket).await.ok()?;
                    let mut outer = TcpStream::connect(plain).await.ok()?;
                    copy_bidirectional(&mut inner, &mut outer).await.ok()
                });
            }
        });
        Self { _folder: folder, port, certificate, fingerprint }
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}
