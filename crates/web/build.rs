//! Nothing is built here: this only tells Cargo that a new file in these folders means a new crate.

fn main() {
    println!("cargo:rerun-if-changed=assets");
    println!("cargo:rerun-if-changed=pages");
    println!("cargo:rerun-if-changed=sdk");
}
