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
            match file.strip_prefix("/assets/") {
                Some(path) => assert!(asset(path).is_some(), "{which:?} refers to {reference}"),
                None => assert!(matches!(file, "/" | ""), "{which:?} leaves its origin: {reference}"),
            }
        }
    }
}

#[test]
fn every_module_imports_only_embedded_modules() {
    for path in Assets::iter().filter(|path| path.ends_with(".js")) {
        let file = asset(&path).unwrap();
        for import in imports(text(&file)) {
            let name = import.strip_prefix("./").unwrap_or_else(|| panic!("{path} imports {import}"));
            assert!(asset(&format!("js/{name}")).is_some(), "{path} imports {import}");
        }
    }
}

/// All modules that `path` needs, itself included.
fn graph(path: &str, found: &mut BTreeSet<String>) {
    if found.insert(path.to_owned()) {
        let file = asset(path).unwrap();
        for import in imports(text(&file)) {
            graph(&import.replace("./", "js/"), found);
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
            .filter_map(|reference| reference.strip_prefix("/assets/"))
            .filter(|path| path.ends_with(".js"))
            .map(str::to_owned)
            .collect();
        let mut needed = BTreeSet::new();
        named.iter().for_each(|path| graph(path, &mut needed));
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
    for path in Assets::iter() {
        let file = asset(&path).unwrap();
        for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!text(&file).contains(sink), "{path} uses {sink}");
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

#[test]
fn the_test_ids_that_scripts_rely_on_are_there() {
    for (which, ids) in
        [(Page::Publish, &["start", "stop", "state"][..]), (Page::Watch, &["player", "unmute"])]
    {
        let page = page(which);
        let found = attributes(text(&page), "data-testid");
        for id in ids {
            assert_eq!(found.iter().filter(|f| f == &id).count(), 1, "{which:?} {id}");
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
    }
}

#[test]
fn files_say_what_they_are() {
    for (path, content_type) in [
        ("app.css", "text/css; charset=utf-8"),
        ("js/whep.js", "text/javascript; charset=utf-8"),
        ("favicon.svg", "image/svg+xml"),
    ] {
        assert_eq!(asset(path).unwrap().content_type, content_type);
    }
}
