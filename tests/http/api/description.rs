//! `/openapi.json`, and answers held against it.

use plenum_tests::Plenum;
use plenum_tests::http::Response;
use serde_json::{Map, Value, json};

/// The description that a server gives of itself.
pub struct Description(Value);

/// One operation of it.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its name.
    pub id: String,
    /// `GET` and so on.
    pub method: String,
    /// With names in braces.
    pub path: String,
    described: Value,
}

impl Operation {
    /// Whether it is refused without a token.
    pub fn needs_token(&self) -> bool {
        let ways = self.described["security"].as_array();
        ways.is_some_and(|ways| !ways.is_empty() && ways.iter().all(|way| way != &json!({})))
    }

    /// The type of its body.
    pub fn body_type(&self) -> Option<&str> {
        self.described["requestBody"]["content"].as_object()?.keys().next().map(String::as_str)
    }

    /// Its path for the room `demo`, the participant `ada`, a session that is not there.
    pub fn example_path(&self) -> String {
        self.path.replace("{room}", "demo").replace("{participant}", "ada").replace("{id}", "nothing")
    }
}

impl Description {
    /// Of a running server.
    #[track_caller]
    pub fn of(server: &Plenum) -> Self {
        let response = server.request("GET", "/openapi.json").send().expect(200);
        assert_eq!(response.header("content-type"), Some("application/json"));
        Self(response.json())
    }

    /// All operations, by path and method.
    pub fn operations(&self) -> Vec<Operation> {
        let paths = self.0["paths"].as_object().expect("paths are an object");
        let of_path = |(path, item): (&String, &Value)| {
            let item = item.as_object().expect("a path is an object");
            let operation = |(method, described): (&String, &Value)| Operation {
                id: described["operationId"].as_str().expect("an operation has a name").to_owned(),
                method: method.to_uppercase(),
                path: path.clone(),
                described: described.clone(),
            };
            item.iter().map(operation).collect::<Vec<_>>()
        };
        paths.iter().flat_map(of_path).collect()
    }

    /// The operation of this name.
    #[track_caller]
    pub fn operation(&self, id: &str) -> Operation {
        let all = self.operations();
        all.into_iter()
            .find(|operation| operation.id == id)
            .unwrap_or_else(|| panic!("{id} is not described"))
    }

    /// Panics unless an answer is one that is described: status, headers, type and body.
    #[track_caller]
    pub fn check(&self, operation: &Operation, response: &Response) {
        let what = format!("{}: {} {}", operation.id, response.status, response.text());
        let responses = &operation.described["responses"];
        let status = response.status.to_string();
        let described = responses.get(&status).unwrap_or_else(|| {
            assert!(response.status >= 400, "not described: {what}");
            &responses["default"]
        });
        for name in described["headers"].as_object().into_iter().flat_map(Map::keys) {
            // Without ICE servers there is no Link.
            assert!(response.header(name).is_some() || name == "Link", "no {name}: {what}");
        }
        let Some((content_type, media)) = described["content"].as_object().and_then(|all| all.iter().next())
        else {
            return assert!(response.body.is_empty(), "a body that is not described: {what}");
        };
        assert_eq!(response.header("content-type"), Some(&content_type[..]), "{what}");
        if content_type.ends_with("json") {
            self.validate(&media["schema"], &response.json(), &what);
        }
    }

    /// Fields that are not described are not allowed here: clients may ignore them, their author may not.
    #[track_caller]
    fn validate(&self, schema: &Value, instance: &Value, what: &str) {
        let mut root = schema.clone();
        root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
        root["components"] = self.0["components"].clone();
        for (name, schema) in root["components"]["schemas"].as_object_mut().expect("there are schemas") {
            if name != "Problem" && schema["properties"].is_object() {
                schema["additionalProperties"] = json!(false);
            }
        }
        let options = jsonschema::options().should_validate_formats(true);
        let validator = options.build(&root).expect("a schema of JSON Schema 2020-12");
        let errors: Vec<String> = validator
            .iter_errors(instance)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:?} in {what}");
    }
}
