//! Progress as typed events. On a terminal each open step is a spinner;
//! elsewhere each event is a line. Commands emit, only this file renders.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
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

/// How many steps spin at a time; more would push one another off the screen.
const SPINNING: usize = 8;

/// Renders events. Dropping it removes what still spins.
pub struct Progress<'a> {
    ui: &'a Ui,
    bars: Option<Bars>,
    open: Mutex<BTreeMap<String, Open>>,
}

/// What is on the terminal: a spinner for each of some steps, and below them
/// how many there are besides.
struct Bars {
    all: MultiProgress,
    rest: ProgressBar,
    /// Whether the last line is there.
    counted: AtomicBool,
}

impl Bars {
    fn new() -> Self {
        Self::on(MultiProgress::new())
    }

    fn on(all: MultiProgress) -> Self {
        let rest = ProgressBar::new_spinner().with_style(style("  {wide_msg}"));
        Self {
            all,
            rest,
            counted: AtomicBool::new(false),
        }
    }

    /// A spinner at the end of those there are.
    fn spinner(&self, message: String) -> ProgressBar {
        let bar = ProgressBar::new_spinner().with_style(style("{spinner} {msg}"));
        let bar = match self.counted.load(Ordering::Relaxed) {
            false => self.all.add(bar),
            true => self.all.insert_before(&self.rest, bar),
        };
        bar.set_message(message);
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }

    /// Lets those spin that have room, and counts the others.
    fn arrange(&self, open: &mut BTreeMap<String, Open>) {
        let spinning = open.values().filter(|one| one.bar.is_some()).count();
        let room = SPINNING.saturating_sub(spinning);
        let mut waiting = open.iter_mut().filter(|(_, one)| one.bar.is_none());
        for (step, one) in waiting.by_ref().take(room) {
            one.bar = Some(self.spinner(message(step, &one.detail)));
        }
        match waiting.count() {
            0 => self.count_no_more(),
            count => {
                if !self.counted.swap(true, Ordering::Relaxed) {
                    self.all.add(self.rest.clone());
                }
                self.rest.set_message(format!("and {count} more"));
            }
        }
    }

    fn count_no_more(&self) {
        if self.counted.swap(false, Ordering::Relaxed) {
            self.all.remove(&self.rest);
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// A step as it spins.
fn message(step: &str, detail: &str) -> String {
    match detail {
        "" => step.to_owned(),
        detail => format!("{step}: {detail}"),
    }
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
            bars: ui.animates().then(Bars::new),
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
            Some(bars) => bars.all.suspend(|| self.ui.warning(text)),
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
                if self.bars.is_none() {
                    self.ui.status(&format!("{step} ..."));
                }
                open.insert(
                    step,
                    Open {
                        since: Instant::now(),
                        bar: None,
                        detail: String::new(),
                    },
                );
                self.arrange(&mut open);
            }
            Event::Waiting { step, detail } => {
                if let Some(state) = open.get_mut(&step)
                    && state.detail != detail
                {
                    match (&state.bar, &self.bars) {
                        (Some(bar), _) => bar.set_message(message(&step, &detail)),
                        (None, Some(_)) => {}
                        (None, None) => self.ui.status(&message(&step, &detail)),
                    }
                    state.detail = detail;
                }
            }
            Event::Finished { step, detail } => {
                let state = open.remove(&step);
                let text = message(&step, detail.as_deref().unwrap_or_default());
                self.close(state, Style::Good, "✓", "done", &text);
                self.arrange(&mut open);
            }
            Event::Failed { step } => {
                let state = open.remove(&step);
                self.close(state, Style::Bad, "✗", "failed", &step);
                self.arrange(&mut open);
            }
        }
    }

    fn arrange(&self, open: &mut BTreeMap<String, Open>) {
        if let Some(bars) = &self.bars {
            bars.arrange(open);
        }
    }

    fn close(&self, state: Option<Open>, style: Style, mark: &str, word: &str, text: &str) {
        let Some(state) = state else { return };
        match &self.bars {
            Some(bars) => {
                let seconds = state.since.elapsed().as_secs_f64();
                let line = format!("{} {text} ({seconds:.1} s)", self.ui.paint(style, mark));
                if let Some(bar) = state.bar {
                    bar.finish_and_clear();
                    bars.all.remove(&bar);
                }
                bars.all.suspend(|| self.ui.status(&line));
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
        if let Some(bars) = &self.bars {
            bars.count_no_more();
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
    use indicatif::{InMemoryTerm, ProgressDrawTarget};

    use super::*;

    #[test]
    fn of_many_steps_some_spin_and_the_others_are_counted() {
        let terminal = InMemoryTerm::new(24, 40);
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let ui = Ui::captured();
        let progress = Progress {
            ui: &ui,
            bars: Some(Bars::on(MultiProgress::with_draw_target(target))),
            open: Mutex::default(),
        };
        let mut steps: Vec<Step> = (10..70)
            .map(|n| progress.step(format!("Work in c{n}")))
            .collect();
        let shown = || {
            // Draws at once, however short ago that was done.
            progress.bars.as_ref().unwrap().all.suspend(|| ());
            terminal.contents()
        };
        let screen = shown();
        assert_eq!(screen.matches("Work in c").count(), SPINNING, "{screen}");
        assert!(screen.ends_with("  and 52 more"), "{screen}");
        // One that ends makes room for another, which has not been silent.
        steps[40].waiting("its agent is slow");
        steps.drain(..40).for_each(Step::done);
        let screen = shown();
        assert!(
            screen.contains("Work in c50: its agent is slow"),
            "{screen}"
        );
        assert!(screen.ends_with("  and 12 more"), "{screen}");
        steps.drain(8..).for_each(Step::done);
        let screen = shown();
        assert!(
            screen.contains("Work in c57") && !screen.contains("more"),
            "{screen}"
        );
        drop(steps);
        drop(progress);
        assert_eq!(terminal.contents(), "");
        assert_eq!(ui.take_captured().stderr.matches('✓').count(), 52);
    }

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
