//! The crate `biscuit-auth` behind the protocol: what a Biscuit library alone says.
use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use biscuit_auth::builder::{boolean, bytes, fact, int, string, Algorithm, Fact, Term};
use biscuit_auth::{
    AuthorizerBuilder, AuthorizerLimits, Biscuit, BlockBuilder, KeyPair, PrivateKey, PublicKey,
    UnverifiedBiscuit,
};
use conformance_adapters::{bytes as hex_of, list, serve, text, Answer};
use serde_json::{json, Value};
use sha2::{Digest, Sha256};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The token of a text, and its preimage.
fn token_of(command: &Value) -> Outcome<(Vec<u8>, &str)> {
    let (token, preimage) = text(command, "credential")?
        .split_once(':')
        .ok_or("no preimage")?;
    Ok((base64::decode_config(token, base64::STANDARD)?, preimage))
}

fn credential(token: &[u8], preimage: &str) -> Answer {
    Ok(json!({ "ok": true, "credential": format!("{}:{preimage}", base64::encode(token)) }))
}

/// The facts of a block that have this name, in order. The library cannot read all that it prints of
/// checks, so each fact is read by itself.
fn facts(source: &str, name: &str) -> Outcome<Vec<Term>> {
    let start = format!("{name}(");
    let mut terms = Vec::new();
    for line in source.lines().filter(|line| line.starts_with(&start)) {
        let fact: Fact = line.trim_end_matches(';').try_into()?;
        terms.extend(fact.predicate.terms.into_iter().next());
    }
    Ok(terms)
}

fn caveats(source: &str) -> Outcome<Vec<String>> {
    let terms = facts(source, "caveat")?.into_iter();
    Ok(terms.filter_map(|one| if let Term::Str(text) = one { Some(text) } else { None }).collect())
}

/// The token, verified with the key of the issuer that it names. The library knows no issuers.
fn read(raw: &[u8], verifier: &Value) -> Outcome<Biscuit> {
    for issuer in list(verifier, "issuers") {
        let key_id = issuer["keyId"].as_u64();
        let key = PublicKey::from_bytes(&hex_of(issuer, "publicKey")?, Algorithm::Ed25519)?;
        let token = UnverifiedBiscuit::from(raw)?;
        if key_id != Some(u64::from(token.root_key_id().unwrap_or(0))) {
            continue;
        }
        // Signed by the key of another issuer.
        let Ok(token) = token.verify(key) else { continue };
        let stated = facts(&token.print_block_source(0)?, "issuer")?;
        if stated.first() == Some(&string(text(issuer, "issuer")?)) {
            return Ok(token);
        }
    }
    Err("no key of a trusted issuer verifies it".into())
}

/// The ids of the nodes: the root, and after each `agent` caveat. Page 9 §4.
fn nodes(token: &Biscuit) -> Outcome<Vec<String>> {
    let mut nodes = Vec::new();
    let mut signatures = Sha256::new();
    for (at, signature) in token.revocation_identifiers().iter().enumerate() {
        signatures.update(signature);
        let place = |count: usize| {
            let hash = signatures.clone().chain_update([count as u8]).finalize();
            hex::encode(&hash[..16])
        };
        if at == 0 {
            nodes.push(place(0));
        }
        let own = caveats(&token.print_block_source(at)?)?;
        for (index, caveat) in own.iter().enumerate() {
            if caveat.starts_with("agent=") {
                nodes.push(place(index + 1));
            }
        }
    }
    Ok(nodes)
}

