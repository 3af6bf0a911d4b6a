//! A corpus as one readable file: an input a line, with escapes for what is not printable ASCII,
//! as in a byte string of Rust's.

/// The lines for `inputs`: the shortest first, none twice, and none that is empty.
pub fn pack(inputs: impl IntoIterator<Item = Vec<u8>>) -> String {
    let mut inputs: Vec<Vec<u8>> = inputs.into_iter().filter(|input| !input.is_empty()).collect();
    inputs.sort_by_key(|input| (input.len(), input.clone()));
    inputs.dedup();
    inputs.iter().map(|input| format!("{}\n", input.escape_ascii())).collect()
}

/// The inputs of a packed corpus.
///
/// # Panics
/// If a line has an escape that [`pack`] does not write.
pub fn unpack(text: &str) -> Vec<Vec<u8>> {
    text.lines().map(|line| unescape(line).unwrap_or_else(|| panic!("no input: {line}"))).collect()
}

fn unescape(line: &str) -> Option<Vec<u8>> {
    let mut bytes = line.bytes();
    let mut input = Vec::new();
    while let Some(byte) = bytes.next() {
        input.push(match byte {
            b'\\' => match bytes.next()? {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'x' => {
                    let digits = [char::from(bytes.next()?), char::from(bytes.next()?)];
                    let [high, low] = digits.map(|digit| digit.to_digit(16));
                    u8::try_from(high? * 16 + low?).ok()?
                }
                mark @ (b'\\' | b'"' | b'\'') => mark,
                _ => return None,
            },
            _ => byte,
        });
    }
    Some(input)
}
