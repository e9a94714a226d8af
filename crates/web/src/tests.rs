//! What is embedded is complete, strict and says what it is.

use std::collections::BTreeSet;

use super::*;

fn text(asset: &Asset) -> &str {
    std::str::from_utf8(&asset.bytes).expect("UTF-8")
}

/// Values of `attribute="..."` in `html`.
fn attributes<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    let open = format!(" {attribute}=\"");
    html.split(&open).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

/// The specifiers of `import ... from "x"`.
fn imports(js: &str) -> Vec<&str> {
    js.lines()
        .filter_map(|line| line.split_once(" from \"")?.1.split_once('"'))
        .map(|(specifier, _)| specifier)
        .collect()
}

#[test]
fn every_page_is_html_with_a_title_and_a_sentence_for_browsers_without_script() {
    for which in Page::ALL {
        let page = page(which);
        assert_eq!(page.content_type, "text/html; charset=utf-8");
        let html = text(&page);
        assert!(html.starts_with("<!doctype html>"), "{which:?}");
        assert!(html.contains("<title>") && html.contains("lang=\"en\""), "{which:?}");
        if html.contains("<script") {
            assert!(html.contains("<noscript>"), "{which:?}");
        }
    }
}

#[test]
fn everything_a_page_refers_to_is_embedded() {
    for which in Page::ALL {
        let page = page(which);
        let html = text(&page);
        let mut references = attributes(html, "src");
        references.extend(attributes(html, "href"));
        assert!(!references.is_empty());
        for reference in references {
            let file = reference.split('#').next().expect("split yields one");
            assert!(
                served(file).is_some() || matches!(file, "/" | "" | "/devices" | "/openapi.json"),
                "{which:?} refers to {reference}"
            );
        }
    }
}

/// What the server answers to `url`, of the files here.
fn served(url: &str) -> Option<Asset> {
    let (folder, path) = url.strip_prefix('/')?.split_once('/')?;
    match folder {
        "assets" => asset(path),
        "sdk" => sdk(path),
        _ => None,
    }
}

/// All modules by their URLs.
fn modules() -> Vec<String> {
    let assets = Assets::iter().map(|path| format!("/assets/{path}"));
    assets.chain(Sdk::iter().map(|path| format!("/sdk/{path}"))).filter(|url| url.ends_with(".js")).collect()
}

/// The URL that `specifier` means in the module at `from`, as a browser resolves it.
fn resolve(from: &str, specifier: &str) -> String {
    let mut folders: Vec<&str> = from.split('/').collect();
    folders.pop();
    for step in specifier.split('/') {
        match step {
            "." => {}
            ".." => drop(folders.pop()),
            name => folders.push(name),
        }
    }
    folders.join("/")
}

#[test]
fn every_module_imports_only_embedded_modules() {
    for url in modules() {
        for import in imports(text(&served(&url).unwrap())) {
            assert!(import.starts_with('.'), "{url} imports {import}");
            assert!(served(&resolve(&url, import)).is_some(), "{url} imports {import}");
        }
    }
}

#[test]
fn the_sdk_needs_nothing_but_itself() {
    for url in modules().iter().filter(|url| url.starts_with("/sdk/")) {
        for import in imports(text(&served(url).unwrap())) {
            assert!(resolve(url, import).starts_with("/sdk/"), "{url} imports {import}");
        }
    }
}

/// All modules that the one at `url` needs, itself included.
fn graph(url: &str, found: &mut BTreeSet<String>) {
    if found.insert(url.to_owned()) {
        for import in imports(text(&served(url).unwrap())) {
            graph(&resolve(url, import), found);
        }
    }
}

#[test]
fn a_page_names_all_its_modules_so_that_they_load_in_one_round_trip() {
    for which in Page::ALL {
        let page = page(which);
        let html = text(&page);
        let named: BTreeSet<_> = ["src", "href"]
            .iter()
            .flat_map(|attribute| attributes(html, attribute))
            .filter(|path| path.ends_with(".js"))
            .map(str::to_owned)
            .collect();
        let mut needed = BTreeSet::new();
        named.iter().for_each(|url| graph(url, &mut needed));
        assert_eq!(named, needed, "{which:?}");
    }
}

/// Whether this follows the `on` of `onclick="..."`.
fn starts_like_a_listener(rest: &str) -> bool {
    let name = rest.trim_start_matches(|c: char| c.is_ascii_lowercase());
    name.len() < rest.len() && name.starts_with("=\"")
}

