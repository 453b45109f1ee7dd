//! Looks for secret values where they must not be: as they are, and in every form that a log, a document or a database
//! is likely to give them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use slipway_embedded::embedded::Embedded;

use super::{Result, failed};

/// Something that was written or answered.
#[derive(Clone, Debug)]
pub struct Place {
    pub name: String,
    pub bytes: Vec<u8>,
}

impl Place {
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), bytes: bytes.into() }
    }
}

/// A value, and the forms in which it is recognised.
pub struct Canary {
    pub value: String,
    forms: Vec<(String, Vec<u8>)>,
}

impl Canary {
    pub fn new(value: impl Into<String>) -> Self {
        let value = value.into();
        Self { forms: forms(&value), value }
    }
}

/// Every place that holds a canary, with the form that it has there. One pass over each place finds all forms of all.
pub fn search(places: &[Place], canaries: &[Canary]) -> Vec<String> {
    let forms: Vec<(usize, &str, &[u8])> = canaries
        .iter()
        .enumerate()
        .flat_map(|(canary, of)| of.forms.iter().map(move |(name, form)| (canary, name.as_str(), form.as_slice())))
        .collect();
    let Ok(searcher) = AhoCorasick::new(forms.iter().map(|(_, _, form)| form)) else {
        return vec!["the forms of the canaries are too many to be searched for".to_owned()];
    };
    let mut hits = Vec::new();
    for place in places {
        // Of each canary the plainest form that is there: forms of one value can be the same text.
        let mut first: BTreeMap<usize, usize> = BTreeMap::new();
        for found in searcher.find_overlapping_iter(&place.bytes) {
            let form = found.pattern().as_usize();
            first.entry(forms[form].0).and_modify(|known| *known = form.min(*known)).or_insert(form);
        }
        let told = first.into_iter().map(|(canary, form)| (&canaries[canary].value, forms[form].1));
        hits.extend(told.map(|(value, form)| format!("{}: {value} ({form})", place.name)));
    }
    hits
}

/// A data folder, read to the last file.
#[derive(Default)]
pub struct Folder {
    /// Where no value may be.
    pub places: Vec<Place>,
    /// The files that hand variables to keepers: they stand for the Secrets of a cluster.
    pub secrets: Vec<(PathBuf, Place)>,
    /// What processes themselves wrote.
    pub logs: Vec<Place>,
}

/// Reads everything in a data folder.
pub fn folder(data: &Path) -> Result<Folder> {
    let mut found = Folder::default();
    let mut folders = vec![data.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(failed(format!("list {}", folder.display())))?;
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let name = path.strip_prefix(data).unwrap_or(&path).display().to_string();
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            // A socket, or a file that is gone meanwhile, holds nothing.
            let Ok(bytes) = fs::read(&path) else { continue };
            let place = Place::new(name, bytes);
            if is_variables(&place.name) {
                found.secrets.push((path, place));
            } else if is_process_log(&place.name) {
                found.logs.push(place);
            } else {
                found.places.push(place);
            }
        }
    }
    Ok(found)
}

/// The files that variables are handed over by: a Deployment's template, and a process's variables until they are read.
fn is_variables(name: &str) -> bool {
    let processes = name.starts_with("cluster/processes/") || name.starts_with("cluster/runs/");
    name.starts_with("cluster/templates/") || (processes && name.ends_with("/variables.json"))
}

/// What a process wrote is its own.
fn is_process_log(name: &str) -> bool {
    let processes = name.starts_with("cluster/processes/") || name.starts_with("cluster/runs/");
    processes && (name.ends_with("/log") || name.ends_with("/log.1"))
}

/// Every item of a database that nobody has open, as the database's protocol shows it: what the file holds in pieces is
/// whole here.
pub async fn items(file: &Path) -> Result<Vec<Place>> {
    let client = Embedded::file(file).map_err(failed("open the database"))?.client();
    let mut places = Vec::new();
    let mut start = None;
    loop {
        let page = client.scan().table_name("slipway").set_exclusive_start_key(start).send().await;
        let page = page.map_err(failed("read the table"))?;
        for item in page.items() {
            for (name, value) in item {
                // Debug shows texts, numbers and nested values; bytes would be a list of numbers.
                let bytes =
                    value.as_b().map_or_else(|_| format!("{value:?}").into_bytes(), |blob| blob.as_ref().to_vec());
                places.push(Place::new(format!("item {:?} attribute {name}", item.get("pk")), bytes));
            }
        }
        start = page.last_evaluated_key;
        if start.is_none() {
            return Ok(places);
        }
    }
}

