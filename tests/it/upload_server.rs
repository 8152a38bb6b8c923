//! Uploads to a server that others wrote: an emulator of Google's Cloud Storage, whose resumable uploads speak the protocol of
//! YouTube's. What arrived is judged by the bytes that it gives back.
//!
//! It is gcp-storage-emulator (seen with 2026.7.19), and differs from the real ones:
//! - it answers with 200 at the end, and names an object, `bucket/name/number`, which is no video: on the way, [`Passage`]
//!   makes that one word;
//! - a session is gone (404) once its object is whole;
//! - a 308 without a byte stored says `bytes=0-0`, as if there were one, so that each upload that breaks off here has a first
//!   part already;
//! - it takes a request without `Content-Range` for the whole object even where it breaks off: only what has one is cut here;
//! - of a request that breaks off it keeps each byte that came, and bytes that don't begin where those end are refused (400);
//! - it takes one connection at a time, closes each after its answer, and asks for no token.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_RANGE, LOCATION, RANGE};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use zoom_archiver::http::{Clients, upload_client};
use zoom_archiver::oauth::{Issuer, TokenSettings, Tokens};
use zoom_archiver::simulator::youtube::{World, Youtube as SimulatedYoutube};
use zoom_archiver::youtube::{Begin, Progress, SessionAddress, Setback, Uploaded, Uploader, VideoFile, Youtube};

use crate::support::network::closed_port;
use crate::support::{MIB, now, skipped};

/// More than is on its way between two ends.
const SIZE: usize = 32 << 20;
/// What a session has that an earlier run began.
const FIRST: usize = 256 << 10;
const PATIENCE: Duration = Duration::from_secs(60);

/// The server, a way to it that can be cut, and who uploads.
struct Scene {
    passage: Passage,
    uploader: Uploader,
    client: reqwest::Client,
    folder: TempDir,
    _server: Child,
    _tokens: SimulatedYoutube,
}

impl Scene {
    /// `None` where there is no such server, which is said.
    async fn start() -> Option<Self> {
        let Some(program) = program() else {
            skipped(
                "there is no upload server: `pip install gcp-storage-emulator` into a virtual environment, and set \
                 ZOOM_ARCHIVER_UPLOAD_SERVER to its program",
            );
            return None;
        };
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let (server, address) = serve(&program, &client).await;
        let passage = Passage::to(address).await;
        let tokens = SimulatedYoutube::start(World::new(now())).await.expect("loopback has free ports");
        let folder = tempfile::tempdir().expect("a folder");
        let token_file = folder.path().join("token");
        std::fs::write(&token_file, tokens.authorize()).expect("it can be written");
        let settings = TokenSettings {
            issuer: Issuer::Google,
            client_id: tokens.client_id(),
            client_secret: tokens.client_secret().into(),
            token_file,
            oauth_url: tokens.oauth_url().parse().expect("an address"),
        };
        let api = Clients::without_proxy(PATIENCE, PATIENCE).expect("clients").api;
        let origin = passage.origin().parse().expect("an address");
        let youtube = Youtube::new(&origin, api.clone(), Tokens::new(settings, api));
        let uploader = Uploader::new(youtube, upload_client(PATIENCE, true).expect("a client"), PATIENCE);
        Some(Self { passage, uploader, client, folder, _server: server, _tokens: tokens })
    }

