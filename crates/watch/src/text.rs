//! Text in the formats of others.

/// A string as YAML and as JSON, in quotes: the escapes of JSON are a part of those of YAML.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
