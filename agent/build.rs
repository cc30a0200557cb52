//! The corpus and the web chat are embedded: build again when they change.

fn main() {
    println!("cargo:rerun-if-changed=../corpus");
    println!("cargo:rerun-if-changed=../webchat/dist");
}
