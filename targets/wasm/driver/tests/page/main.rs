//! Drives a browser through the page as a visitor would. `cargo xtask test --only browser` builds the page, finds a browser, and says
//! where both are.
//!
//! | file | what it tests |
//! |---|---|
//! | `load` | that it starts, and what it says when it cannot |
//! | `cost` | its weight, its first paint, its frames |
//! | `work` | what it counts and draws of programs at work |
//! | `buttons` | what each button does, and what breaks other heaps |
//! | `race` | four allocators, the same calls |
//! | `reach` | keyboards, ears, pointers and phones |
//! | `looks` | colours, contrast, widths |

mod buttons;
mod cost;
mod load;
mod looks;
mod race;
mod reach;
mod visit;
mod work;

use std::process::ExitCode;

use larder_web_driver::browser::Browser;
use larder_web_driver::serve::Server;
use libtest_mimic::{Arguments, Trial};

use visit::{Stage, setting, site};

macro_rules! trials {
    ($stage:ident: $($file:ident: $($name:ident),*;)*) => {
        vec![$($({
            let stage = std::sync::Arc::clone(&$stage);
            Trial::test(stringify!($name), move || {
                $file::$name(&stage);
                Ok(())
            })
        }),*),*]
    };
}

fn main() -> ExitCode {
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    let stage = std::sync::Arc::new(Stage {
        server: Server::start(&site(), 0).expect("a port of localhost is free"),
        browser: Browser::start(&setting("LARDER_BROWSER")).unwrap_or_else(|error| panic!("{error:#}")),
    });
    let trials = trials![
        stage:
        load:
            twenty_fresh_servers_in_a_row_are_loaded_at_once,
            every_module_is_asked_for_at_once,
            a_page_that_cannot_start_says_why,
            a_page_that_waits_says_for_what_and_starts_when_it_has_come,
            a_race_that_cannot_start_says_why_and_lets_the_programs_go_on;
        cost:
            the_page_is_light_isolated_and_asks_nobody_else,
            programs_leave_time_for_the_frame,
            a_frame_at_16_mib_is_cheap;
        work:
            counters_move_while_programs_run_and_add_up_to_the_arena,
            fragmentation_grows_with_the_adversary_and_heals_without,
            pixels_are_what_the_heaps_walk_says,
            the_map_the_plots_and_the_table_follow_a_workload,
            the_sentence_and_the_cards_are_of_the_same_moment,
            the_maps_words_are_of_what_is_drawn,
            a_speed_that_is_not_reached_is_said,
            every_slider_changes_what_it_names,
            a_seed_makes_the_same_run_again,
            an_address_says_how_to_start;
        buttons:
            every_button_does_what_it_says,
            what_breaks_others_is_reported_and_the_heap_goes_on;
        race:
            the_race_runs_one_trace_on_four_allocators,
            programs_pause_while_the_race_runs,
            one_is_no_plural_and_none_is_no_number,
            the_race_stops_who_takes_too_long_and_says_so;
        reach:
            a_keyboard_is_enough,
            what_is_focused_is_seen,
            little_is_read_out_while_programs_run,
            pointing_at_a_page_says_what_it_holds,
            a_phones_bars_leave_the_view;
        looks:
            forced_colours_leave_the_maps,
            every_eye_tells_the_colours_apart,
            every_text_has_contrast,
            it_fits_every_width_in_light_and_dark;
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}
