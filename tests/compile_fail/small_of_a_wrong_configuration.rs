//~ at most 64 pages can be kept

struct Wrong;

impl larder::Config for Wrong {
    const KEPT_PAGES: usize = 65;
}

static HEAP: larder::Small<4096, Wrong> = larder::Small::new();

fn main() {}
