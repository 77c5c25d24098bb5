//! A Chromium without a window.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use headless_chrome::browser::tab::Tab;
use headless_chrome::protocol::cdp::types::Event;
use headless_chrome::protocol::cdp::{Emulation, Log, Page as PageEvents, Performance, Runtime};
use headless_chrome::{Browser as Chrome, LaunchOptions};
use serde_json::Value;

/// How long the page may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often the browser is started, at most.
const STARTS: usize = 3;
/// What is true of a page that can be used.
const READY: &str = "globalThis.demo?.ready === true";

pub struct Browser(Chrome);

/// How a visitor sees the page.
#[derive(Clone, Copy)]
pub struct Look {
    pub width: u32,
    pub height: u32,
    /// Device pixels of one of the page's.
    pub density: f64,
    pub dark: bool,
    pub phone: bool,
}

impl Browser {
    pub fn start(program: &Path) -> Result<Self> {
        let arguments = [
            "--disable-gpu",
            "--disable-quic",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--force-color-profile=srgb",
        ];
        let options = LaunchOptions::default_builder()
            .path(Some(program.to_owned()))
            .sandbox(false)
            .idle_browser_timeout(Duration::from_secs(600))
            .args(arguments.iter().map(OsStr::new).collect())
            .build()?;
        // On a busy machine it can miss the time that it has for its first word.
        let mut started = Chrome::new(options.clone());
        for _ in 1..STARTS {
            started = started.or_else(|_| Chrome::new(options.clone()));
        }
        Ok(Self(started.with_context(|| format!("{} can't be started", program.display()))?))
    }

    /// Opens the demo and waits until it is ready.
    pub fn open(&self, url: &str, look: Look) -> Result<Page> {
        let page = self.go(url, look)?;
        if !page.becomes(READY, PATIENCE) {
            bail!("{url} does not become ready; complaints: {:?}", page.complaints());
        }
        Ok(page)
    }

    /// Opens a page and waits for nothing. It shares no cache and no storage with any other page.
    pub fn go(&self, url: &str, look: Look) -> Result<Page> {
        let tab = self.0.new_context()?.new_tab()?;
        tab.set_default_timeout(PATIENCE);
        let page = Page { complaints: listen(&tab)?, tab };
        page.look(look)?;
        let clock = Some(Performance::EnableTime_domainOption::ThreadTicks);
        page.tab.call_method(Performance::Enable { time_domain: clock })?;
        page.tab.navigate_to(url)?;
        Ok(page)
    }
}

/// An open page.
pub struct Page {
    tab: Arc<Tab>,
    complaints: Arc<Mutex<Vec<String>>>,
}

/// Collects what the page complains about: errors and warnings on its console, exceptions, failed requests.
fn listen(tab: &Tab) -> Result<Arc<Mutex<Vec<String>>>> {
    let complaints = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&complaints);
    tab.enable_log()?;
    tab.enable_runtime()?;
    tab.add_event_listener(Arc::new(move |event: &Event| {
        if let Some(complaint) = complaint(event) {
            heard.lock().expect("nobody panics with it").push(complaint);
        }
    }))?;
    Ok(complaints)
}

fn complaint(event: &Event) -> Option<String> {
    match event {
        Event::RuntimeExceptionThrown(event) => {
            let details = &event.params.exception_details;
            let exception = details.exception.as_ref().and_then(|object| object.description.clone());
            Some(format!("exception: {} {}", details.text, exception.unwrap_or_default()))
        }
        Event::RuntimeConsoleAPICalled(event) => {
            use Runtime::ConsoleAPICalledEventTypeOption::{Assert, Error, Warning};
            let is_bad = matches!(event.params.Type, Error | Warning | Assert);
            is_bad.then(|| format!("console: {:?}", event.params.args.iter().map(|arg| &arg.value).collect::<Vec<_>>()))
        }
        Event::LogEntryAdded(event) => {
            let entry = &event.params.entry;
            let is_bad = matches!(entry.level, Log::LogEntryLevel::Error | Log::LogEntryLevel::Warning);
            is_bad.then(|| format!("log: {} {}", entry.text, entry.url.clone().unwrap_or_default()))
        }
        _ => None,
    }
}

