//! Pictures of entities: a glyph by class on a colour by operating system.
//!
//! Drawn here, one bit per pixel, so that no image has to be shipped and a
//! picture is under a kilobyte in the contact list of two thousand machines.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use xmpp_parsers::sha1::{Digest, Sha1};

use super::entities::Class;

/// Width and height in pixels.
const SIZE: usize = 64;
/// Bytes of a row: a filter byte and one bit per pixel.
const ROW: usize = 1 + SIZE / 8;

/// A PNG picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Avatar {
    /// The file.
    pub png: Vec<u8>,
    /// Its SHA-1, by which clients know whether they have it (XEP-0153).
    pub hash: [u8; 20],
}

/// The pictures drawn so far, by class and colour.
type Drawn = BTreeMap<(Class, [u8; 3]), Arc<Avatar>>;

/// The picture of a class of entity with an operating system. Drawn once: there
/// are no more than there are colours.
pub fn avatar(class: Class, os: Option<&str>) -> Arc<Avatar> {
    static DRAWN: Mutex<Drawn> = Mutex::new(BTreeMap::new());
    let colour = colour(class, os);
    let mut drawn = DRAWN.lock();
    let avatar = drawn.entry((class, colour)).or_insert_with(|| {
        let png = png(colour, |x, y| glyph(class, x, y));
        let hash = Sha1::digest(&png).into();
        Arc::new(Avatar { png, hash })
    });
    Arc::clone(avatar)
}

fn colour(class: Class, os: Option<&str>) -> [u8; 3] {
    const SYSTEMS: [(&str, [u8; 3]); 12] = [
        ("debian", [0xA8, 0x00, 0x30]),
        ("ubuntu", [0xE9, 0x54, 0x20]),
        ("fedora", [0x3C, 0x6E, 0xB4]),
        ("centos", [0x93, 0x2A, 0x79]),
        ("rocky", [0x10, 0xB9, 0x81]),
        ("rhel", [0xC0, 0x10, 0x10]),
        ("suse", [0x4F, 0xA8, 0x20]),
        ("arch", [0x17, 0x93, 0xD1]),
        ("alpine", [0x0D, 0x59, 0x7F]),
        ("windows", [0x00, 0x67, 0xC0]),
        ("win", [0x00, 0x67, 0xC0]),
        ("bsd", [0x8B, 0x22, 0x22]),
    ];
    match class {
        Class::Desk => [0x2E, 0x5A, 0x88],
        Class::Hypervisor => [0x3A, 0x3F, 0x47],
        Class::Machine => {
            let os = os.unwrap_or_default().to_ascii_lowercase();
            let known = SYSTEMS.iter().find(|(name, _)| os.contains(name));
            known.map_or([0x5B, 0x6B, 0x7B], |(_, colour)| *colour)
        }
    }
}

/// Whether a pixel belongs to the glyph.
fn glyph(class: Class, x: usize, y: usize) -> bool {
    let inside = |left, top, right, bottom| (left..right).contains(&x) && (top..bottom).contains(&y);
    match class {
        // A screen on a foot.
        Class::Machine => {
            let screen = inside(12, 14, 52, 42) && !inside(16, 18, 48, 38);
            screen || inside(29, 42, 35, 48) || inside(22, 48, 42, 51)
        }
        // Three drawers with a lamp each.
        Class::Hypervisor => {
            [12, 27, 42].into_iter().any(|top| inside(12, top, 52, top + 11) && !inside(44, top + 4, 48, top + 7))
        }
        // A speech bubble.
        Class::Desk => {
            let bubble = inside(12, 14, 52, 42) && !inside(20, 22, 44, 25);
            let bubble = bubble && !inside(20, 30, 38, 33);
            let tail = (42..52).contains(&y) && (20..20 + (52 - y)).contains(&x);
            bubble || tail
        }
    }
}

/// A two-colour PNG: colour 0 is the ground, colour 1 white.
fn png(ground: [u8; 3], pixel: impl Fn(usize, usize) -> bool) -> Vec<u8> {
    let mut rows = Vec::with_capacity(SIZE * ROW);
    for y in 0..SIZE {
        rows.push(0);
        for byte in 0..SIZE / 8 {
            let bits = (0..8).fold(0, |bits, bit| bits << 1 | u8::from(pixel(byte * 8 + bit, y)));
            rows.push(bits);
        }
    }
    let size = (SIZE as u32).to_be_bytes();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    // One bit per pixel, palette, the only compression, filter and order there are.
    chunk(&mut file, b"IHDR", &[&size[..], &size, &[1, 3, 0, 0, 0]].concat());
    chunk(&mut file, b"PLTE", &[&ground[..], &[255; 3]].concat());
    chunk(&mut file, b"IDAT", &stored(&rows));
    chunk(&mut file, b"IEND", &[]);
    file
}

fn chunk(file: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    file.extend_from_slice(&(data.len() as u32).to_be_bytes());
    let begin = file.len();
    file.extend_from_slice(name);
    file.extend_from_slice(data);
    let sum = crc32(&file[begin..]);
    file.extend_from_slice(&sum.to_be_bytes());
}

/// A zlib stream of one stored block (RFC 1950, RFC 1951 §3.2.4).
fn stored(data: &[u8]) -> Vec<u8> {
    let len = (data.len() as u16).to_le_bytes();
    let mut out = vec![0x78, 0x01, 0x01, len[0], len[1], !len[0], !len[1]];
    out.extend_from_slice(data);
    let (a, b) = data.iter().fold((1u32, 0u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    out.extend_from_slice(&(b << 16 | a).to_be_bytes());
    out
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_small_valid_and_differ_by_class_and_system() {
        let debian = avatar(Class::Machine, Some("Debian GNU/Linux 12"));
        let host = avatar(Class::Hypervisor, None);
        assert!(debian.png.len() < 1000);
        assert_ne!(debian.hash, avatar(Class::Machine, Some("ubuntu")).hash);
        assert_ne!(debian.hash, host.hash);
        assert_eq!(debian, avatar(Class::Machine, Some("debian")));
        // The check value of CRC-32/ISO-HDLC, and the one Adler-32 of RFC 1950.
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(stored(b"Wikipedia")[16..], [0x11, 0xE6, 0x03, 0x98]);
    }
}
