//! The crate `macaroon` behind the protocol: macaroons as bytes.
use conformance_adapters::{bytes, list, serve, text, Answer};
use macaroon::{ByteString, Caveat, Format, Macaroon, MacaroonKey, Verifier};
use serde_json::{json, Value};

/// The key of the first HMAC, derived from the root key as libmacaroons does.
fn key_of(command: &Value) -> Result<MacaroonKey, Box<dyn std::error::Error>> {
    Ok(MacaroonKey::generate(&bytes(command, "rootKey")?))
}

fn packet(macaroon: &Macaroon) -> Answer {
    let text = macaroon.serialize(Format::V2)?;
    let packet = hex::encode(base64::decode_config(text, base64::URL_SAFE)?);
    Ok(json!({ "ok": true, "macaroon": packet }))
}

fn append(macaroon: &mut Macaroon, command: &Value) -> Result<(), Box<dyn std::error::Error>> {
    for caveat in list(command, "caveats") {
        let caveat = hex::decode(caveat.as_str().ok_or("a caveat is a text")?)?;
        macaroon.add_first_party_caveat(ByteString(caveat));
    }
    Ok(())
}

fn read(command: &Value) -> Result<Macaroon, Box<dyn std::error::Error>> {
    Ok(Macaroon::deserialize_binary(&bytes(command, "macaroon")?)?)
}

fn mint(command: &Value) -> Answer {
    // The crate writes an empty location as a field of no bytes.
    let location = command["location"].as_str().filter(|text| !text.is_empty());
    let identifier = ByteString(bytes(command, "identifier")?);
    let mut minted = Macaroon::create(location.map(str::to_string), &key_of(command)?, identifier)?;
    append(&mut minted, command)?;
    packet(&minted)
}

fn attenuate(command: &Value) -> Answer {
    let mut macaroon = read(command)?;
    append(&mut macaroon, command)?;
    packet(&macaroon)
}

fn verify(command: &Value) -> Answer {
    let mut verifier = Verifier::default();
    verifier.satisfy_general(|_| true);
    verifier.verify(&read(command)?, &key_of(command)?, Vec::new())?;
    Ok(json!({ "ok": true }))
}

fn inspect(command: &Value) -> Answer {
    let macaroon = read(command)?;
    let caveats: Vec<String> = macaroon
        .caveats()
        .into_iter()
        .map(|caveat| match caveat {
            Caveat::FirstParty(one) => String::from_utf8_lossy(&one.predicate().0).into_owned(),
            Caveat::ThirdParty(one) => String::from_utf8_lossy(&one.id().0).into_owned(),
        })
        .collect();
    Ok(json!({
        "ok": true,
        "location": macaroon.location().unwrap_or_default(),
        "identifier": hex::encode(macaroon.identifier().0),
        "caveats": caveats,
        "signature": hex::encode(macaroon.signature()),
    }))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    macaroon::initialize()?;
    serve(|command| {
        let name = text(command, "do").ok()?;
        // Credentials of page 1 are more than macaroons: the crate knows bytes alone.
        let is_bytes = command.get("macaroon").is_some() || command.get("rootKey").is_some();
        Some(match name {
            "hello" => Ok(json!({
                "name": "rust-macaroon",
                "version": "0.3.0",
                "forms": ["macaroon"],
                "features": ["core"],
                "codes": false,
            })),
            "mint" if is_bytes => mint(command),
            "attenuate" if is_bytes => attenuate(command),
            "verify" if is_bytes => verify(command),
            "inspect" if is_bytes => inspect(command),
            _ => return None,
        })
    })?;
    Ok(())
}