impl Drop for Page {
    /// A page goes on with its work until it is closed, and takes time from the next one.
    fn drop(&mut self) {
        // It may be closed already, or the browser gone: then there is nothing to end.
        let _ = self.tab.close(false);
    }
}

impl Page {
    /// What the page has complained about so far.
    pub fn complaints(&self) -> Vec<String> {
        self.complaints.lock().expect("nobody panics with it").clone()
    }

    /// What a script gives; it may wait for a promise.
    pub fn evaluate(&self, script: &str) -> Result<Value> {
        // As text, because objects come without their contents.
        let script = format!("(async () => JSON.stringify(await (async () => {{ {script} }})()) ?? 'null')()");
        let object = self.tab.evaluate(&script, true).with_context(|| script.clone())?;
        let Some(Value::String(text)) = object.value else { bail!("no value from {script}: {:?}", object.description) };
        Ok(serde_json::from_str(&text)?)
    }

    /// Waits until an expression is true.
    pub fn wait_for(&self, expression: &str) -> Result<()> {
        if !self.becomes(expression, PATIENCE) {
            bail!("in vain: {expression}; complaints: {:?}", self.complaints());
        }
        Ok(())
    }

    /// Whether an expression becomes true in time.
    fn becomes(&self, expression: &str, patience: Duration) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < patience {
            // A page that is still on its way can't answer.
            if self.evaluate(&format!("return Boolean({expression});")).ok() == Some(Value::Bool(true)) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        false
    }

    /// Clicks where an element is, as a mouse would.
    pub fn click(&self, selector: &str) -> Result<()> {
        let element = self.tab.wait_for_element(selector)?;
        element.scroll_into_view()?;
        element.click()?;
        Ok(())
    }

    pub fn press(&self, key: &str) -> Result<()> {
        self.tab.press_key(key)?;
        Ok(())
    }

    /// Moves the mouse to a point of the page's visible part.
    pub fn point(&self, x: f64, y: f64) -> Result<()> {
        self.tab.move_mouse_to_point(headless_chrome::browser::tab::point::Point { x, y })?;
        Ok(())
    }

    pub fn look(&self, look: Look) -> Result<()> {
        self.tab.call_method(Emulation::SetDeviceMetricsOverride {
            width: look.width,
            height: look.height,
            device_scale_factor: look.density,
            mobile: look.phone,
            scale: None,
            screen_width: None,
            screen_height: None,
            position_x: None,
            position_y: None,
            dont_set_visible_size: None,
            screen_orientation: None,
            viewport: None,
            display_feature: None,
            device_posture: None,
        })?;
        self.prefer("prefers-color-scheme", if look.dark { "dark" } else { "light" })
    }

    /// What the visitor's system says of a media feature.
    pub fn prefer(&self, feature: &str, value: &str) -> Result<()> {
        let feature = Emulation::MediaFeature { name: feature.into(), value: value.into() };
        self.tab.call_method(Emulation::SetEmulatedMedia { media: None, features: Some(vec![feature]) })?;
        Ok(())
    }

    /// Processor time that the page's own thread has had so far.
    pub fn thread_seconds(&self) -> Result<f64> {
        let metrics = self.tab.call_method(Performance::GetMetrics(None))?.metrics;
        let metric = metrics.iter().find(|metric| metric.name == "TaskDuration");
        Ok(metric.context("Chromium measures no TaskDuration")?.value)
    }

    /// A picture of the visible part.
    pub fn shoot(&self) -> Result<Vec<u8>> {
        self.tab.capture_screenshot(PageEvents::CaptureScreenshotFormatOption::Png, None, None, true)
    }
}
