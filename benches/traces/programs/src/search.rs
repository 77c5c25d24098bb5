//! Search: regular expressions, shortest paths.

use crate::inputs::{self, Random};
use crate::recorded;
use petgraph::algo::{astar, kosaraju_scc, min_spanning_tree};
use petgraph::data::FromElements;
use petgraph::graph::{NodeIndex, UnGraph};
use std::collections::{BTreeMap, BinaryHeap, HashMap};

const PATTERNS: &[&str] = &[
    r"(?i)(sensor|valve)-(\d{1,4})",
    r"^(?<key>[a-z_]+)\s*=\s*(?<value>.+)$",
    r"\b(interrupt|overflow|reset)\b.*\b(watchdog|radio)\b",
    r"[[:alpha:]]{3,12}\s+of\s+the",
    r"(a|b|c|d)*e(f|g)+h?",
    r"https?://([a-z0-9.-]+)(/[^\s]*)?",
];

/// regex: patterns compiled, a log searched and rewritten line by line.
pub fn regex() {
    let text = inputs::markdown(&mut Random::new(21), 25);
    recorded(|| {
        let mut found: BTreeMap<String, u32> = BTreeMap::new();
        let mut rewritten = Vec::new();
        for pattern in PATTERNS {
            let regex = regex::Regex::new(pattern).unwrap();
            for line in text.lines() {
                for captures in regex.captures_iter(line) {
                    *found.entry(captures[0].to_owned()).or_default() += 1;
                }
                if regex.is_match(line) {
                    rewritten.push(regex.replace_all(line, "<$1>").into_owned());
                }
            }
        }
        (found, rewritten)
    });
}

/// petgraph: routes over a network of nodes, components, a spanning tree, and a search of our own.
pub fn graph() {
    let random = &mut Random::new(22);
    recorded(|| {
        let mut network: UnGraph<String, u32> = UnGraph::new_undirected();
        for node in 0..700 {
            network.add_node(format!("{}-{node}", inputs::word(random)));
            for _ in 0..random.range(1, 4) {
                network.add_edge(
                    NodeIndex::new(node),
                    NodeIndex::new(random.below(node as u32 + 1) as usize),
                    random.range(1, 99),
                );
            }
        }
        let mut routes = Vec::new();
        for _ in 0..40 {
            let (from, to) = (random.below(700), random.below(700));
            routes.extend(astar(&network, from.into(), |node| node == to.into(), |edge| *edge.weight(), |_| 0));
        }
        let tree: UnGraph<String, u32> = UnGraph::from_elements(min_spanning_tree(&network));
        network.retain_nodes(|graph, node| graph[node].len() % 4 != 0);
        let components = kosaraju_scc(&network);
        (routes, tree.edge_count(), components.len(), puzzle())
    });
}

/// The eight-puzzle by best-first search: a map and a heap of small vectors.
fn puzzle() -> usize {
    let start = vec![8u8, 6, 7, 2, 5, 4, 3, 0, 1];
    let mut seen: HashMap<Vec<u8>, u32, core::hash::BuildHasherDefault<std::hash::DefaultHasher>> = HashMap::default();
    let mut open = BinaryHeap::from([(0i32, start.clone())]);
    seen.insert(start, 0);
    while let Some((_, board)) = open.pop() {
        let steps = seen[&board];
        let wrong = (0..9).filter(|&at| board[at] != 0 && usize::from(board[at]) != at + 1).count();
        if wrong == 0 || seen.len() > 4000 {
            break;
        }
        let hole = board.iter().position(|&tile| tile == 0).unwrap();
        for neighbour in [hole.wrapping_sub(3), hole + 3, hole.wrapping_sub(1), hole + 1] {
            let same_row = neighbour / 3 == hole / 3 || neighbour % 3 == hole % 3;
            if neighbour < 9 && same_row {
                let mut next = board.clone();
                next.swap(hole, neighbour);
                if !seen.contains_key(&next) {
                    seen.insert(next.clone(), steps + 1);
                    open.push((-(steps as i32) - 3 * wrong as i32, next));
                }
            }
        }
    }
    seen.len()
}
