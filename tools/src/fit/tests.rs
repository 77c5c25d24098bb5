use super::*;

fn trace(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../benches/traces").join(name)
}

fn fit(seconds: u64, stop: bool) -> Fit {
    let arguments = Arguments {
        traces: vec![trace("synthetic-small.trace")],
        validate: vec![trace("synthetic-firmware.trace")],
        seconds,
        margin_percent: 0,
        larder: None,
        options: Options::default(),
    };
    run(&arguments, &AtomicBool::new(stop)).unwrap()
}

/// The proposal passes what it was fitted to, in a static heap, and needs no more than the default.
#[test]
fn a_fit_is_no_worse_than_the_default_and_says_how_it_does_elsewhere() {
    let found = fit(20, false);
    assert!(found.traces[0].passes && found.arena_bytes <= found.default_bytes + 1024, "{found:?}");
    assert!(found.tried > 1 && !found.interrupted);
    assert!(found.validated[0].fitted_bytes.is_some());
    let text = found.text();
    assert!(text.contains("impl larder::Config for Fitted") && text.contains("not fitted to"), "{text}");
}

#[test]
fn an_interrupt_keeps_the_best_so_far() {
    let found = fit(1000, true);
    assert!(found.interrupted && found.tried == 1);
    assert_eq!(found.config, Candidate::default_config());
}
