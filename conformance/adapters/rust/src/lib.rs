//! The loop of the protocol of ../../README.md, for the adapters of this folder.
use std::error::Error;
use std::io::{self, BufRead, Write};
use std::panic::{catch_unwind, AssertUnwindSafe};

use serde_json::{json, Value};

pub type Answer = Result<Value, Box<dyn Error>>;

/// Answers each line of stdin. Every error is a refusal; `None` is a command that is not known.
pub fn serve(answer: impl Fn(&Value) -> Option<Answer>) -> io::Result<()> {
    // A library that panics on its input has refused it.
    std::panic::set_hook(Box::new(|_| {}));
    for line in io::stdin().lock().lines() {
        let command: Value = serde_json::from_str(&line?)?;
        let mut said = match catch_unwind(AssertUnwindSafe(|| answer(&command))) {
            Ok(None) => json!({ "unsupported": true }),
            Ok(Some(Ok(value))) => value,
            Ok(Some(Err(error))) => json!({ "ok": false, "message": error.to_string() }),
            Err(_) => json!({ "ok": false, "message": "panicked" }),
        };
        said["id"] = command["id"].clone();
        writeln!(io::stdout(), "{said}")?;
    }
    Ok(())
}

/// A member that is a text.
pub fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, Box<dyn Error>> {
    value[name].as_str().ok_or_else(|| format!("no {name}").into())
}

/// A member that has bytes in hex.
pub fn bytes(value: &Value, name: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    Ok(hex::decode(text(value, name)?)?)
}

/// A member that is a list.
pub fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}
