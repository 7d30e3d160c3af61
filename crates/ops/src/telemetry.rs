//! Logs: one line per event on stderr, as text or JSON.
//!
//! The environment variables are those that operators of the reference signer know
//! (`signer-wire.md` section 8.1): `STACKS_LOG_DEBUG`, `STACKS_LOG_TRACE`, `STACKS_LOG_CRITONLY` and
//! `BLOCKSTACK_DEBUG` choose the level, `STACKS_LOG_JSON` the form; each counts if it is `1`.
//! `RUST_LOG` overrides the level with a filter of its own. `STACKS_LOG_PP` and
//! `STACKS_LOG_FORMAT_TIME` have no effect: times are RFC 3339 in UTC.

use std::env;
use std::fmt;
use std::io::{self, IsTerminal as _};
use std::sync::Arc;

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How to log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelemetryConfig {
    /// The form of a line.
    pub form: Form,
    /// Which events are logged, in the language of `RUST_LOG`.
    pub filter: String,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// For people; coloured on a terminal.
    #[default]
    Text,
    /// One JSON object, its fields at the top level.
    Json,
}

/// Why logging does not start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error(
        "the log filter `{filter}` is not understood; correct or unset RUST_LOG, or `log` of the table \
         [countersign]"
    )]
    Filter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// Somebody else installed a subscriber.
    #[error("logging was started twice")]
    Twice(#[source] tracing_subscriber::util::TryInitError),
}

impl Default for TelemetryConfig {
    /// Text, at the level `info`.
    fn default() -> Self {
        Self { form: Form::Text, filter: "info".to_owned() }
    }
}

impl TelemetryConfig {
    /// Reads the process environment.
    pub fn from_env() -> Self {
        Self::from_variables(|name| env::var(name).ok())
    }

    /// Reads an environment of the caller's.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let is_on = |name: &str| variable(name).is_some_and(|value| value == "1");
        let form = if is_on("STACKS_LOG_JSON") { Form::Json } else { Form::Text };
        let filter =
            variable("RUST_LOG").filter(|filter| !filter.is_empty()).unwrap_or_else(|| {
                // The prefix keeps our dependencies at `info`: one debug line per HTTP frame hides ours.
                let filter = if is_on("STACKS_LOG_TRACE") {
                    "info,countersign=trace"
                } else if is_on("STACKS_LOG_DEBUG") || is_on("BLOCKSTACK_DEBUG") {
                    "info,countersign=debug"
                } else if is_on("STACKS_LOG_CRITONLY") {
                    "error"
                } else {
                    "info"
                };
                filter.to_owned()
            });
        Self { form, filter }
    }
}

/// Changes what a running process logs. A clone is another handle to the same.
#[derive(Clone)]
pub struct LogFilter(Arc<dyn Fn(EnvFilter) + Send + Sync>);

impl LogFilter {
    /// Logs what `filter` lets through from now on, in the language of `RUST_LOG`.
    pub fn set(&self, filter: &str) -> Result<(), TelemetryError> {
        (self.0)(parse(filter)?);
        Ok(())
    }
}

impl fmt::Debug for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogFilter")
    }
}

/// Starts logging to stderr for the whole process. Call it once, before the first task.
pub fn init(config: &TelemetryConfig) -> Result<LogFilter, TelemetryError> {
    let is_terminal = io::stderr().is_terminal();
    let (subscriber, filter) = subscriber(config, io::stderr, is_terminal)?;
    subscriber.try_init().map_err(TelemetryError::Twice)?;
    Ok(filter)
}

/// Refuses a text that is no filter.
pub fn check_filter(filter: &str) -> Result<(), TelemetryError> {
    parse(filter).map(drop)
}

fn parse(filter: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::try_new(filter)
        .map_err(|source| TelemetryError::Filter { filter: filter.to_owned(), source })
}

type BoxedSubscriber = Box<dyn Subscriber + Send + Sync>;

