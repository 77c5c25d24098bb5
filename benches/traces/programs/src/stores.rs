//! Stores: a transactional database in memory, a cache with eviction.

use crate::inputs::{self, Random};
use crate::recorded;
use redb::{ReadableDatabase, ReadableTable, TableDefinition};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

const SETTINGS: TableDefinition<&str, &[u8]> = TableDefinition::new("settings");
const SAMPLES: TableDefinition<u64, u32> = TableDefinition::new("samples");

/// redb: transactions over its in-memory backend.
pub fn redb() {
    let random = &mut Random::new(61);
    recorded(|| {
        let mut builder = redb::Database::builder();
        builder.set_cache_size(64 * 1024);
        let database = builder.create_with_backend(redb::backends::InMemoryBackend::new()).unwrap();
        for round in 0..12 {
            let transaction = database.begin_write().unwrap();
            {
                let mut settings = transaction.open_table(SETTINGS).unwrap();
                let mut samples = transaction.open_table(SAMPLES).unwrap();
                for step in 0..30 {
                    let key = format!("{}/{}", inputs::word(random), random.below(20));
                    let value = vec![round as u8; random.range(4, 200) as usize];
                    settings.insert(key.as_str(), value.as_slice()).unwrap();
                    samples.insert(round * 1000 + step, random.below(999)).unwrap();
                    samples.remove(u64::from(random.below(9000))).unwrap();
                }
            }
            transaction.commit().unwrap();
            let reader = database.begin_read().unwrap();
            let table = reader.open_table(SETTINGS).unwrap();
            let names: Vec<String> = table.iter().unwrap().map(|entry| entry.unwrap().0.value().to_owned()).collect();
            assert!(!names.is_empty());
        }
    });
}

/// A cache of documents: hash map, order of use, shared values, evicted by weight.
pub fn lru() {
    let random = &mut Random::new(62);
    recorded(|| {
        let mut cache = Cache::default();
        for _ in 0..12_000 {
            let key = format!("/{}/{}", inputs::word(random), random.skewed(8));
            if cache.get(&key).is_none() {
                let bytes = random.skewed(11) as usize;
                cache.put(key, vec![1; bytes].into());
            }
        }
        cache.entries.len()
    });
}

#[derive(Default)]
struct Cache {
    entries: HashMap<Rc<str>, (u64, Rc<[u8]>), core::hash::BuildHasherDefault<std::hash::DefaultHasher>>,
    by_use: BTreeMap<u64, Rc<str>>,
    clock: u64,
    weight_bytes: usize,
}

impl Cache {
    const LIMIT_BYTES: usize = 90_000;

    fn get(&mut self, key: &str) -> Option<Rc<[u8]>> {
        self.clock += 1;
        let (used, value) = self.entries.get_mut(key)?;
        let name = self.by_use.remove(used)?;
        *used = self.clock;
        self.by_use.insert(self.clock, name);
        Some(value.clone())
    }

    fn put(&mut self, key: String, value: Rc<[u8]>) {
        self.weight_bytes += value.len();
        while self.weight_bytes > Self::LIMIT_BYTES {
            let (_, oldest) = self.by_use.pop_first().expect("weight belongs to entries");
            let (_, gone) = self.entries.remove(&oldest).expect("both maps hold the same keys");
            self.weight_bytes -= gone.len();
        }
        let name: Rc<str> = key.into();
        self.by_use.insert(self.clock, name.clone());
        self.entries.insert(name, (self.clock, value));
    }
}
