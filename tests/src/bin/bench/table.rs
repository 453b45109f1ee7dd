//! Tables in Markdown.

/// A heading, what is measured, and a table.
pub struct Table {
    text: String,
}

impl Table {
    pub fn new(title: &str, about: &str, columns: &[&str]) -> Self {
        let mut table = Self { text: format!("### {title}\n\n{about}\n\n") };
        table.line(columns.iter().map(|column| (*column).to_owned()));
        table.line(columns.iter().map(|_| "---".to_owned()));
        table
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.line(cells);
    }

    pub fn finish(self) -> String {
        self.text
    }

    fn line(&mut self, cells: impl IntoIterator<Item = String>) {
        for cell in cells {
            self.text.push_str("| ");
            self.text.push_str(&cell);
            self.text.push(' ');
        }
        self.text.push_str("|\n");
    }
}
