//! HTTP to an admin endpoint: a connection for each call, JSON both ways.

use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Method, Request, Response, header};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::api::Problem;
use crate::failure::Failure;

/// How long a connection may take to open: a machine that answers at all does
/// so within a few round trips.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the admin endpoint may take to begin an answer that needs no call.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Largest answer that is read: a response of 16 MiB, at worst six bytes of
/// JSON for one of text, and some room.
const MAX_ANSWER_BYTES: usize = 128 << 20;

/// Longest line of a stream: one event has two nodes in it at most.
const MAX_LINE_BYTES: usize = 1 << 20;

/// A node's admin endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Admin {
    authority: String,
}

impl fmt::Display for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.authority)
    }
}

/// An answer's value and its headers.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    pub(crate) value: T,
    headers: hyper::HeaderMap,
}

impl<T> Answer<T> {
    /// A header that holds a number.
    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        self.headers.get(name)?.to_str().ok()?.parse().ok()
    }
}

impl Admin {
    /// The endpoint at `HOST:PORT`, also written as a URL.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] for anything else.
    pub(crate) fn new(address: &str) -> Result<Self, Failure> {
        let authority = address.strip_prefix("http://").unwrap_or(address);
        let authority = authority.trim_end_matches('/');
        let is_address = match authority.rsplit_once(':') {
            Some((host, port)) => !host.is_empty() && port.parse::<u16>().is_ok(),
            None => false,
        };
        if !is_address {
            return Err(Failure::usage(format!(
                "--admin (or HOBNOB_ADMIN): {address:?} is not a HOST:PORT such as 127.0.0.1:7947"
            )));
        }
        let authority = authority.to_owned();
        Ok(Self { authority })
    }

    /// Gets a value.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let response = self.call(Method::GET, path, Bytes::new()).await?;
        Ok(self.answer(response).await?.value)
    }

    /// Posts a value and gets the answer to it.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Answer<T>, Failure> {
        let body = serde_json::to_vec(body).map_err(|error| self.broken(error))?;
        let response = self.call(Method::POST, path, body.into()).await?;
        self.answer(response).await
    }

    /// Follows a stream of lines.
    pub(crate) async fn follow(&self, path: &str) -> Result<Lines, Failure> {
        let response = self.call(Method::GET, path, Bytes::new()).await?;
        if !response.status().is_success() {
            return Err(self.refused(response).await);
        }
        Ok(Lines {
            body: response.into_body(),
            buffer: BytesMut::new(),
            admin: self.clone(),
        })
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, Failure> {
        let stream = self.connect().await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.broken(error))?;
        // It ends with the response; its errors also reach the response's body.
        tokio::spawn(connection);
        // What is only read is there at once; a call or a leave takes the time it was given.
        let patience = if method == Method::GET {
            ANSWER_TIMEOUT
        } else {
            Duration::MAX
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.authority)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| self.broken(error))?;
        match timeout(patience, sender.send_request(request)).await {
            Ok(response) => response.map_err(|error| self.broken(error)),
            Err(_) => Err(self.broken("it does not answer; is it a node's?")),
        }
    }

    async fn connect(&self) -> Result<TcpStream, Failure> {
        let reason = match timeout(CONNECT_TIMEOUT, TcpStream::connect(&self.authority)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        Err(Failure::runtime(format!(
            "cannot reach the admin endpoint {self}: {reason}; is a node running with --admin there?"
        )))
    }

    async fn answer<T: DeserializeOwned>(
        &self,
        response: Response<Incoming>,
    ) -> Result<Answer<T>, Failure> {
        if !response.status().is_success() {
            return Err(self.refused(response).await);
        }
        let (head, body) = response.into_parts();
        let bytes = self.read(body).await?;
        let value = serde_json::from_slice(&bytes).map_err(|error| self.broken(error))?;
        let headers = head.headers;
        Ok(Answer { value, headers })
    }

    async fn refused(&self, response: Response<Incoming>) -> Failure {
        let status = response.status();
        let bytes = self.read(response.into_body()).await.unwrap_or_default();
        match serde_json::from_slice::<Problem>(&bytes) {
            Ok(problem) => Failure::runtime(problem.error),
            Err(_) => self.broken(format!("it answered {status}")),
        }
    }

    async fn read(&self, body: Incoming) -> Result<Bytes, Failure> {
        let whole = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
        Ok(whole.map_err(|error| self.broken(error))?.to_bytes())
    }

    fn broken(&self, error: impl fmt::Display) -> Failure {
        Failure::runtime(format!("admin endpoint {self}: {error}"))
    }
}

/// The lines of a stream that has not ended.
#[derive(Debug)]
pub(crate) struct Lines {
    body: Incoming,
    buffer: BytesMut,
    admin: Admin,
}

impl Lines {
    /// The next line, or `None` where the node ended the stream.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, Failure> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end + 1);
                let text = String::from_utf8_lossy(&line);
                return Ok(Some(text.trim_end().to_owned()));
            }
            if self.buffer.len() > MAX_LINE_BYTES {
                return Err(self.admin.broken("a line of its stream is too long"));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(_)) => return Err(self.admin.broken("the connection was lost")),
            }
        }
    }
}