/// The value in every form, each with its name.
pub fn forms(value: &str) -> Vec<(String, Vec<u8>)> {
    let bytes = value.as_bytes();
    let escaped = utf8_percent_encode(value, NON_ALPHANUMERIC).to_string();
    let (upper, lower) = (hex::encode_upper(bytes), hex::encode(bytes));
    let mut forms = vec![
        ("plain".to_owned(), bytes.to_vec()),
        ("hex".to_owned(), lower.clone().into_bytes()),
        ("HEX".to_owned(), upper.clone().into_bytes()),
        ("url".to_owned(), escaped.clone().into_bytes()),
        ("url, lower case".to_owned(), lower_escapes(&escaped).into_bytes()),
        ("form".to_owned(), escaped.replace("%20", "+").into_bytes()),
        ("url, every byte".to_owned(), pairs(&upper, "%").into_bytes()),
        ("url, every byte, lower case".to_owned(), pairs(&lower, "%").into_bytes()),
        ("json".to_owned(), json(value, |_| None).into_bytes()),
        ("json, ascii".to_owned(), json(value, |unit| (unit > 0x7e).then(|| format!("\\u{unit:04x}"))).into_bytes()),
        ("json, ASCII".to_owned(), json(value, |unit| (unit > 0x7e).then(|| format!("\\u{unit:04X}"))).into_bytes()),
        ("json, every unit".to_owned(), json(value, |unit| Some(format!("\\u{unit:04x}"))).into_bytes()),
        ("json, EVERY unit".to_owned(), json(value, |unit| Some(format!("\\u{unit:04X}"))).into_bytes()),
    ];
    for (name, alphabet) in [("base64", &STANDARD), ("base64url", &URL_SAFE)] {
        for offset in 0..3 {
            forms.push((format!("{name}, {offset} bytes in"), base64_inside(alphabet, bytes, offset)));
        }
    }
    forms
}

/// What does not depend on the neighbours of the value in the base64 of something that holds it so many bytes (modulo
/// 3) in.
fn base64_inside(alphabet: &Alphabet, value: &[u8], offset: usize) -> Vec<u8> {
    let mut padded = vec![0; offset];
    padded.extend(value);
    let text = GeneralPurpose::new(alphabet, NO_PAD).encode(&padded);
    // Characters of 6 bits: those that share bits with what comes before or after are not the value's own.
    let first = (offset * 8).div_ceil(6);
    let end = padded.len() * 8 / 6;
    text.as_bytes()[first..end].to_vec()
}

/// JSON's escapes, and besides them those that `further` makes of a UTF-16 unit.
fn json(value: &str, further: impl Fn(u16) -> Option<String>) -> String {
    let mut text = String::new();
    for character in value.chars() {
        let mut units = [0; 2];
        let units = character.encode_utf16(&mut units);
        let escaped: Option<Vec<String>> = units.iter().map(|unit| further(*unit)).collect();
        match (escaped, character) {
            (Some(escaped), _) => text.extend(escaped),
            (None, '"') => text.push_str("\\\""),
            (None, '\\') => text.push_str("\\\\"),
            (None, '\n') => text.push_str("\\n"),
            (None, '\t') => text.push_str("\\t"),
            (None, other) => text.push(other),
        }
    }
    text
}

/// `2f6a` as `%2f%6a`.
fn pairs(hex: &str, sign: &str) -> String {
    let digits: Vec<char> = hex.chars().collect();
    digits.chunks(2).flat_map(|pair| sign.chars().chain(pair.iter().copied())).collect()
}

/// Escapes with lower-case digits, and the rest as it is.
fn lower_escapes(escaped: &str) -> String {
    let mut parts = escaped.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let (digits, rest) = part.split_at(part.len().min(2));
        format!("{text}%{}{rest}", digits.to_lowercase())
    })
}
