//! t
use plenum_sim::*;
use std::time::Duration;
#[test]
fn first() {
    let (mut w, p) = World::connected(3, Media::camera());
    println!("connected after {:?}", w.elapsed());
    w.run_for(Duration::from_secs(10));
    println!("{:?}", w.events());
    println!("{:?}", w.engine().counters());
    let _ = p;
    println!("{:x}", w.finish());
}
