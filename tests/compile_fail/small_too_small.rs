//~ the arena is too small: a heap needs at least 1 KiB

static HEAP: larder::Small<1023> = larder::Small::new();

fn main() {}
