//! Proves on the host itself whether anybody uses a volume.
//!
//! The mirror does not suffice: it knows no backing files, no kernels, no definition of the next start. So all of it is read
//! afresh: every domain live and as it will start, its snapshots, its saved state, every pool, every volume, and the headers
//! of images, since neither a definition nor libvirt tells what all of them stand on. What can't be read is told, as [`Unseen`].

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use roxmltree::Node;
use virt::connect::Connect;
use virt::domain::Domain;
use virt::error::ErrorNumber;
use virt::storage_pool::StoragePool;
use virt::storage_vol::StorageVol;
use virt::stream::Stream;

use super::fault::Fault;
use super::ops::XML_INACTIVE;
use super::read;
use crate::host::events::sys;
use crate::host::xml::image;
use crate::host::xml::read::{self as document, Asked, VolumeDef};
use crate::host::xml::uses::{self, Image, What};
use crate::host::{HostErrorKind, Unseen, Use, UsedAs, Uses};

/// Formats of which QEMU opens no other file.
const ALONE: [&str; 9] = ["raw", "iso", "luks", "vdi", "vpc", "vhdx", "dmg", "bochs", "dir"];
/// Longest chain of images that is followed.
const LONGEST: usize = 200;

/// Who uses that volume; asked for by its pool and name.
///
/// # Errors
/// When the host can't be listed at all, or there is no such volume.
pub fn of(connection: &Connect, pool: &str, name: &str) -> Result<Uses, Fault> {
    let mut search = Search::begin(connection, pool, name)?;
    search.machines()?;
    search.follow();
    Ok(search.told())
}

/// Where a file is on the disk, so that links and mounts of it are the same: device and number, or number of the device.
type Place = (u64, u64, u64);

/// A volume of an active pool.
struct Listed {
    pool: String,
    name: String,
    volume: StorageVol,
    definition: VolumeDef,
}

/// An image and a file that it needs.
struct Edge {
    image: String,
    file: String,
    role: UsedAs,
}

struct Search<'c> {
    connection: &'c Connect,
    /// The volume: its pools and names (several, when pools lie in one folder), and how its path is written.
    names: HashSet<(String, String)>,
    paths: Vec<String>,
    place: Option<Place>,
    /// Volumes of all active pools, by path.
    listed: Vec<Listed>,
    by_path: HashMap<String, usize>,
    /// Whose image a path is.
    owners: HashMap<String, String>,
    /// Which image stands on, or keeps its data in, which file.
    edges: Vec<Edge>,
    /// Images whose headers are still to be read, and their formats when known.
    open: Vec<(String, Option<String>)>,
    found: BTreeSet<Use>,
    unseen: BTreeSet<Unseen>,
    /// The driver has no files at all.
    imaginary: bool,
}

impl<'c> Search<'c> {
    /// Lists all pools, and finds the volume among them.
    fn begin(connection: &'c Connect, pool: &str, name: &str) -> Result<Self, Fault> {
        let mut search = Self {
            connection,
            names: HashSet::from([(pool.to_owned(), name.to_owned())]),
            paths: Vec::new(),
            place: None,
            listed: Vec::new(),
            by_path: HashMap::new(),
            owners: HashMap::new(),
            edges: Vec::new(),
            open: Vec::new(),
            found: BTreeSet::new(),
            unseen: BTreeSet::new(),
            imaginary: connection.driver_type()?.eq_ignore_ascii_case("TEST"),
        };
        let wanted = connection.lookup_storage_pool_by_name(pool)?;
        // A file that came without libvirt is listed only after this, and may stand on the volume.
        wanted.refresh(0)?;
        let volume = wanted.lookup_storage_vol_by_name(name)?;
        for path in [volume.path()?, volume.key()?] {
            search.know(&path);
        }
        search.place = search.paths.iter().find_map(|path| place(path).ok());
        let mut pools = Vec::new();
        for other in connection.list_all_storage_pools(0)? {
            let other_name = other.name()?;
            let seen = other_name == pool || other.is_active().is_ok_and(|active| active && other.refresh(0).is_ok());
            let listed =
                if seen { search.list(&other, &other_name) } else { Err(Fault::new(HostErrorKind::WrongState)) };
            if listed.is_err() {
                search.unseen.insert(Unseen::Pool(other_name.clone()));
            }
            pools.push((other_name, other));
        }
        search.same_files();
        for (other_name, other) in pools {
            search.pool(&other_name, &other);
        }
        search.volumes();
        Ok(search)
    }

