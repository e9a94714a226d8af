//! In virtual time: tokio's clock jumps to the next timer whenever all tasks wait.

use super::*;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A connection to a router, and a switch to stop it.
fn connect(buffer: usize) -> (DuplexStream, watch::Sender<bool>) {
    let (near, far) = tokio::io::duplex(buffer);
    let (stop, stopped) = watch::channel(false);
    let router = Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/big", get(|| async { "x".repeat(1 << 20) }))
        .route("/flood", get(flood))
        .route(
            "/slow",
            get(|| async {
                tokio::time::sleep(Duration::from_secs(3_600)).await;
                "done"
            }),
        );
    let peer = SocketAddr::from(([127, 0, 0, 1], 1));
    tokio::spawn(serve(far, (), peer, router, Timeouts::default(), stopped));
    (near, stop)
}

/// Takes over the stream and writes more than a peer takes that does not read.
async fn flood(request: axum::extract::Request) -> Response<Body> {
    tokio::spawn(async move {
        let mut stream = TokioIo::new(hyper::upgrade::on(request).await.unwrap());
        let _ = stream.write_all(&[b'x'; 1 << 20]).await;
    });
    let switch = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
    switch.header("Connection", "upgrade").header("Upgrade", "flood").body(Body::empty()).unwrap()
}

/// Reads until the server closes, and tells what came and after how many seconds.
async fn read_to_close(stream: &mut DuplexStream) -> (String, u64) {
    let start = Instant::now();
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text).await;
    (String::from_utf8_lossy(&text).into_owned(), start.elapsed().as_secs())
}

async fn read_response(stream: &mut DuplexStream) -> String {
    let mut text = String::new();
    while !text.ends_with("hello") {
        let mut piece = [0; 256];
        let length = stream.read(&mut piece).await.unwrap();
        assert_ne!(length, 0, "closed after {text:?}");
        text.push_str(std::str::from_utf8(&piece[..length]).unwrap());
    }
    text
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_closed_after_5_s() {
    let (mut client, _stop) = connect(1024);
    assert_eq!(read_to_close(&mut client).await, (String::new(), 5));
}

#[tokio::test(start_paused = true)]
async fn dripping_headers_are_closed_5_s_after_their_first_byte() {
    let (client, _stop) = connect(1024);
    let (mut reader, mut writer) = tokio::io::split(client);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let start = Instant::now();
    let drip = tokio::spawn(async move {
        for byte in GET.iter().cycle() {
            if writer.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(900)).await;
        }
    });
    let mut text = Vec::new();
    let _ = reader.read_to_end(&mut text).await;
    assert_eq!(start.elapsed().as_secs(), 5);
    drip.abort();
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_alive_for_30_s_after_each_response() {
    let (mut client, _stop) = connect(1024);
    for _ in 0..3 {
        client.write_all(GET).await.unwrap();
        assert!(read_response(&mut client).await.starts_with("HTTP/1.1 200"));
        tokio::time::sleep(Duration::from_secs(29)).await;
    }
    assert_eq!(read_to_close(&mut client).await, (String::new(), 1));
}

#[tokio::test(start_paused = true)]
async fn a_request_in_the_works_has_no_deadline() {
    let (mut client, _stop) = connect(1024);
    client.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    let (text, seconds) = read_to_close(&mut client).await;
    assert!(text.ends_with("done"), "{text}");
    assert_eq!(seconds, 3_600);
}

#[tokio::test(start_paused = true)]
async fn who_takes_nothing_of_a_response_for_30_s_is_shown_out() {
    let (mut client, _stop) = connect(1024);
    client.write_all(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_secs(31)).await;
    let (text, seconds) = read_to_close(&mut client).await;
    assert!(text.len() <= 1024, "{} bytes", text.len());
    assert_eq!(seconds, 0);
}

#[tokio::test(start_paused = true)]
async fn too_many_or_too_large_headers_are_431() {
    for head in [
        format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(MAX_HEADERS + 1)),
        format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "b".repeat(MAX_HEAD_BYTES)),
    ] {
        let (mut client, _stop) = connect(64 * 1024);
        client.write_all(head.as_bytes()).await.unwrap();
        let (text, _) = read_to_close(&mut client).await;
        assert!(text.starts_with("HTTP/1.1 431"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn stopping_closes_idle_connections_and_lets_requests_finish() {
    let (mut idle, stop) = connect(1024);
    idle.write_all(GET).await.unwrap();
    read_response(&mut idle).await;
    stop.send(true).unwrap();
    assert_eq!(read_to_close(&mut idle).await, (String::new(), 0));

    let (mut busy, stop) = connect(1024);
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    stop.send(true).unwrap();
    assert!(read_to_close(&mut busy).await.0.ends_with("done"));
}

#[tokio::test(start_paused = true)]
async fn a_socket_whose_peer_takes_nothing_for_5_s_is_closed() {
    let (mut client, _stop) = connect(1024);
    let request = b"GET /flood HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: flood\r\n\r\n";
    client.write_all(request).await.unwrap();
    tokio::time::sleep(Duration::from_millis(4_900)).await;
    let mut piece = [0; 512];
    assert_eq!(client.read(&mut piece).await.unwrap(), 512, "it takes something, and has 5 s again");
    tokio::time::sleep(Duration::from_millis(4_900)).await;
    assert_eq!(client.read(&mut piece).await.unwrap(), 512);
    tokio::time::sleep(Duration::from_millis(5_100)).await;
    let (text, seconds) = read_to_close(&mut client).await;
    assert!(text.len() <= 1024 && seconds == 0, "{} bytes after {seconds} s", text.len());
}
