//! Progress as typed events. On a terminal each open step is a spinner;
//! elsewhere each event is a line. Commands emit, only this file renders.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{Style, Ui};

/// What can happen to a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A step began.
    Started {
        /// Which step, in words: `Installing the hub's CRDs`.
        step: String,
    },
    /// A step is still going on; what it is waiting for.
    Waiting {
        /// Which step.
        step: String,
        /// What for.
        detail: String,
    },
    /// A step is over.
    Finished {
        /// Which step.
        step: String,
        /// How it ended, if there is something to say.
        detail: Option<String>,
    },
    /// A step failed.
    Failed {
        /// Which step.
        step: String,
    },
}

/// Renders events. Dropping it removes what still spins.
pub struct Progress<'a> {
    ui: &'a Ui,
    bars: Option<MultiProgress>,
    open: Mutex<BTreeMap<String, Open>>,
}

struct Open {
    since: Instant,
    bar: Option<ProgressBar>,
    detail: String,
}

impl<'a> Progress<'a> {
    pub(super) fn new(ui: &'a Ui) -> Self {
        Self {
            ui,
            bars: ui.animates().then(MultiProgress::new),
            open: Mutex::new(BTreeMap::new()),
        }
    }

    /// Begins a step; finish or fail it with the handle.
    pub fn step(&self, step: impl Into<String>) -> Step<'_> {
        let step = step.into();
        self.emit(Event::Started { step: step.clone() });
        Step {
            progress: self,
            step: Some(step),
        }
    }

    /// Says that something deserves attention, without ending any step.
    pub fn warning(&self, text: &str) {
        match &self.bars {
            Some(bars) => bars.suspend(|| self.ui.warning(text)),
            None => self.ui.warning(text),
        }
    }

    /// Renders one event.
    pub fn emit(&self, event: Event) {
        if self.ui.quiet {
            return;
        }
        let Ok(mut open) = self.open.lock() else {
            return;
        };
        match event {
            Event::Started { step } => {
                let bar = self.bars.as_ref().map(|bars| {
                    let bar = bars.add(ProgressBar::new_spinner());
                    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                        bar.set_style(style);
                    }
                    bar.set_message(step.clone());
                    bar.enable_steady_tick(Duration::from_millis(100));
                    bar
                });
                if bar.is_none() {
                    self.ui.status(&format!("{step} ..."));
                }
                open.insert(
                    step,
                    Open {
                        since: Instant::now(),
                        bar,
                        detail: String::new(),
                    },
                );
            }
            Event::Waiting { step, detail } => {
                if let Some(state) = open.get_mut(&step)
                    && state.detail != detail
                {
                    match &state.bar {
                        Some(bar) => bar.set_message(format!("{step}: {detail}")),
                        None => self.ui.status(&format!("{step}: {detail}")),
                    }
                    state.detail = detail;
                }
            }
            Event::Finished { step, detail } => {
                let state = open.remove(&step);
                let text = match detail {
                    Some(detail) => format!("{step}: {detail}"),
                    None => step,
                };
                self.close(state, Style::Good, "✓", "done", &text);
            }
            Event::Failed { step } => {
                let state = open.remove(&step);
                self.close(state, Style::Bad, "✗", "failed", &step);
            }
        }
    }

    fn close(&self, state: Option<Open>, style: Style, mark: &str, word: &str, text: &str) {
        let Some(state) = state else { return };
        match state.bar {
            Some(bar) => {
                let seconds = state.since.elapsed().as_secs_f64();
                let line = format!("{} {text} ({seconds:.1} s)", self.ui.paint(style, mark));
                bar.finish_and_clear();
                if let Some(bars) = &self.bars {
                    bars.remove(&bar);
                    bars.suspend(|| self.ui.status(&line));
                }
            }
            None => self.ui.status(&format!("{text}: {word}")),
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Ok(open) = self.open.lock() {
            for state in open.values() {
                if let Some(bar) = &state.bar {
                    bar.finish_and_clear();
                }
            }
        }
    }
}

/// An open step. Dropping it without [`Step::done`] marks it as failed.
pub struct Step<'a> {
    progress: &'a Progress<'a>,
    step: Option<String>,
}

impl Step<'_> {
    /// Says what the step is waiting for.
    pub fn waiting(&self, detail: impl Into<String>) {
        if let Some(step) = &self.step {
            self.progress.emit(Event::Waiting {
                step: step.clone(),
                detail: detail.into(),
            });
        }
    }

    /// The step is over.
    pub fn done(mut self) {
        self.close(None);
    }

    /// The step is over, and how.
    pub fn done_with(mut self, detail: impl Into<String>) {
        self.close(Some(detail.into()));
    }

    fn close(&mut self, detail: Option<String>) {
        if let Some(step) = self.step.take() {
            self.progress.emit(Event::Finished { step, detail });
        }
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        if let Some(step) = self.step.take() {
            self.progress.emit(Event::Failed { step });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_lines_where_there_is_no_terminal() {
        let ui = Ui::captured();
        {
            let progress = ui.progress();
            let step = progress.step("Applying");
            step.waiting("CRDs");
            step.waiting("CRDs");
            step.done_with("12 objects");
            let lost = progress.step("Waiting");
            drop(lost);
        }
        assert_eq!(
            ui.take_captured().stderr,
            "Applying ...\nApplying: CRDs\nApplying: 12 objects: done\nWaiting ...\nWaiting: failed\n"
        );
    }
}
