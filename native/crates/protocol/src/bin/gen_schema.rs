//! Prints the JSON Schema of the event stream and of the commands.

use schemars::{JsonSchema, generate::SchemaSettings};
use threadgauge_protocol::{CommandEnvelope, Envelope};

/// Both directions in one document, so that one schema file serves all.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Protocol {
    event: Envelope,
    command: CommandEnvelope,
}

fn main() {
    let schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<Protocol>();
    println!("{}", serde_json::to_string_pretty(&schema).expect("a schema is always JSON"));
}
