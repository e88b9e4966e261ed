//! A peer for Sigil's tests: the crate `macaroon`, asked over stdin and stdout, one JSON object a line.
use std::io::{self, BufRead, Write};
use std::panic::catch_unwind;

use macaroon::{ByteString, Format, Macaroon, MacaroonKey, Verifier};
use serde::Deserialize;
use serde_json::{json, Value};

type Answer = Result<Value, Box<dyn std::error::Error>>;

/// What a macaroon is made of. Bytes are in hex.
#[derive(Deserialize)]
struct Recipe {
    identifier: String,
    location: String,
    caveats: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "do")]
enum Question {
    #[serde(rename = "mint macaroons", rename_all = "camelCase")]
    Mint {
        root_key: String,
        recipes: Vec<Recipe>,
    },
    #[serde(rename = "verify macaroons", rename_all = "camelCase")]
    Verify {
        root_key: String,
        packets: Vec<String>,
    },
}

/// The key of the first HMAC, derived from the root key as libmacaroons does.
fn key_of(root_key: &str) -> Result<MacaroonKey, hex::FromHexError> {
    Ok(MacaroonKey::generate(&hex::decode(root_key)?))
}

/// The V2 packet of a recipe, in hex. The crate writes a location that is empty as a field of no
/// bytes, and one that is missing as no field, as the others write both.
fn mint(key: &MacaroonKey, recipe: &Recipe) -> Result<String, Box<dyn std::error::Error>> {
    let location = Some(recipe.location.clone()).filter(|text| !text.is_empty());
    let identifier = ByteString(hex::decode(&recipe.identifier)?);
    let mut minted = Macaroon::create(location, key, identifier)?;
    for caveat in &recipe.caveats {
        minted.add_first_party_caveat(ByteString(hex::decode(caveat)?));
    }
    let text = minted.serialize(Format::V2)?;
    Ok(hex::encode(base64::decode_config(text, base64::URL_SAFE)?))
}

/// Why a packet is refused, whatever its caveats are; "" if it holds.
fn refusal(key: &MacaroonKey, packet: &str) -> Result<String, hex::FromHexError> {
    let bytes = hex::decode(packet)?;
    let verified = catch_unwind(|| {
        let mut verifier = Verifier::default();
        verifier.satisfy_general(|_| true);
        Macaroon::deserialize_binary(&bytes)
            .and_then(|read| verifier.verify(&read, key, Vec::new()))
            .map_or_else(|error| error.to_string(), |()| String::new())
    });
    Ok(verified.unwrap_or_else(|_| "panicked".to_string()))
}

fn answer(line: &str) -> Answer {
    match serde_json::from_str(line)? {
        Question::Mint { root_key, recipes } => {
            let key = key_of(&root_key)?;
            let packets: Result<Vec<_>, _> = recipes.iter().map(|each| mint(&key, each)).collect();
            Ok(json!({ "packets": packets? }))
        }
        Question::Verify { root_key, packets } => {
            let key = key_of(&root_key)?;
            let refusals: Result<Vec<_>, _> =
                packets.iter().map(|each| refusal(&key, each)).collect();
            Ok(json!({ "refusals": refusals? }))
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    macaroon::initialize()?;
    std::panic::set_hook(Box::new(|_| {}));
    for line in io::stdin().lock().lines() {
        let answer = answer(&line?).unwrap_or_else(|error| json!({ "error": error.to_string() }));
        writeln!(io::stdout(), "{answer}")?;
    }
    Ok(())
}
