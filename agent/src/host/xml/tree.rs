//! An element that can be changed and written again, for definitions that are made of others. It is read with
//! [`parse`](super::read::parse), whose bounds hold; prefixes of names stay as they were written.

use std::io;

use quick_xml::Writer;
use quick_xml::events::BytesText;
use roxmltree::Node;

use super::read::{ReadError, parse};

/// An element with its attributes, its own text and its children.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// Qualified name as written: `disk`, `libosinfo:os`.
    pub name: String,
    attributes: Vec<(String, String)>,
    /// Text directly inside, joined.
    pub text: String,
    /// Elements inside, in order.
    pub children: Vec<Element>,
}

impl Element {
    /// Reads one document.
    ///
    /// # Errors
    /// When it is malformed, incomplete, or larger than any definition.
    pub fn parse(xml: &str) -> Result<Self, ReadError> {
        Ok(Self::of(parse(xml)?.root_element()))
    }

    /// The same as was read, with the namespaces that it declares itself.
    pub fn of(node: Node<'_, '_>) -> Self {
        let qualified = |name: &str, namespace: Option<&str>| match namespace.and_then(|uri| node.lookup_prefix(uri)) {
            Some(prefix) if !prefix.is_empty() => format!("{prefix}:{name}"),
            _ => name.to_owned(),
        };
        let inherited = |uri: &str, prefix: Option<&str>| {
            let around = node.parent_element().into_iter().flat_map(|parent| parent.namespaces());
            around.into_iter().any(|known| known.uri() == uri && known.name() == prefix)
        };
        let declared = node.namespaces().filter(|own| own.name() != Some("xml") && !inherited(own.uri(), own.name()));
        let declared = declared.map(|own| {
            let name = own.name().map_or_else(|| "xmlns".to_owned(), |prefix| format!("xmlns:{prefix}"));
            (name, own.uri().to_owned())
        });
        let attributes = node.attributes().map(|own| (qualified(own.name(), own.namespace()), own.value().to_owned()));
        Self {
            name: qualified(node.tag_name().name(), node.tag_name().namespace()),
            attributes: declared.chain(attributes).collect(),
            text: node.children().filter(Node::is_text).filter_map(|text| text.text()).collect(),
            children: node.children().filter(Node::is_element).map(Self::of).collect(),
        }
    }

    /// An empty element.
    pub fn new(name: &str, attributes: &[(&str, &str)]) -> Self {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Self { name: name.to_owned(), attributes: attributes.iter().map(own).collect(), ..Self::default() }
    }

    /// Gives an attribute that value.
    pub fn set(&mut self, name: &str, value: &str) {
        match self.attributes.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.attributes.push((name.to_owned(), value.to_owned())),
        }
    }

    /// Takes an attribute away.
    pub fn unset(&mut self, name: &str) {
        self.attributes.retain(|(key, _)| key != name);
    }

    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first child of that name.
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Walks down: `at("os/type")`.
    pub fn at(&self, path: &str) -> Option<&Element> {
        path.split('/').try_fold(self, |element, name| element.child(name))
    }

    /// The trimmed text of the element at that path, when there is any.
    pub fn text_at(&self, path: &str) -> Option<&str> {
        self.at(path).map(|element| element.text.trim()).filter(|text| !text.is_empty())
    }

    /// Writes it.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
        let attributes = self.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let start = writer.create_element(self.name.as_str()).with_attributes(attributes);
        if self.children.is_empty() && self.text.trim().is_empty() {
            start.write_empty()?;
        } else if self.children.is_empty() {
            start.write_text_content(BytesText::new(&self.text))?;
        } else {
            start.write_inner_content(|w| self.children.iter().try_for_each(|child| child.write(w)))?;
        }
        Ok(())
    }
}