    /// A file, and what is in it: no part of it is like another.
    fn video(&self) -> (VideoFile, Vec<u8>) {
        let path = self.folder.path().join("gallery_view.mp4");
        let mut content = Vec::with_capacity(SIZE);
        content.extend((0..(SIZE / 8) as u64).flat_map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes()));
        std::fs::write(&path, &content).expect("it can be written");
        (VideoFile::open(&path).expect("it can be opened"), content)
    }

    /// Opens a session, as anybody would.
    async fn open(&self) -> SessionAddress {
        let address = format!("{}/upload/storage/v1/b/class/o?uploadType=resumable&name=film", self.passage.origin());
        let opened = self.client.post(address).header("X-Upload-Content-Length", SIZE).send().await;
        let opened = opened.expect("an answer").error_for_status().expect("a session");
        let location = opened.headers()[LOCATION].to_str().expect("text").to_owned();
        SessionAddress::accept(&location, &self.passage.origin().parse().expect("an address")).expect("its own address")
    }

    /// Opens a session, and brings its first bytes, as an earlier run would.
    async fn begun(&self, content: &[u8]) -> SessionAddress {
        let session = self.open().await;
        let first = self.client.put(session.expose().clone()).body(content[..FIRST].to_vec());
        let range = format!("bytes 0-{}/{SIZE}", FIRST - 1);
        let answer = first.header(CONTENT_RANGE, range).send().await.expect("an answer");
        assert_eq!(answer.status(), 308);
        assert_eq!(answer.headers()[RANGE], "bytes=0-262143");
        session
    }

    async fn send(&self, session: &SessionAddress, video: &VideoFile, begin: Begin) -> Result<Uploaded, Setback> {
        let (progress, stop) = (Progress::default(), CancellationToken::new());
        self.uploader.send(session, video, begin, &progress, &stop).await
    }

    /// What the server gives back.
    async fn stored(&self) -> Vec<u8> {
        let address = format!("{}/storage/v1/b/class/o/film?alt=media", self.passage.origin());
        let answer = self.client.get(address).send().await.expect("an answer");
        answer.error_for_status().expect("an object").bytes().await.expect("its bytes").to_vec()
    }

    /// Where each request of the uploader began in the file, `?` for those that asked what is there.
    fn beginnings(&self) -> Vec<String> {
        let heads = self.passage.heads();
        let of_uploads =
            heads.iter().filter(|head| head.starts_with("PUT ") && head.contains("user-agent: zoom-archiver/"));
        let beginning = |head: &String| {
            let head = head.to_ascii_lowercase();
            let range = head.lines().find_map(|line| line.strip_prefix("content-range: bytes ")).unwrap_or("0-");
            if range.starts_with('*') { "?" } else { range.split('-').next().unwrap_or_default() }.to_owned()
        };
        of_uploads.map(beginning).collect()
    }
}

/// The server's program, where it is installed.
fn program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("ZOOM_ARCHIVER_UPLOAD_SERVER") {
        return Some(PathBuf::from(named));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("gcp-storage-emulator")).find(|program| program.is_file())
}

