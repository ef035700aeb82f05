//! Prints the JSON Schema of the event stream and of the commands.

fn main() {
    print!("{}", threadgauge_protocol::schema());
}