    /// Notes one way in which the volume's path is written.
    fn know(&mut self, path: &str) {
        // QEMU's options have commas doubled.
        for path in [path.to_owned(), uses::tidy(path), path.replace(',', ",,")] {
            if !path.is_empty() && !self.paths.contains(&path) {
                self.paths.push(path);
            }
        }
    }

    fn list(&mut self, pool: &StoragePool, pool_name: &str) -> Result<(), Fault> {
        for volume in pool.list_all_volumes(0)? {
            let name = volume.name()?;
            let definition = match volume.xml_desc(0) {
                Ok(xml) => document::volume(&xml)?,
                // One that is deleted while we read is gone, which is no failure.
                Err(error) if read::is(&error, ErrorNumber::NoStorageVolume) => continue,
                Err(error) => return Err(error.into()),
            };
            let path = definition.path.clone().or_else(|| volume.path().ok()).unwrap_or_default();
            self.by_path.insert(path, self.listed.len());
            self.listed.push(Listed { pool: pool_name.to_owned(), name, volume, definition });
        }
        Ok(())
    }

    /// Two pools may have one folder: their volumes are the same files.
    fn same_files(&mut self) {
        let mut paths = Vec::new();
        for listed in &self.listed {
            let Some(path) = &listed.definition.path else { continue };
            if self.is_it(path) {
                self.names.insert((listed.pool.clone(), listed.name.clone()));
                paths.push(path.clone());
            }
        }
        for path in paths {
            self.know(&path);
        }
    }

    /// Whether a path is the volume.
    fn is_it(&self, path: &str) -> bool {
        let tidied = uses::tidy(path);
        if self.paths.contains(&tidied) {
            return true;
        }
        tidied.starts_with('/') && self.place.is_some() && place(&tidied).ok() == self.place
    }

    /// Whether a text of a definition names the volume.
    fn is_named(&self, text: &str) -> bool {
        self.paths.iter().any(|path| uses::names(text, path)) || text.starts_with('/') && self.is_it(text)
    }

    /// A pool that is made of the volume, or lies in it.
    fn pool(&mut self, name: &str, pool: &StoragePool) {
        let xml = pool.xml_desc(0).unwrap_or_default();
        let Ok(document) = document::parse(&xml) else {
            self.unseen.insert(Unseen::Pool(name.to_owned()));
            return;
        };
        let document = document.root_element();
        let target = document.text_at("target/path").unwrap_or_default();
        let inside = self.paths.iter().any(|path| Path::new(target).starts_with(path));
        let named = document.child("source").is_some_and(|source| {
            let mentions = uses::mentions(source);
            mentions.iter().any(|mention| matches!(mention.what, What::Text(text) if self.is_named(text)))
        });
        if inside || named {
            self.found.insert(Use::Pool(name.to_owned()));
        }
    }

    /// What volumes stand on, as libvirt says it; their headers say the rest.
    fn volumes(&mut self) {
        for listed in &self.listed {
            if self.names.contains(&(listed.pool.clone(), listed.name.clone())) {
                continue;
            }
            let VolumeDef { path, format, backing, backing_format, .. } = &listed.definition;
            let path = path.clone().unwrap_or_default();
            if let Some(backing) = backing {
                self.edges.push(Edge { image: path.clone(), file: backing.clone(), role: UsedAs::Backing });
                self.open.push((backing.clone(), backing_format.clone()));
            }
            self.open.push((path, format.clone()));
        }
    }

    /// All definitions: how machines run, how they will start, their snapshots and saved states.
    fn machines(&mut self) -> Result<(), Fault> {
        for domain in self.connection.list_all_domains(0)? {
            let Ok(name) = domain.name() else { continue };
            match self.machine(&domain, &name) {
                Ok(()) => {}
                // One that is gone meanwhile uses nothing.
                Err(fault) if fault.kind == HostErrorKind::NotFound => {}
                Err(fault) if fault.link_broke || fault.kind == HostErrorKind::Unreachable => return Err(fault),
                Err(_) => drop(self.unseen.insert(Unseen::Machine(name))),
            }
        }
        Ok(())
    }

