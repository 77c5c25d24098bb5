//~ the arena is too large: a heap has at most 16 MiB

static HEAP: larder::Small<{ 16 * 1024 * 1024 + 1 }> = larder::Small::new();

fn main() {}