fn subscriber<W>(
    config: &TelemetryConfig,
    writer: W,
    has_colour: bool,
) -> Result<(BoxedSubscriber, LogFilter), TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = parse(&config.filter)?;
    let (filter, handle) = reload::Layer::new(filter);
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        // The library would complain to stderr, and panic if that fails as well. A log on a full
        // disk, or a pipe whose reader has gone, must not end the process.
        .log_internal_errors(false)
        .with_ansi(has_colour && config.form == Form::Text);
    let subscriber: BoxedSubscriber = match config.form {
        Form::Text => Box::new(registry.with(lines)),
        Form::Json => Box::new(registry.with(lines.json().flatten_event(true))),
    };
    // It fails only where the subscriber is gone, and nothing is logged.
    let set = move |filter| drop(handle.reload(filter));
    Ok((subscriber, LogFilter(Arc::new(set))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::io;
    use std::sync::{Arc, Mutex};

    use super::{Form, TelemetryConfig, TelemetryError, subscriber};

    type Variables<'a> = &'a [(&'a str, &'a str)];

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(config: &TelemetryConfig) -> String {
        let page = Page::default();
        let writer = page.clone();
        let (subscriber, _) = subscriber(config, move || writer.clone(), false).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: "countersign_signerd", height = 7, "signed");
            tracing::debug!(target: "countersign_signerd", "a detail");
            tracing::debug!(target: "hyper", "a frame");
            tracing::error!(target: "countersign_signerd", "a human must act");
        });
        String::from_utf8(page.0.lock().unwrap().clone()).unwrap()
    }

    fn config(variables: Variables<'_>) -> TelemetryConfig {
        TelemetryConfig::from_variables(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn variables_choose_level_and_form() {
        let cases: [(Variables<'_>, &str, Form); 8] = [
            (&[], "info", Form::Text),
            (&[("STACKS_LOG_DEBUG", "1")], "info,countersign=debug", Form::Text),
            (&[("BLOCKSTACK_DEBUG", "1")], "info,countersign=debug", Form::Text),
            (&[("STACKS_LOG_DEBUG", "0")], "info", Form::Text),
            (
                &[("STACKS_LOG_TRACE", "1"), ("STACKS_LOG_DEBUG", "1")],
                "info,countersign=trace",
                Form::Text,
            ),
            (&[("STACKS_LOG_CRITONLY", "1"), ("STACKS_LOG_JSON", "1")], "error", Form::Json),
            (&[("RUST_LOG", "hyper=warn"), ("STACKS_LOG_TRACE", "1")], "hyper=warn", Form::Text),
            (&[("RUST_LOG", "")], "info", Form::Text),
        ];
        for (variables, filter, form) in cases {
            assert_eq!(
                config(variables),
                TelemetryConfig { form, filter: filter.to_owned() },
                "{variables:?}"
            );
        }
    }

    #[test]
    fn debug_shows_our_details_and_not_those_of_others() {
        let text = logged(&config(&[("STACKS_LOG_DEBUG", "1")]));
        assert!(text.contains("a detail") && !text.contains("a frame"), "{text}");
        let text = logged(&config(&[]));
        assert!(text.contains("signed height=7") && !text.contains("a detail"), "{text}");
        let text = logged(&config(&[("STACKS_LOG_CRITONLY", "1")]));
        assert!(text.contains("a human must act") && !text.contains("signed"), "{text}");
    }

    #[test]
    fn the_filter_can_be_changed_while_the_process_runs() {
        for form in [Form::Text, Form::Json] {
            let page = Page::default();
            let writer = page.clone();
            let quiet = TelemetryConfig { form, filter: "error".to_owned() };
            let (subscriber, filter) = subscriber(&quiet, move || writer.clone(), false).unwrap();
            tracing::subscriber::with_default(subscriber, || {
                tracing::info!("before");
                filter.set("countersign=loud=very").unwrap_err();
                tracing::info!("still before");
                filter.set("info").unwrap();
                tracing::info!("after");
            });
            let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
            assert!(text.contains("after") && !text.contains("before"), "{text}");
        }
    }

    #[test]
    fn json_lines_have_their_fields_at_the_top() {
        let text = logged(&config(&[("STACKS_LOG_JSON", "1")]));
        let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!((&first["message"], &first["height"]), (&"signed".into(), &7.into()));
        assert_eq!(text.lines().count(), 2);
    }

    #[test]
    fn a_filter_that_is_none_is_named() {
        let config = config(&[("RUST_LOG", "countersign=loud=very")]);
        let Err(error) = subscriber(&config, io::sink, false) else {
            unreachable!("the filter is nonsense")
        };
        assert!(matches!(error, TelemetryError::Filter { .. }));
        assert!(error.to_string().contains("countersign=loud=very"));
    }
}