/// The facts of page 9 §5 that are known without a ledger.
fn known(command: &Value, preimage: &str) -> Outcome<Vec<Fact>> {
    let (request, verifier) = (&command["request"], &command["verifier"]);
    let paid = Sha256::digest(hex::decode(preimage)?);
    let now = request["now"].as_u64().ok_or("no time")?;
    let mut facts = vec![
        fact("paid", &[bytes(&paid)]),
        fact("time", &[Term::Date(now)]),
        fact("service", &[string(verifier["service"].as_str().unwrap_or(""))]),
    ];
    if request["own"] == true {
        facts.push(fact("own_affairs", &[boolean(true)]));
    } else {
        facts.push(fact("access", &[string(text(request, "access")?)]));
    }
    for name in ["capability", "model", "holder"] {
        if let Some(value) = request[name].as_str() {
            facts.push(fact(name, &[string(value)]));
        }
    }
    if request.get("model") == Some(&Value::Null) {
        facts.push(fact("uses_no_model", &[boolean(true)]));
    }
    facts.push(match &request["price"] {
        Value::Null => fact("price", &[string("none"), int(0)]),
        price => fact("price", &[string(text(price, "unit")?), int(text(price, "value")?.parse()?)]),
    });
    if let Some(hash) = request["hash"].as_str() {
        facts.push(fact("priced_request", &[string(hash)]));
    }
    if let Some(ledger) = verifier["ledger"].as_str() {
        facts.push(fact("ledger", &[string(ledger)]));
    }
    Ok(facts)
}

fn verify(command: &Value) -> Answer {
    let (raw, preimage) = token_of(command)?;
    let token = read(&raw, &command["verifier"])?;
    let revoked = list(command, "revoked");
    if nodes(&token)?.iter().any(|node| revoked.iter().any(|id| id == node)) {
        return Err("a node is revoked".into());
    }
    let mut builder = AuthorizerBuilder::new();
    for one in known(command, preimage)? {
        builder = builder.fact(one)?;
    }
    // The default of 1 ms fails on a busy machine.
    let limits = AuthorizerLimits { max_time: Duration::from_secs(5), ..Default::default() };
    builder.set_limits(limits).code("allow if true;")?.build(&token)?.authorize()?;
    Ok(json!({ "ok": true }))
}

fn inspect(command: &Value) -> Answer {
    let token = UnverifiedBiscuit::from(token_of(command)?.0)?;
    let first = token.print_block_source(0)?;
    let hash = match facts(&first, "payment_hash")?.into_iter().next() {
        Some(Term::Bytes(hash)) => hex::encode(hash),
        _ => return Err("no payment hash".into()),
    };
    let mut all = Vec::new();
    for at in 0..token.block_count() {
        all.extend(caveats(&token.print_block_source(at)?)?);
    }
    Ok(json!({ "ok": true, "caveats": all, "paymentHash": hash }))
}

fn attenuate(command: &Value) -> Answer {
    let (raw, preimage) = token_of(command)?;
    let block = BlockBuilder::new().code(text(command, "block")?)?;
    credential(&UnverifiedBiscuit::from(raw)?.append(block)?.to_vec()?, preimage)
}

fn seal(command: &Value) -> Answer {
    let (raw, preimage) = token_of(command)?;
    credential(&UnverifiedBiscuit::from(raw)?.seal()?.to_vec()?, preimage)
}

fn mint(command: &Value) -> Answer {
    // Any 32 bytes: a random private key is at hand.
    let preimage = KeyPair::new().private().to_bytes().to_vec();
    let hash = HashMap::from([("hash".to_string(), bytes(&Sha256::digest(&preimage)))]);
    let key = PrivateKey::from_bytes(&hex_of(command, "privateKey")?, Algorithm::Ed25519)?;
    let key_id = command["keyId"].as_u64().ok_or("no key id")?;
    let token = Biscuit::builder()
        .code_with_params(text(command, "block")?, hash, HashMap::new())?
        .root_key_id(u32::try_from(key_id)?)
        .build(&KeyPair::from(&key))?;
    credential(&token.to_vec()?, &hex::encode(preimage))
}

fn main() -> Result<(), Box<dyn Error>> {
    serve(|command| {
        Some(match text(command, "do").ok()? {
            "hello" => Ok(json!({
                "name": "biscuit-rust",
                "version": "6.0.0",
                "forms": ["biscuit"],
                "features": ["holder", "revocation", "attenuate", "seal", "mint", "inspect"],
                "codes": false,
            })),
            "verify" => verify(command),
            "inspect" => inspect(command),
            "attenuate" => attenuate(command),
            "seal" => seal(command),
            "mint" => mint(command),
            _ => return None,
        })
    })?;
    Ok(())
}
