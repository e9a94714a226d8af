//! Reading single numbers out of the JSON that our own programs print. They are one level deep or two, and
//! their keys are known, so a parser is not worth a dependency.

/// The number under `key`, which is `name` or `object.name`.
pub fn number(json: &str, key: &str) -> Option<f64> {
    let (json, name) = match key.split_once('.') {
        Some((object, name)) => {
            let body = after_key(json, object)?.strip_prefix('{')?;
            (body.split('}').next()?, name)
        }
        None => (json, key),
    };
    let value = after_key(json, name)?;
    let end = value.find([',', '}', ']']).unwrap_or(value.len());
    value[..end].trim().parse().ok()
}

/// The text under `name`, if it contains nothing that is escaped.
pub fn text<'a>(json: &'a str, name: &str) -> Option<&'a str> {
    after_key(json, name)?.strip_prefix('"')?.split('"').next()
}

fn after_key<'a>(json: &'a str, name: &str) -> Option<&'a str> {
    let key = format!("\"{name}\":");
    Some(json[json.find(&key)? + key.len()..].trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str =
        r#"{"sent":12,"loss":0.25,"latency_ms":{"p50":0.5,"max":9.0},"join_ms":null,"name":"a b"}"#;

    #[test]
    fn numbers_are_found_by_their_path() {
        assert_eq!(number(REPORT, "sent"), Some(12.0));
        assert_eq!(number(REPORT, "latency_ms.max"), Some(9.0));
        assert_eq!(number(REPORT, "latency_ms.p99"), None, "not that of another object");
        assert_eq!(number(REPORT, "join_ms.p50"), None);
        assert_eq!(number(REPORT, "name"), None);
    }

    #[test]
    fn text_is_what_stands_between_the_quotes() {
        assert_eq!((text(REPORT, "name"), text(REPORT, "sent")), (Some("a b"), None));
    }
}