#[test]
fn no_page_holds_what_its_policy_forbids() {
    for which in Page::ALL {
        let page = page(which);
        let html = text(&page);
        assert!(!html.contains("<style") && attributes(html, "style").is_empty(), "{which:?}");
        assert_eq!(
            html.matches("<script").count(),
            attributes(html, "src").iter().filter(|s| s.ends_with(".js")).count()
        );
        assert!(!html.split(" on").skip(1).any(starts_like_a_listener), "{which:?}");
        assert!(!html.contains("javascript:"), "{which:?}");
    }
    for url in modules() {
        let file = served(&url).unwrap();
        for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!text(&file).contains(sink), "{url} uses {sink}");
        }
    }
}

#[test]
fn only_the_player_may_be_framed() {
    for which in Page::ALL {
        let policy = which.content_security_policy();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"));
        assert!(!policy.contains("unsafe") && !policy.contains('\n'));
        assert_eq!(policy.ends_with("frame-ancestors *"), which == Page::Watch);
        assert_eq!(policy.ends_with("frame-ancestors 'none'"), which != Page::Watch);
    }
}

/// The ids that scripts find in a page as it is served; tiles and notices are made later.
const TEST_IDS: [(Page, &[&str]); 4] = [
    (
        Page::Room,
        &[
            "name",
            "join",
            "leave",
            "mic",
            "camera",
            "screen",
            "chat-input",
            "chat-log",
            "participants",
            "direct-call",
        ],
    ),
    (Page::Publish, &["start", "stop", "state"]),
    (Page::Watch, &["player", "unmute"]),
    (
        Page::Devices,
        &[
            "preview",
            "tracks",
            "add-audio",
            "add-video",
            "remove-audio",
            "remove-video",
            "clone",
            "level",
            "error",
        ],
    ),
];

#[test]
fn the_test_ids_that_scripts_rely_on_are_there() {
    for (which, ids) in TEST_IDS {
        let page = page(which);
        let found = attributes(text(&page), "data-testid");
        for id in ids {
            assert_eq!(found.iter().filter(|f| f == &id).count(), 1, "{which:?} {id}");
        }
    }
}

#[test]
fn every_icon_that_is_referred_to_is_in_the_sprite() {
    let sprite = asset("icons.svg").unwrap();
    let known = attributes(text(&sprite), "id");
    for which in Page::ALL {
        let page = page(which);
        for reference in attributes(text(&page), "href") {
            if let Some(icon) = reference.strip_prefix("/assets/icons.svg#") {
                assert!(known.contains(&icon), "{which:?} refers to {icon}");
            }
        }
    }
}

#[test]
fn ids_are_unique_and_what_refers_to_them_finds_them() {
    for which in Page::ALL {
        let page = page(which);
        let ids = attributes(text(&page), "id");
        let distinct: BTreeSet<_> = ids.iter().collect();
        assert_eq!(ids.len(), distinct.len(), "{which:?}");
        for attribute in ["for", "aria-labelledby", "aria-controls", "aria-describedby", "data-copy"] {
            for id in attributes(text(&page), attribute) {
                assert!(ids.contains(&id), "{which:?}: {attribute} of {id}");
            }
        }
    }
}

#[test]
fn etags_are_strong_quoted_and_differ_by_content() {
    let (lobby, watch) = (page(Page::Lobby), page(Page::Watch));
    assert_ne!(lobby.etag, watch.etag);
    assert_eq!(lobby.etag, page(Page::Lobby).etag);
    assert!(lobby.etag.starts_with('"') && lobby.etag.ends_with('"') && lobby.etag.len() == 34);
}

#[test]
fn an_unknown_path_is_nothing() {
    for path in ["", "/", "js", "js/", "../Cargo.toml", "js/../app.css", "/app.css", "app.css\0"] {
        assert!(asset(path).is_none(), "{path:?}");
        assert!(sdk(path).is_none(), "{path:?}");
    }
}

#[test]
fn files_say_what_they_are() {
    for (path, content_type) in [
        ("app.css", "text/css; charset=utf-8"),
        ("js/watch.js", "text/javascript; charset=utf-8"),
        ("favicon.svg", "image/svg+xml"),
    ] {
        assert_eq!(asset(path).unwrap().content_type, content_type);
    }
    for (path, content_type) in [
        ("plenum.js", "text/javascript; charset=utf-8"),
        ("plenum.d.ts", "application/typescript; charset=utf-8"),
        ("package.json", "application/json"),
        ("README.md", "text/markdown; charset=utf-8"),
    ] {
        assert_eq!(sdk(path).unwrap().content_type, content_type);
    }
}
