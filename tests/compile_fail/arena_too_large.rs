//~ the arena is too large: a heap has at most 16 MiB

static HEAP: larder::Heap<{ 16 * 1024 * 1024 + 8 }> = larder::Heap::new();

fn main() {}
