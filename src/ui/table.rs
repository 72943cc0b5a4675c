//! Tables as kubectl prints them: upper-case headers, three blanks between
//! columns, no borders, nothing at the end of a line.

use comfy_table::{ContentArrangement, presets};

/// A table under construction.
#[derive(Clone, Debug)]
pub struct Table {
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these column headers.
    #[must_use]
    pub fn new(headers: &[&str]) -> Self {
        Self {
            headers: headers.iter().map(|h| h.to_uppercase()).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; an empty cell reads `<none>`, line breaks become blanks.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) -> &mut Self {
        let cells = cells.into_iter().map(|cell| {
            let cell: String = cell.into();
            if cell.is_empty() {
                return "<none>".to_owned();
            }
            if cell.contains(['\n', '\r', '\t']) {
                return cell.split_whitespace().collect::<Vec<_>>().join(" ");
            }
            cell
        });
        self.rows.push(cells.collect());
        self
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How wide each column is, with the blanks after it.
    #[must_use]
    pub fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.headers.iter().map(|h| h.chars().count()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        widths.iter().map(|width| width + 3).collect()
    }

    /// The rows alone, in columns of these widths: what comes after a table
    /// that was printed already.
    #[must_use]
    pub fn rows_in(&self, widths: &[usize]) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(widths) {
                let blanks = width.saturating_sub(cell.chars().count()).max(1);
                line.push_str(cell);
                line.push_str(&" ".repeat(blanks));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// The text, each line ended.
    #[must_use]
    pub fn render(&self) -> String {
        let mut table = comfy_table::Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header(&self.headers);
        for row in &self.rows {
            table.add_row(row);
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 3));
        }
        let mut text = String::new();
        for line in table.lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_kubectl() {
        let mut table = Table::new(&["name", "ready", "message"]);
        table.row(["nginx", "3/3", ""]);
        table.row(["a-much-longer-name", "0/1", "two\nlines"]);
        assert_eq!(
            table.render(),
            "NAME                 READY   MESSAGE\n\
             nginx                3/3     <none>\n\
             a-much-longer-name   0/1     two lines\n"
        );
    }

    #[test]
    fn later_rows_stand_in_the_same_columns() {
        let mut table = Table::new(&["name", "ready"]);
        table.row(["nginx", "3/3"]);
        let mut later = Table::new(&["name", "ready"]);
        later.row(["a", "1/3"]).row(["much-longer", "0/1"]);
        assert_eq!(
            later.rows_in(&table.widths()),
            "a       1/3\nmuch-longer 0/1\n"
        );
    }

    #[test]
    fn an_empty_one_has_headers() {
        assert_eq!(Table::new(&["a", "b"]).render(), "A   B\n");
    }
}