    fn machine(&mut self, domain: &Domain, name: &str) -> Result<(), Fault> {
        for flags in [0, XML_INACTIVE] {
            let xml = domain.xml_desc(flags)?;
            let definition = document::parse(&xml)?;
            self.document(definition.root_element(), name, None);
            for image in uses::images(definition.root_element()) {
                self.image(name, image);
            }
        }
        let snapshots = match domain.list_all_snapshots(0) {
            Ok(snapshots) => snapshots,
            Err(error) if read::is(&error, ErrorNumber::NoSupport) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        for snapshot in snapshots {
            let xml = snapshot.xml_desc(0)?;
            let definition = document::parse(&xml)?;
            let definition = definition.root_element();
            let called = definition.text_at("name").unwrap_or_default().to_owned();
            self.document(definition, name, Some(&UsedAs::Snapshot(called)));
        }
        if domain.has_managed_save(0).unwrap_or(false) {
            let xml = sys::saved_xml(domain)?;
            self.document(document::parse(&xml)?.root_element(), name, Some(&UsedAs::Saved));
        }
        Ok(())
    }

    /// Looks through one document for the volume.
    fn document(&mut self, document: Node<'_, '_>, name: &str, role: Option<&UsedAs>) {
        for mention in uses::mentions(document) {
            let is_it = match mention.what {
                What::Volume(pool, volume) => self.names.contains(&(pool.to_owned(), volume.to_owned())),
                What::Text(text) => self.is_named(text),
            };
            if is_it {
                let role = role.cloned().unwrap_or(mention.role);
                self.found.insert(Use::Machine { name: name.to_owned(), role });
            }
        }
    }

    /// An image of a machine: whose it is, and whether its header must be read.
    fn image(&mut self, machine: &str, image: Image) {
        let path = match &image.volume {
            Some((pool, volume)) => {
                let listed = self.listed.iter().find(|listed| listed.pool == *pool && listed.name == *volume);
                match listed.and_then(|listed| listed.definition.path.clone()) {
                    Some(path) => path,
                    // A volume that is not there stands on nothing; one of a stopped pool is unseen with its pool.
                    None => return,
                }
            }
            None => uses::tidy(&image.path),
        };
        self.owners.entry(path.clone()).or_insert_with(|| machine.to_owned());
        if !image.chain_known {
            self.open.push((path, Some(image.format)));
        }
    }

    /// Reads the headers of all images that may stand on others, and of those on which they stand.
    fn follow(&mut self) {
        let mut seen = HashSet::new();
        while let Some((path, format)) = self.open.pop() {
            let alone = format.as_deref().is_some_and(|format| ALONE.contains(&format));
            // What is no path is on the network, where no file of a pool is.
            if alone || self.imaginary || !path.starts_with('/') || !seen.insert(path.clone()) || self.is_it(&path) {
                continue;
            }
            let header = match self.header(&path) {
                Ok(Some(header)) => header,
                Ok(None) => continue,
                Err(Unreadable) => {
                    self.unseen.insert(Unseen::Image(path));
                    continue;
                }
            };
            let Some(references) = image::references(&header) else {
                // Told to be qcow2 and none, it can't be opened; of other formats Atoll can't tell what they stand on.
                let harmless = matches!(format.as_deref(), Some("qcow2") | None) && !header.starts_with(b"QFI");
                if !harmless {
                    self.unseen.insert(Unseen::Image(path));
                }
                continue;
            };
            let named = [
                (references.backing, references.backing_format, UsedAs::Backing),
                (references.data, Some("raw".to_owned()), UsedAs::Data),
            ];
            for (file, format, role) in named {
                for file in file.into_iter().flat_map(|file| files(&path, &file)) {
                    self.edges.push(Edge { image: path.clone(), file: file.clone(), role: role.clone() });
                    self.open.push((file, format.clone()));
                }
            }
        }
    }

    /// The first bytes of an image; `None` when there is no such file.
    fn header(&self, path: &str) -> Result<Option<Vec<u8>>, Unreadable> {
        if let Some(at) = self.by_path.get(path) {
            return header(self.connection, &self.listed[*at].volume, image::REFERENCES)
                .map(Some)
                .map_err(|_| Unreadable);
        }
        // Outside of all pools only this machine's own files can be read, and only if libvirt's are this machine's.
        if self.place.is_none() {
            return Err(Unreadable);
        }
        match fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Ok(file) if file.is_file() || file.file_type().is_block_device() => {}
            _ => return Err(Unreadable),
        }
        let mut header = Vec::new();
        let file = fs::File::open(path).map_err(|_| Unreadable)?;
        file.take(image::REFERENCES).read_to_end(&mut header).map_err(|_| Unreadable)?;
        Ok(Some(header))
    }