/// Starts it, with an empty bucket in memory, and waits until it answers.
async fn serve(program: &PathBuf, client: &reqwest::Client) -> (Child, SocketAddr) {
    let port = closed_port();
    let mut server = Command::new(program)
        .args(["start", "--host", "127.0.0.1", "--no-store-on-disk", "--default-bucket", "class", "--quiet"])
        .args(["--port", &port.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("ZOOM_ARCHIVER_UPLOAD_SERVER, or gcp-storage-emulator on the PATH, can be started");
    let end = Instant::now() + PATIENCE;
    while !client.get(format!("http://127.0.0.1:{port}/")).send().await.is_ok_and(|answer| answer.status().is_success())
    {
        let ended = server.try_wait().expect("it is our own");
        assert!(ended.is_none() && Instant::now() < end, "the upload server doesn't answer: {ended:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (server, SocketAddr::from(([127, 0, 0, 1], port)))
}

/// The way to the server: it may be cut once, and names an object as a video would be.
struct Passage {
    address: SocketAddr,
    /// After so many bytes of one request it is cut, once.
    cut: Arc<Mutex<Option<usize>>>,
    heads: Arc<Mutex<Vec<String>>>,
    _accepting: JoinSet<()>,
}

impl Passage {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("it has one");
        let cut: Arc<Mutex<Option<usize>>> = Arc::default();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let mut accepting = JoinSet::new();
        let (knife, ears) = (Arc::clone(&cut), Arc::clone(&heads));
        accepting.spawn(async move {
            let mut conversations = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                // Whoever is cut off, or goes, is what the test is about.
                conversations.spawn(pass(client, server, Arc::clone(&knife), Arc::clone(&ears)));
            }
        });
        Self { address, cut, heads, _accepting: accepting }
    }

    fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    fn cut_once_after(&self, bytes: usize) {
        *self.cut.lock().expect("nothing panics with it") = Some(bytes);
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("nothing panics with it").clone()
    }
}

/// Passes one request on, and the answer back.
async fn pass(
    mut client: TcpStream,
    server: SocketAddr,
    cut: Arc<Mutex<Option<usize>>>,
    heads: Arc<Mutex<Vec<String>>>,
) -> std::io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) = (client.split(), server.split());
    let request = async {
        let (mut buffer, mut passed) = (vec![0; 64 << 10], 0);
        loop {
            let count = from_client.read(&mut buffer).await?;
            if count == 0 {
                return std::io::Result::Ok(());
            }
            if passed == 0 {
                let head = String::from_utf8_lossy(&buffer[..count]).into_owned();
                heads.lock().expect("nothing panics with it").push(head);
            }
            to_server.write_all(&buffer[..count]).await?;
            passed += count;
            if cut.lock().expect("nothing panics with it").take_if(|after| passed > *after).is_some() {
                return Ok(());
            }
        }
    };
    let answer = async {
        let mut answer = Vec::new();
        from_server.read_to_end(&mut answer).await?;
        let (object, video) = (b"\"class/film/", b"\"class_film_");
        if let Some(at) = answer.windows(object.len()).position(|bytes| bytes == object) {
            answer[at..at + object.len()].copy_from_slice(video);
        }
        to_client.write_all(&answer).await
    };
    tokio::select! {
        ended = request => ended,
        answered = answer => answered,
    }
}

#[tokio::test]
async fn a_server_of_others_gets_a_file_in_one_go() {
    let Some(scene) = Scene::start().await else { return };
    let (video, content) = scene.video();
    let session = scene.open().await;

    let uploaded = scene.send(&session, &video, Begin::Sending).await.expect("a video");

    assert!(uploaded.video_id.as_str().starts_with("class_film_"), "{uploaded:?}");
    assert_eq!(scene.beginnings(), ["0"]);
    assert!(scene.stored().await == content, "other bytes");
}

#[tokio::test]
async fn a_server_of_others_that_is_cut_off_is_asked_and_gets_the_rest() {
    let Some(scene) = Scene::start().await else { return };
    let (video, content) = scene.video();
    let session = scene.begun(&content).await;
    scene.passage.cut_once_after(5 << 20);

    scene.send(&session, &video, Begin::Asking).await.expect("a video");

    let [asked, first, asked_again, second] = &scene.beginnings()[..] else { panic!("{:?}", scene.beginnings()) };
    assert_eq!([asked, first, asked_again], ["?", "262144", "?"]);
    let second: u64 = second.parse().expect("a number");
    assert!(second > 5 * MIB && second < SIZE as u64, "{second}");
    assert!(scene.stored().await == content, "other bytes");
}

#[tokio::test]
async fn a_server_of_others_is_gone_on_with_after_a_stop() {
    let Some(scene) = Scene::start().await else { return };
    let (video, content) = scene.video();
    let session = scene.begun(&content).await;
    let (progress, stop) = (Progress::default(), CancellationToken::new());
    let stopping = async {
        while progress.sent() < 4 * MIB {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let sending = scene.uploader.send(&session, &video, Begin::Asking, &progress, &stop);
    let (sent, ()) = futures::future::join(sending, stopping).await;
    assert!(matches!(sent, Err(Setback::Stopping)), "{sent:?}");

    scene.send(&session, &video, Begin::Asking).await.expect("a video");

    let [asked, first, asked_again, second] = &scene.beginnings()[..] else { panic!("{:?}", scene.beginnings()) };
    assert_eq!([asked, first, asked_again], ["?", "262144", "?"]);
    assert!(second.parse::<usize>().expect("a number") > FIRST, "it goes on: {second}");
    assert!(scene.stored().await == content, "other bytes");
}
