//! Makes the manual of the library of its header, whose text is that of the doc comments under `src/ffi/`:
//!
//!     manual man HEADER FOLDER         manual pages, below man3, man5 and man7
//!     manual html HEADER FOLDER        the same as HTML
//!     manual examples HEADER FILE      a C program of the examples that are written here and not in the header
//!
//! It needs nothing but the compiler, so that `make man` is quick and works wherever the library can be built.
//! SOURCE_DATE_EPOCH, in seconds, is the day that the pages bear; otherwise it is today.

mod errors;
mod example;
mod function;
mod header;
mod html;
mod man;
mod roff;
mod text;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [what, header, place] = &arguments[..] else {
        return Err(io::Error::other("usage: manual man|html|examples HEADER FOLDER"));
    };
    let header = header::Header::parse(&fs::read_to_string(header)?);
    let functions = function::Function::all(&header);
    match what.as_str() {
        "man" => write_all(Path::new(place), man::Manual { header: &header, functions, date: &date() }.pages()),
        "html" => write_all(Path::new(place), html::Site { header: &header, functions }.pages()),
        "examples" => fs::write(place, example::program(&functions)),
        _ => Err(io::Error::other(format!("what is {what}?"))),
    }
}

/// Leaves no page of a function that is gone. Another process may do the same at the same time, so each page is put in
/// place whole, and nothing is taken away that is to be there.
fn write_all(folder: &Path, pages: Vec<(String, String)>) -> io::Result<()> {
    let (mut written, mut folders) = (BTreeSet::new(), BTreeSet::new());
    for (name, text) in pages {
        let path = folder.join(name);
        let parent = path.parent().expect("a page stands in a folder").to_owned();
        fs::create_dir_all(&parent)?;
        let part = path.with_extension(format!("{PART}{}", std::process::id()));
        fs::write(&part, text)?;
        fs::rename(&part, &path)?;
        written.insert(path);
        folders.insert(parent);
    }
    for folder in folders {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let is_part = path.extension().is_some_and(|extension| extension.to_string_lossy().starts_with(PART));
            if path.is_file() && !is_part && !written.contains(&path) {
                let _ = fs::remove_file(path); // an error: the other process was first
            }
        }
    }
    Ok(())
}

/// How the extension of a page begins that is not in place yet.
const PART: &str = "part";

/// As `2026-11-30`, in UTC.
fn date() -> String {
    let given = env::var("SOURCE_DATE_EPOCH").ok().and_then(|seconds| seconds.parse().ok());
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let days = i64::try_from(given.unwrap_or_else(now) / 86_400).expect("u64's seconds are fewer days than that");
    // Howard Hinnant's "days from civil", the other way round: years begin in March, eras have 400 of them.
    let from_march = days + 719_468;
    let (era, day) = (from_march / 146_097, from_march % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    format!("{:04}-{month:02}-{day:02}", era * 400 + year + i64::from(month <= 2))
}
