//! Where a value comes from: the steps from a variable to it.
//!
//! On a real server two paths of which one step differs may share their memory, as Go's
//! slices do, and what comes later then overwrites what was there. Estimates depend on
//! it, so it is done here, too.

use std::cell::RefCell;
use std::rc::Rc;

use super::{Inside, Shape};

/// A step into a value.
#[derive(Clone, Copy)]
pub(super) enum Step<'n> {
    /// A variable, or a field.
    Field(&'n str),
    /// An item of a list, or a value of a map.
    Item,
    /// A key of a map.
    Key,
}

/// The steps to a value; none to one that was made.
#[derive(Clone, Default)]
pub(super) struct Path<'n> {
    steps: Rc<RefCell<Vec<Step<'n>>>>,
    length: usize,
    /// How many steps there is room for.
    room: usize,
}

/// The shape of a map's keys.
static KEY: Shape = Shape {
    most: 0,
    inside: Inside::Nothing,
};

impl<'n> Path<'n> {
    /// To a variable.
    pub(super) fn variable(name: &'n str) -> Self {
        Self::default().then(Step::Field(name))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The same steps in memory of their own.
    pub(super) fn copied(&self) -> Self {
        let steps = self.steps.borrow()[..self.length].to_vec();
        Self {
            steps: Rc::new(RefCell::new(steps)),
            length: self.length,
            room: self.length,
        }
    }

    /// One step more, as `append` of Go takes it.
    pub(super) fn then(&self, step: Step<'n>) -> Self {
        if self.length < self.room {
            let mut steps = self.steps.borrow_mut();
            match steps.get_mut(self.length) {
                Some(place) => *place = step,
                None => steps.push(step),
            }
            drop(steps);
            return Self {
                steps: Rc::clone(&self.steps),
                length: self.length + 1,
                room: self.room,
            };
        }
        let mut steps = self.steps.borrow()[..self.length].to_vec();
        steps.push(step);
        Self {
            steps: Rc::new(RefCell::new(steps)),
            length: self.length + 1,
            room: (self.room * 2).max(1),
        }
    }

    /// How large a value there may be, by the shape of the variables. (Which variable it
    /// was is not looked at: all are of one shape, and a path that begins at something
    /// that was made is read as if it began at one.)
    pub(super) fn most(&self, variables: &Shape) -> Option<u64> {
        let steps = self.steps.borrow();
        let mut steps = steps[..self.length].iter();
        steps.next()?;
        let mut shape = variables;
        for step in steps {
            shape = match (step, &shape.inside) {
                (Step::Field(name), Inside::Fields(fields)) => fields.get(*name)?,
                (Step::Item, Inside::Items(item) | Inside::Values(item)) => item,
                (Step::Key, Inside::Values(_)) => &KEY,
                _ => return None,
            };
        }
        Some(shape.most)
    }
}
