//! Headers, and what is none: each whole, with a request behind it, and cut at every byte.

use super::{Missing, ProxyHeaderFault, read};

/// What a row comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    /// A header, all of it, and the client that it tells of.
    Client(&'static str),
    /// A header, all of it, after which the connection's own addresses count.
    Own,
    /// The beginning of one.
    Half,
    /// No header: which fault, and how many bytes decide it.
    No(ProxyHeaderFault, usize),
}

use Is::{Client, Half, No, Own};
use ProxyHeaderFault as Fault;

/// A header of version 2: its version and command, its family and transport, and what follows.
fn v2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    v2_of_length(command, family, block.len() as u16, block)
}

fn v2_of_length(command: u8, family: u8, length: u16, block: &[u8]) -> Vec<u8> {
    let fixed = [command, family];
    [b"\r\n\r\n\0\r\nQUIT\n", &fixed[..], &length.to_be_bytes(), block].concat()
}

const V4: [u8; 12] = [192, 0, 2, 1, 10, 0, 0, 1, 0x12, 0x67, 0, 80];

/// The documentation's 2001:db8::1, port 4711.
fn v6() -> Vec<u8> {
    let mut block = vec![0; 36];
    block[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    block[15] = 1;
    block[32..34].copy_from_slice(&4711_u16.to_be_bytes());
    block
}

fn mapped() -> Vec<u8> {
    let mut block = vec![0; 36];
    block[10..16].copy_from_slice(&[0xFF, 0xFF, 192, 0, 2, 1]);
    block[32..34].copy_from_slice(&4711_u16.to_be_bytes());
    block
}

/// The bytes up to and with the end of line that is in them.
fn line(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

fn lines() -> Vec<(Vec<u8>, Is)> {
    let longest4 = "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n";
    let full = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    let longest6 = format!("PROXY TCP6 {full} {full} 65535 65535\r\n");
    let longest = format!("PROXY UNKNOWN {full} {full} 65535 65535\r\n");
    assert_eq!([longest4.len(), longest6.len(), longest.len()], [56, 104, 107]);
    let too_long = longest.replace("\r\n", "0\r\n");
    let refused = |text: &str| (line(text), No(Fault::LineInvalid, text.len()));
    vec![
        (line("PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n"), Client("192.0.2.1:4711")),
        (line("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n"), Client("0.0.0.0:0")),
        (line(longest4), Client("255.255.255.255:65535")),
        (line("PROXY TCP6 2001:db8::1 ::1 4711 80\r\n"), Client("[2001:db8::1]:4711")),
        (line("PROXY TCP6 2001:DB8:0:0:0:0:0:1 ::1 1 80\r\n"), Client("[2001:db8::1]:1")),
        (line("PROXY TCP6 :: :: 1 80\r\n"), Client("[::]:1")),
        (line("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 80\r\n"), Client("192.0.2.1:1")),
        (line(&longest6), Client("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535")),
        (line("PROXY UNKNOWN\r\n"), Own),
        (line("PROXY UNKNOWN \r\n"), Own),
        (line("PROXY UNKNOWN 192.0.2.1 and \r whatever \n\r\n"), Own),
        (line(&longest), Own),
        // Every byte before the first end of line is the header's.
        (b"PROXY UNKNOWN \xFF\0\r\n".to_vec(), Own),
        (line(&too_long), No(Fault::LineTooLong, 107)),
        ([&b"PROXY TCP4 "[..], &[b'1'; 200]].concat(), No(Fault::LineTooLong, 107)),
        refused("PROXY UNKNOWNS\r\n"),
        refused("PROXY \r\n"),
        refused("PROXY TCP4\r\n"),
        refused("PROXY TCP5 192.0.2.1 10.0.0.1 4711 80\r\n"),
        refused("PROXY tcp4 192.0.2.1 10.0.0.1 4711 80\r\n"),
        refused("PROXY UDP4 192.0.2.1 10.0.0.1 4711 80\r\n"),
        refused("PROXY  TCP4 192.0.2.1 10.0.0.1 4711 80\r\n"),
        refused("PROXY TCP4  192.0.2.1 10.0.0.1 4711 80\r\n"),
        refused("PROXY TCP4\t192.0.2.1 10.0.0.1 4711 80\r\n"),
        refused("PROXY TCP4 192.0.2.1 10.0.0.1 4711\r\n"),
        refused("PROXY TCP4 192.0.2.1 10.0.0.1 4711 80 \r\n"),
        refused("PROXY TCP4 192.0.2.1 10.0.0.1 4711 80 1\r\n"),
        refused("PROXY TCP4 192.0.2.1 4711 80\r\n"),
        refused("PROXY TCP4 2001:db8::1 ::1 4711 80\r\n"),
        refused("PROXY TCP6 192.0.2.1 10.0.0.1 4711 80\r\n"),
        refused("PROXY TCP4 192.0.2.1 ::1 4711 80\r\n"),
        refused("PROXY TCP4 192.0.2.256 10.0.0.1 4711 80\r\n"),
        refused("PROXY TCP4 192.0.2.01 10.0.0.1 4711 80\r\n"),
        refused("PROXY TCP4 192.0.513 10.0.0.1 4711 80\r\n"),
        refused("PROXY TCP4 0xC0.0.2.1 10.0.0.1 4711 80\r\n"),
        refused("PROXY TCP4 localhost 10.0.0.1 4711 80\r\n"),
        refused("PROXY TCP6 fe80::1%1 ::1 4711 80\r\n"),
        refused("PROXY TCP6 [2001:db8::1] ::1 4711 80\r\n"),
        refused("PROXY TCP6 1::2::3 ::1 4711 80\r\n"),
        refused("PROXY TCP6 00001::2 ::1 4711 80\r\n"),
        refused("PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 4711 80\r\n"),
        refused("PROXY TCP4 192.0.2.1 10.0.0.1 04711 80\r\n"),
        refused("PROXY TCP4 192.0.2.1 10.0.0.1 00 80\r\n"),
        refused("PROXY TCP4 192.0.2.1 10.0.0.1 +4711 80\r\n"),
        refused("PROXY TCP4 192.0.2.1 10.0.0.1 -1 80\r\n"),
        refused("PROXY TCP4 192.0.2.1 10.0.0.1 4711 65536\r\n"),
        refused("PROXY TCP4 192.0.2.1 10.0.0.1 99999 80\r\n"),
        refused("PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\n\r\n"),
        refused("PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\r\n"),
        // A line that ends otherwise may still be one whose end comes later, as far as it can be told.
        (line("PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\n"), Half),
        (line("PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r"), Half),
        (line(""), Half),
        (line("P"), Half),
        (line("PROXY"), Half),
        (line("PROXY TCP4 192.0.2.1"), Half),
        // What is not one at all.
        (line("PROXY\r\n"), No(Fault::NoHeader, 6)),
        (line("PROXYTCP4 192.0.2.1 10.0.0.1 4711 80\r\n"), No(Fault::NoHeader, 6)),
        (line("PUT / HTTP/1.1\r\nHost: a\r\n\r\n"), No(Fault::NoHeader, 2)),
        (line("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), No(Fault::NoHeader, 1)),
        (line("proxy TCP4 192.0.2.1 10.0.0.1 4711 80\r\n"), No(Fault::NoHeader, 1)),
        (line(" PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n"), No(Fault::NoHeader, 1)),
        (line("\nPROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n"), No(Fault::NoHeader, 1)),
        (line("\r\nPROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n"), No(Fault::NoHeader, 3)),
        (line("\x16\x03\x01\x02\0\x01"), No(Fault::NoHeader, 1)),
    ]
}

fn blocks() -> Vec<(Vec<u8>, Is)> {
    let addition =
        |kind: u8, value: &[u8]| [&[kind], &(value.len() as u16).to_be_bytes()[..], value].concat();
    let with = |addresses: &[u8], additions: &[u8]| [addresses, additions].concat();
    let authority = addition(0x02, b"example.org");
    let tls =
        addition(0x20, &[1, 0, 0, 0, 0, 0x21, 0, 7, b'T', b'L', b'S', b'v', b'1', b'.', b'3']);
    let fills = addition(0x04, &[0; 4096 - 16 - 12 - 3]);
    let client4 = Client("192.0.2.1:4711");
    vec![
        (v2(0x21, 0x11, &V4), client4),
        (v2(0x21, 0x21, &v6()), Client("[2001:db8::1]:4711")),
        (v2(0x21, 0x21, &mapped()), Client("192.0.2.1:4711")),
        (v2(0x21, 0x11, &with(&V4, &authority)), client4),
        (v2(0x21, 0x11, &with(&V4, &with(&authority, &tls))), client4),
        (v2(0x21, 0x11, &with(&V4, &addition(0x04, b""))), client4),
        (v2(0x21, 0x11, &with(&V4, &fills)), client4),
        (v2(0x21, 0x21, &with(&v6(), &tls)), Client("[2001:db8::1]:4711")),
        // The connection's own addresses count.
        (v2(0x20, 0x00, b""), Own),
        (v2(0x20, 0x11, &V4), Own),
        (v2(0x20, 0x11, b"short"), Own),
        (v2(0x20, 0xFF, b"whatever"), Own),
        (v2(0x21, 0x00, b""), Own),
        (v2(0x21, 0x00, b"whatever"), Own),
        (v2(0x21, 0x01, b""), Own),
        (v2(0x21, 0x10, &V4), Own),
        (v2(0x21, 0x12, &V4), Own),
        (v2(0x21, 0x22, &v6()), Own),
        (v2(0x21, 0x31, &[b'/'; 216]), Own),
        (v2(0x21, 0x32, &[0; 216]), Own),
        // What is none.
        (v2(0x11, 0x11, &V4), No(Fault::VersionUnknown, 13)),
        (v2(0x31, 0x11, &V4), No(Fault::VersionUnknown, 13)),
        (v2(0x01, 0x11, &V4), No(Fault::VersionUnknown, 13)),
        (v2(0x22, 0x11, &V4), No(Fault::CommandUnknown, 13)),
        (v2(0x2F, 0x11, &V4), No(Fault::CommandUnknown, 13)),
        (v2(0x21, 0x41, &V4), No(Fault::FamilyUnknown, 14)),
        (v2(0x21, 0xF1, &V4), No(Fault::FamilyUnknown, 14)),
        (v2(0x21, 0x13, &V4), No(Fault::FamilyUnknown, 14)),
        (v2(0x21, 0x0F, b""), No(Fault::FamilyUnknown, 14)),
        (v2(0x21, 0x11, &V4[..11]), No(Fault::AddressesMissing, 16)),
        (v2(0x21, 0x12, &V4[..11]), No(Fault::AddressesMissing, 16)),
        (v2(0x21, 0x11, b""), No(Fault::AddressesMissing, 16)),
        (v2(0x21, 0x21, &v6()[..35]), No(Fault::AddressesMissing, 16)),
        (v2(0x21, 0x31, &[0; 215]), No(Fault::AddressesMissing, 16)),
        (v2(0x21, 0x11, &with(&V4, &[4])), No(Fault::AdditionCut, 29)),
        (v2(0x21, 0x11, &with(&V4, &[4, 0])), No(Fault::AdditionCut, 30)),
        (v2(0x21, 0x11, &with(&V4, &[4, 0, 1])), No(Fault::AdditionCut, 31)),
        (v2(0x21, 0x12, &with(&V4, &[4, 1, 0, 0])), No(Fault::AdditionCut, 32)),
        (v2(0x21, 0x31, &with(&[0; 216], &[4, 0, 1])), No(Fault::AdditionCut, 235)),
        (v2_of_length(0x21, 0x11, 4081, &[]), No(Fault::HeaderTooLong, 16)),
        (v2_of_length(0x20, 0x00, 0xFFFF, &[]), No(Fault::HeaderTooLong, 16)),
        (v2_of_length(0x21, 0x11, 4080, &V4), Half),
        (v2_of_length(0x20, 0x00, 1, &[]), Half),
        (b"\r\n\r\n\0\r\nQUIT\r".to_vec(), No(Fault::NoHeader, 12)),
        (b"\r\n\r\nPROXY".to_vec(), No(Fault::NoHeader, 5)),
        (b"\r\n\r\n\0\r\nQUIT\n".to_vec(), Half),
    ]
}

/// What these bytes come to, and how long the header in them is.
fn told(input: &[u8]) -> (Is, usize) {
    match read(input) {
        Ok(header) => match header.client {
            Some(client) => (Client(client.to_string().leak()), header.bytes),
            None => (Own, header.bytes),
        },
        Err(Missing::More) => (Half, 0),
        Err(Missing::Fault(fault)) => (No(fault, 0), 0),
    }
}

#[test]
fn each_row_is_what_it_is_whole_cut_and_with_more_behind_it() {
    let rows: Vec<_> = lines().into_iter().chain(blocks()).collect();
    assert!(rows.len() >= 100);
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for (row, is) in rows {
        let shown = row.escape_ascii();
        match is {
            Client(_) | Own => {
                assert_eq!(told(&row), (is, row.len()), "{shown}");
                for cut in 0..row.len() {
                    assert_eq!(told(&row[..cut]).0, Half, "{shown} cut at {cut}");
                }
                for behind in [&b"\r"[..], &request[..10], request, &row, &[0xFF; 9000]] {
                    let all = [&row, behind].concat();
                    assert_eq!(told(&all), (is, row.len()), "{shown} and more");
                }
            }
            Half => {
                for cut in 0..=row.len() {
                    assert_eq!(told(&row[..cut]).0, Half, "{shown} cut at {cut}");
                }
            }
            No(fault, decided) => {
                for cut in 0..=row.len() {
                    let expected = if cut < decided { Half } else { No(fault, 0) };
                    assert_eq!(told(&row[..cut]).0, expected, "{shown} cut at {cut}");
                }
                let all = [&row, &request[..]].concat();
                assert_eq!(told(&all).0, No(fault, 0), "{shown} and more");
            }
        }
    }
}
