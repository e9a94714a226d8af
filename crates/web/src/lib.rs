//! The pages, embedded in the binary: lobby, conference, publisher, player, device check, API reference,
//! errors, and what they load, which is also what other sites can load: the browser SDK.
//!
//! Entry points: [`page`] for what a browser navigates to, [`asset`] for everything under `/assets/`, [`sdk`]
//! for everything under `/sdk/`, [`Page::content_security_policy`] for the header that goes with a page. The
//! files live in `pages/`, `assets/` and `sdk/` as they are served: there is no build step, no template and
//! no third-party code, so what is read in the repository is what runs in the browser.
//!
//! Invariants: no page carries inline script or style; nothing is loaded from another origin; names and
//! texts of the server become text nodes only (`require-trusted-types-for` makes the browser hold us to
//! it). Routing, status codes and caching headers are the server's.

use std::borrow::Cow;

use rust_embed::{Embed, EmbeddedFile};

#[derive(Embed)]
#[folder = "pages/"]
struct Pages;

#[derive(Embed)]
#[folder = "assets/"]
struct Assets;

#[derive(Embed)]
#[folder = "sdk/"]
struct Sdk;

macro_rules! csp_base {
    () => {
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         media-src 'self' blob:; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'; \
         trusted-types 'none'"
    };
}

/// One file as it goes over the wire.
#[derive(Debug, Clone)]
pub struct Asset {
    /// The body.
    pub bytes: Cow<'static, [u8]>,
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// A strong validator, quotes included, from the hash of the content.
    pub etag: String,
}

/// What a browser can navigate to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Page {
    /// `/`: what is live now, and how to start.
    Lobby,
    /// `/r/{room}`: the conference.
    Room,
    /// `/publish/{room}`: camera or screen to WHIP.
    Publish,
    /// `/watch/{room}`: the WHEP player; other sites may embed it.
    Watch,
    /// `/devices`: what cameras, microphones and the browser can do.
    Devices,
    /// `/docs`: the HTTP API, from `/openapi.json`.
    Docs,
    /// Nothing lives at this address (404), a room's name that is none included.
    NotFound,
    /// The server cannot answer now (5xx).
    Error,
}

impl Page {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Lobby,
        Self::Room,
        Self::Publish,
        Self::Watch,
        Self::Devices,
        Self::Docs,
        Self::NotFound,
        Self::Error,
    ];

    /// The value of `Content-Security-Policy` for this page: everything from this origin, no inline
    /// code, DOM sinks that parse HTML switched off, and only the player may sit in other sites' frames.
    pub fn content_security_policy(self) -> &'static str {
        match self {
            Self::Watch => concat!(csp_base!(), "; frame-ancestors *"),
            _ => concat!(csp_base!(), "; frame-ancestors 'none'"),
        }
    }

    fn file_name(self) -> &'static str {
        match self {
            Self::Lobby => "lobby.html",
            Self::Room => "room.html",
            Self::Publish => "publish.html",
            Self::Watch => "watch.html",
            Self::Devices => "devices.html",
            Self::Docs => "docs.html",
            Self::NotFound => "not-found.html",
            Self::Error => "error.html",
        }
    }
}

/// The file served as `/assets/{path}`, for instance `app.css` or `js/watch.js`. `None` for anything that
/// is not embedded; `path` is looked up in a table, never in a file system.
pub fn asset(path: &str) -> Option<Asset> {
    Assets::get(path).map(|file| from_embedded(path, file))
}

/// The file served as `/sdk/{path}`, for instance `plenum.js`, `plenum.d.ts` or `README.md`; looked up like an
/// [`asset`]. Meant for pages of any origin.
pub fn sdk(path: &str) -> Option<Asset> {
    Sdk::get(path).map(|file| from_embedded(path, file))
}

/// The HTML of `page`.
pub fn page(page: Page) -> Asset {
    let name = page.file_name();
    from_embedded(name, Pages::get(name).expect("every page is embedded"))
}

fn from_embedded(path: &str, file: EmbeddedFile) -> Asset {
    Asset { content_type: content_type(path), etag: etag(&file.metadata.sha256_hash()), bytes: file.data }
}

/// Half of a SHA-256 is plenty to tell versions of a file apart.
fn etag(hash: &[u8; 32]) -> String {
    let digits: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("ts") => "application/typescript; charset=utf-8",
        Some("json") => "application/json",
        Some("md") => "text/markdown; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests;
