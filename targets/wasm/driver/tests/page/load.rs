//! Whether the page starts, and what it says when it cannot.

use larder_web_driver::serve::Server;
use larder_web_driver::shots::DESKTOP;

use crate::visit::*;

/// How many servers are asked, each for the first time.
const SERVERS: usize = 20;

/// A first load opens several connections at once, to a server that has answered nobody before.
pub fn twenty_fresh_servers_in_a_row_are_loaded_at_once(stage: &Stage) {
    for at in 0..SERVERS {
        let server = Server::start(&site(), 0).unwrap();
        let page = stage.browser.open(&server.url, DESKTOP);
        let page = page.unwrap_or_else(|error| panic!("server {at}: {error:#}"));
        Visit(page).leave();
    }
}
