//! A server of one directory, on localhost alone.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Result, anyhow};
use tiny_http::{Header, Request, Response};

/// Sent with every file. The first two isolate the page, which shared memory and exact clocks need; the third keeps it from
/// asking anybody else for anything.
const HEADERS: [(&str, &str); 5] = [
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Embedder-Policy", "require-corp"),
    ("Content-Security-Policy", "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' data:"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-store"),
];

pub struct Server {
    http: Arc<tiny_http::Server>,
    thread: Option<JoinHandle<()>>,
    pub url: String,
}

impl Server {
    /// Serves `dir`; with port 0, on any that is free.
    pub fn start(dir: &Path, port: u16) -> Result<Self> {
        let http = tiny_http::Server::http(("127.0.0.1", port))
            .map_err(|error| anyhow!("port {port} of localhost can't be had: {error}"))?;
        let http = Arc::new(http);
        let port = http.server_addr().to_ip().map_or(port, |address| address.port());
        let (worker, dir) = (Arc::clone(&http), dir.to_owned());
        let thread = std::thread::spawn(move || {
            for request in worker.incoming_requests() {
                answer(&dir, request);
            }
        });
        Ok(Self { http, thread: Some(thread), url: format!("http://127.0.0.1:{port}/") })
    }

    pub fn run_for_ever(mut self) {
        self.thread.take().map(JoinHandle::join);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.http.unblock();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(dir: &Path, request: Request) {
    let found = file_of(dir, request.url()).and_then(|path| Some((fs::read(&path).ok()?, mime(&path))));
    let mut response = match found {
        Some((bytes, mime)) => Response::from_data(bytes).with_header(header("Content-Type", mime)),
        None => Response::from_data(b"There is no such file.\n".as_slice()).with_status_code(404),
    };
    for (name, value) in HEADERS {
        response.add_header(header(name, value));
    }
    // A visitor who has gone is no error of ours.
    let _ = request.respond(response);
}

/// The file that a URL names; none outside of the directory.
fn file_of(dir: &Path, url: &str) -> Option<PathBuf> {
    let path = url.split(['?', '#']).next()?.trim_start_matches('/');
    let path = Path::new(if path.is_empty() { "index.html" } else { path });
    path.components().all(|part| matches!(part, Component::Normal(_))).then(|| dir.join(path))
}

fn mime(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

fn header(name: &str, value: &str) -> Header {
    Header::from_bytes(name, value).expect("our headers are ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_of_the_directory_is_served() {
        let dir = Path::new("site");
        assert_eq!(file_of(dir, "/"), Some(dir.join("index.html")));
        assert_eq!(file_of(dir, "/app.js?x#y"), Some(dir.join("app.js")));
        assert_eq!(file_of(dir, "/../Cargo.toml"), None);
        assert_eq!(file_of(dir, "/a/../../Cargo.toml"), None);
    }
}
