//! What stands between a service and its Zoom: a port that opens late, a peer with a certificate, a proxy.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::Service;

/// Passes on what comes to a port on loopback, until it is dropped.
pub(crate) struct Gateway {
    address: SocketAddr,
    identity: Arc<Mutex<Option<Identity>>>,
    /// What each peer said first, beyond TLS.
    heard: Arc<Mutex<Vec<String>>>,
    _accepting: JoinSet<()>,
}

/// A certificate and its key, ready to be shown.
pub(crate) type Identity = Arc<ServerConfig>;

impl Gateway {
    /// A plain way to `target`, at this port; 0 is any.
    pub(crate) async fn at(port: u16, target: SocketAddr) -> Self {
        Self::open(port, target, None).await
    }

    /// A way to `target` over TLS, with this certificate.
    pub(crate) async fn secured(target: SocketAddr, identity: Identity) -> Self {
        Self::open(0, target, Some(identity)).await
    }

    async fn open(port: u16, target: SocketAddr, identity: Option<Identity>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let address = listener.local_addr().expect("it has one");
        let identity = Arc::new(Mutex::new(identity));
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let mut accepting = JoinSet::new();
        let (shown, ears) = (Arc::clone(&identity), Arc::clone(&heard));
        accepting.spawn(async move {
            let mut conversations = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let shown: Option<Identity> = shown.lock().expect("nothing panics with it").clone();
                let ears = Arc::clone(&ears);
                conversations.spawn(async move {
                    match shown {
                        None => pass_on(stream, target, &ears).await,
                        // A peer that does not trust the certificate goes, which is what the test is about.
                        Some(identity) => match TlsAcceptor::from(identity).accept(stream).await {
                            Ok(stream) => pass_on(stream, target, &ears).await,
                            Err(_) => Ok(()),
                        },
                    }
                });
            }
        });
        Self { address, identity, heard, _accepting: accepting }
    }

    /// Where it is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Shows another certificate from the next connection on.
    pub(crate) fn show(&self, identity: Identity) {
        *self.identity.lock().expect("nothing panics with it") = Some(identity);
    }

    /// The first words on each connection: a request's head, mostly.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("nothing panics with it").clone()
    }
}

async fn pass_on(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    target: SocketAddr,
    heard: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut first = Vec::with_capacity(64 << 10);
    stream.read_buf(&mut first).await?;
    heard.lock().expect("nothing panics with it").push(String::from_utf8_lossy(&first).into_owned());
    let mut onward = TcpStream::connect(target).await?;
    onward.write_all(&first).await?;
    copy_bidirectional(&mut stream, &mut onward).await.map(|_| ())
}

/// A port on loopback where nobody listens; for now.
pub(crate) fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    listener.local_addr().expect("it has one").port()
}

/// One whom the service is told to trust, beside nobody else.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are no bad names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "the authority of this test");
        Self(CertifiedIssuer::self_signed(params, key()).expect("it can sign itself"))
    }

    /// A certificate for these names, which ended or ends in this year.
    pub(crate) fn vouch_for(&self, names: &[&str], until: i32) -> Identity {
        let (params, key) = (params(names, until), key());
        let certificate = params.signed_by(&key, &self.0).expect("it can sign");
        identity(&certificate, &key)
    }

    /// Writes its own certificate where the service's variable `SSL_CERT_FILE` can point.
    pub(crate) fn write_for(&self, service: &Service) -> PathBuf {
        let path = service.path("authority.pem");
        std::fs::write(&path, self.0.pem()).expect("it can be written");
        path
    }
}

/// A certificate that nobody vouches for but its owner.
pub(crate) fn self_signed(names: &[&str]) -> Identity {
    let key = key();
    identity(&params(names, 4000).self_signed(&key).expect("it can sign itself"), &key)
}

fn key() -> KeyPair {
    KeyPair::generate().expect("there is randomness")
}

fn params(names: &[&str], until: i32) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names as they should be");
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params
}

fn identity(certificate: &rcgen::Certificate, key: &KeyPair) -> Identity {
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .expect("key and certificate belong together");
    Arc::new(config)
}

/// A proxy (`CONNECT` alone) behind which these names are these addresses, and no others exist.
pub(crate) struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    _accepting: JoinSet<()>,
}

impl Proxy {
    pub(crate) async fn to(names: Vec<(String, SocketAddr)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("it has one");
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let mut accepting = JoinSet::new();
        let (noted, names) = (Arc::clone(&asked), Arc::new(names));
        accepting.spawn(async move {
            let mut conversations = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                conversations.spawn(connect(stream, Arc::clone(&names), Arc::clone(&noted)));
            }
        });
        Self { address, asked, _accepting: accepting }
    }

    /// What `HTTPS_PROXY` is to be.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// To whom it was asked to connect, `host:port`.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nothing panics with it").clone()
    }
}

async fn connect(
    mut stream: TcpStream,
    names: Arc<Vec<(String, SocketAddr)>>,
    asked: Arc<Mutex<Vec<String>>>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let name = head.split(' ').nth(1).unwrap_or_default().to_owned();
    asked.lock().expect("nothing panics with it").push(name.clone());
    let Some((_, target)) = names.iter().find(|(known, _)| *known == name) else {
        return stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n").await;
    };
    let mut onward = TcpStream::connect(target).await?;
    stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    copy_bidirectional(&mut stream, &mut onward).await.map(|_| ())
}
