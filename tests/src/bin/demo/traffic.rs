//! What the example answers slowly.

const PIECES: usize = 10;

/// All pieces and the end, from one release.
pub fn slow_release(body: &[u8]) -> Result<String, String> {
    let text = String::from_utf8_lossy(body);
    let lines: Vec<&str> = text.lines().collect();
    let Some((&"end", pieces)) = lines.split_last() else {
        return Err(format!("the slow answer broke off after {} pieces", lines.len()));
    };
    let release = pieces.first().and_then(|piece| piece.split(' ').next()).unwrap_or_default();
    if pieces.len() == PIECES && pieces.iter().all(|piece| piece.starts_with(release)) {
        Ok(release.to_owned())
    } else {
        Err(format!("the slow answer has {} pieces instead of {PIECES} of one release", pieces.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_counts_only_when_it_is_whole_and_of_one_release() {
        let pieces = |count: usize| (1..=count).map(|piece| format!("RA {piece} of 10\n")).collect::<Vec<_>>().concat();
        assert_eq!(slow_release(format!("{}end\n", pieces(10)).as_bytes()), Ok("RA".to_owned()));
        for text in [String::new(), "end\n".to_owned(), pieces(10), format!("{}end\n", pieces(9))] {
            assert!(slow_release(text.as_bytes()).is_err(), "{text}");
        }
        let mixed = format!("{}end\n", pieces(10)).replace("RA 7", "RB 7");
        assert!(slow_release(mixed.as_bytes()).is_err());
    }
}
