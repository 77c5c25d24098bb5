//~ the arena is too small: a heap needs at least 1 KiB

static HEAP: larder::Heap<1016> = larder::Heap::new();

fn main() {}
