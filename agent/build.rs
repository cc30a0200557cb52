//! The corpus and the web chat are embedded: build again when they change.

fn main() {
    // A fresh clone has no page yet; the program then serves none.
    std::fs::create_dir_all("../webchat/dist").expect("the project's folder can be written");
    println!("cargo:rerun-if-changed=../corpus");
    println!("cargo:rerun-if-changed=../webchat/dist");
}
