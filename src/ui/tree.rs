//! Trees, drawn with lines.

/// A line and what hangs below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    text: String,
    below: Vec<Node>,
}

impl Node {
    /// A line.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            below: Vec::new(),
        }
    }

    /// `<key> value`, as clusteradm writes a line; without a value, the key alone.
    #[must_use]
    pub fn pair(key: &str, value: &str) -> Self {
        Self::new(format!("<{key}> {value}").trim_end())
    }

    /// With these below it.
    #[must_use]
    pub fn over(mut self, below: impl IntoIterator<Item = Self>) -> Self {
        self.below.extend(below);
        self
    }

    /// Adds one below it.
    pub fn push(&mut self, node: Self) {
        self.below.push(node);
    }

    /// The line itself, and below it all others.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = format!("{}\n", self.text);
        self.draw("", &mut out);
        out
    }

    fn draw(&self, prefix: &str, out: &mut String) {
        for (at, node) in self.below.iter().enumerate() {
            let last = at + 1 == self.below.len();
            let (branch, bar) = if last {
                ("└── ", "    ")
            } else {
                ("├── ", "│   ")
            };
            out.push_str(&format!("{prefix}{branch}{}\n", node.text));
            node.draw(&format!("{prefix}{bar}"), out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lead_to_what_hangs_below() {
        let tree = Node::pair("Kind", "").over([
            Node::pair("a", "").over([Node::pair("x", "1"), Node::pair("y", "")]),
            Node::pair("b", "").over([Node::new("z")]),
        ]);
        assert_eq!(
            tree.render(),
            "<Kind>\n\
             ├── <a>\n\
             │   ├── <x> 1\n\
             │   └── <y>\n\
             └── <b>\n\
             \u{20}   └── z\n"
        );
    }
}