    /// All that was found: whose chain an image is in is known only now.
    fn told(mut self) -> Uses {
        for edge in &self.edges {
            if !self.is_it(&edge.file) {
                continue;
            }
            if let Some(name) = self.owner(&edge.image) {
                self.found.insert(Use::Machine { name, role: edge.role.clone() });
            } else if let Some(at) = self.by_path.get(&edge.image) {
                let Listed { pool, name, .. } = &self.listed[*at];
                self.found.insert(Use::Volume { pool: pool.clone(), name: name.clone() });
            } else {
                self.unseen.insert(Unseen::Image(edge.image.clone()));
            }
        }
        // What a file is used as says more than that it is named somewhere.
        let mut by: Vec<Use> = self.found.into_iter().collect();
        by.sort_by_key(|used| matches!(used, Use::Machine { role: UsedAs::Other, .. }));
        Uses { by, unseen: self.unseen.into_iter().collect() }
    }

    /// The machine that an image belongs to, directly or through images that stand on it.
    fn owner(&self, image: &str) -> Option<String> {
        let mut layer = vec![uses::tidy(image)];
        let mut seen: HashSet<String> = HashSet::new();
        for _ in 0..LONGEST {
            if let Some(owner) = layer.iter().find_map(|path| self.owners.get(path)) {
                return Some(owner.clone());
            }
            let above = self.edges.iter().filter(|edge| layer.contains(&uses::tidy(&edge.file)));
            layer = above.map(|edge| edge.image.clone()).filter(|image| seen.insert(image.clone())).collect();
            if layer.is_empty() {
                break;
            }
        }
        None
    }
}

/// An image that can't be looked into.
struct Unreadable;

/// The files that an image's header means by a name: relative ones are beside the image, a `json:` text may have several.
fn files(image: &str, name: &str) -> Vec<String> {
    if let Some(json) = name.strip_prefix("json:") {
        let mut found = Vec::new();
        if let Ok(value) = serde_json::from_str(json) {
            strings(&value, &mut found);
        }
        // One that can't be read is kept as it is: it is on no pool, and told as unseen.
        return if found.is_empty() { vec![format!("/{name}")] } else { found };
    }
    let plain = name.strip_prefix("file:").unwrap_or(name);
    let path = Path::new(plain);
    if path.is_absolute() {
        return vec![uses::tidy(plain)];
    }
    // "nbd://…", "rbd:…": a protocol, and no file.
    if name.split_once(':').is_some_and(|(scheme, _)| !scheme.contains('/') && scheme != "file") {
        return Vec::new();
    }
    let folder = Path::new(image).parent().unwrap_or(Path::new("/"));
    vec![uses::tidy(&folder.join(path).to_string_lossy())]
}

/// The paths in a description of an image.
fn strings(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) if text.starts_with('/') => found.push(uses::tidy(text)),
        serde_json::Value::Array(list) => list.iter().for_each(|value| strings(value, found)),
        serde_json::Value::Object(map) => map.values().for_each(|value| strings(value, found)),
        _ => {}
    }
}

/// Where a file is. Links are followed, so a file has one place however it is named.
fn place(path: &str) -> std::io::Result<Place> {
    let file = fs::metadata(path)?;
    let special = file.file_type().is_block_device() || file.file_type().is_char_device();
    Ok(if special { (0, 0, file.rdev()) } else { (file.dev(), file.ino(), 0) })
}

/// The first bytes of a volume, through libvirt, so that it works for distant hosts too.
pub fn header(connection: &Connect, volume: &StorageVol, bytes: u64) -> Result<Vec<u8>, Fault> {
    let stream = Stream::new(connection, 0)?;
    volume.download(&stream, 0, bytes, 0)?;
    let mut header = Vec::new();
    let mut part = [0; 4096];
    loop {
        match stream.recv(&mut part)? {
            read if read > 0 => header.extend_from_slice(&part[..usize::try_from(read).unwrap_or(0)]),
            _ => break,
        }
    }
    stream.finish()?;
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_header_names_is_found_as_a_path() {
        for (name, expected) in [
            ("/pool/base.qcow2", vec!["/pool/base.qcow2"]),
            ("base.qcow2", vec!["/pool/sub/base.qcow2"]),
            ("file:/pool/base.qcow2", vec!["/pool/base.qcow2"]),
            ("nbd://10.0.0.1/x", vec![]),
            (r#"json:{"driver":"qcow2","file":{"driver":"file","filename":"/pool//b.qcow2"}}"#, vec!["/pool/b.qcow2"]),
            ("json:{broken", vec!["/json:{broken"]),
        ] {
            assert_eq!(files("/pool/sub/top.qcow2", name), expected, "{name}");
        }
    }
}
