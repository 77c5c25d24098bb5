//! A server of one directory, on localhost alone.

use std::io;
use std::path::Path;

use anyhow::{Context, Result};
use axum::Router;
use axum::http::{HeaderName, HeaderValue};
use tokio::net::TcpListener;
use tokio::runtime::{self, Runtime};
use tokio::task::JoinHandle;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

/// Sent with every file. The first two isolate the page, which exact clocks need; the third keeps it from asking any
/// other server for anything.
const HEADERS: [(&str, &str); 5] = [
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("content-security-policy", "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' data:"),
    ("x-content-type-options", "nosniff"),
    ("cache-control", "no-store"),
];

/// Answers every connection, however many are open: a browser keeps several. It ends when it is dropped.
pub struct Server {
    runtime: Runtime,
    serving: JoinHandle<io::Result<()>>,
    pub url: String,
}

impl Server {
    /// Serves a directory; with port 0, on any port that is free.
    pub fn start(dir: &Path, port: u16) -> Result<Self> {
        Self::start_with(Router::new(), dir, port)
    }

    /// Like [`start`](Self::start), but what `first` has a route for is answered by `first`.
    pub fn start_with(first: Router, dir: &Path, port: u16) -> Result<Self> {
        let site = with_headers(first.fallback_service(ServeDir::new(dir)));
        let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_io().build()?;
        let listener = runtime
            .block_on(TcpListener::bind(("127.0.0.1", port)))
            .with_context(|| format!("port {port} of localhost can't be had"))?;
        let url = format!("http://{}/", listener.local_addr()?);
        let serving = runtime.spawn(async move { axum::serve(listener, site).await });
        Ok(Self { runtime, serving, url })
    }

    pub fn run_for_ever(self) -> Result<()> {
        Ok(self.runtime.block_on(self.serving)??)
    }
}

fn with_headers(site: Router) -> Router {
    HEADERS.into_iter().fold(site, |site, (name, value)| {
        let (name, value) = (HeaderName::from_static(name), HeaderValue::from_static(value));
        site.layer(SetResponseHeaderLayer::overriding(name, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpStream;
    use std::time::Duration;

    /// How long an answer may take: far more than a working server needs.
    const PATIENCE: Duration = Duration::from_secs(5);

    /// A connection that stays open between requests, as a browser's does.
    struct Connection(BufReader<TcpStream>);

    impl Connection {
        fn open(server: &Server) -> Self {
            let address = server.url.trim_start_matches("http://").trim_end_matches('/');
            let stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            Self(BufReader::new(stream))
        }

        fn ask(&mut self, path: &str) {
            write!(self.0.get_mut(), "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        }

        /// The answer's head, in lower case, and its body; an error when it does not come in time.
        fn answer(&mut self) -> std::io::Result<(String, String)> {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                self.0.read_line(&mut head)?;
            }
            let head = head.to_lowercase();
            let length = head.split_once("content-length: ").and_then(|(_, rest)| rest.split_once("\r\n"));
            let mut body = vec![0; length.map_or(0, |(digits, _)| digits.parse().unwrap())];
            self.0.read_exact(&mut body)?;
            Ok((head, String::from_utf8(body).unwrap()))
        }
    }

    /// A server of the page's hand-written files.
    fn server() -> Server {
        Server::start(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../site")), 0).unwrap()
    }

    /// A browser opens several connections and keeps them. A server with a thread for each of its first connections can
    /// queue two new ones behind the same idle thread: then the second waits until the first is closed. Whether it does
    /// is a matter of microseconds, so each number of idle connections is tried several times.
    #[test]
    fn connections_that_stay_open_keep_nobody_waiting() {
        for held in (0..=8).cycle().take(45) {
            let server = server();
            let mut idle: Vec<Connection> = (0..held).map(|_| Connection::open(&server)).collect();
            for connection in &mut idle {
                connection.ask("/");
            }
            let mut new = [Connection::open(&server), Connection::open(&server)];
            new.iter_mut().for_each(|connection| connection.ask("/"));
            for (at, connection) in idle.iter_mut().chain(&mut new).enumerate() {
                let answer = connection.answer();
                assert!(answer.is_ok(), "of {} open connections, number {at} got no answer: {answer:?}", held + 2);
            }
        }
    }

    #[test]
    fn every_answer_isolates_the_page_and_says_what_it_is() {
        let server = server();
        let mut connection = Connection::open(&server);
        for (path, status, kind) in [
            ("/", "200", "text/html"),
            ("/index.html?x", "200", "text/html"),
            ("/app.js", "200", "text/javascript"),
            ("/style.css", "200", "text/css"),
            ("/icon.svg", "200", "image/svg+xml"),
            ("/none.js", "404", ""),
        ] {
            connection.ask(path);
            let (head, _) = connection.answer().unwrap();
            assert!(head.starts_with(&format!("http/1.1 {status}")), "{path}: {head}");
            let declared = head.split_once("content-type: ").map_or("", |(_, rest)| rest.split("\r\n").next().unwrap());
            assert!(declared == kind, "{path}: {head}");
            for (name, value) in HEADERS {
                assert!(head.contains(&format!("{name}: {value}\r\n")), "{path} lacks {name}: {head}");
            }
        }
    }

    #[test]
    fn nothing_outside_of_the_directory_is_served() {
        let server = server();
        let mut connection = Connection::open(&server);
        for path in ["/../Cargo.toml", "/a/../../Cargo.toml", "/%2e%2e/Cargo.toml", "//etc/passwd", "/etc/passwd"] {
            connection.ask(path);
            let (head, body) = connection.answer().unwrap();
            assert!(head.starts_with("http/1.1 404") && body.is_empty(), "{path}: {head}{body}");
        }
    }

    #[test]
    fn a_taken_port_is_an_error_in_words() {
        let server = server();
        let port = server.url.trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap();
        let error = Server::start(Path::new("."), port).err().expect("two servers on one port");
        assert!(error.to_string().starts_with(&format!("port {port} of localhost")), "{error:#}");
    }
}
