//! A small writer of HTML: every tag is closed, every text and attribute is escaped, and a link leads nowhere but within the page.

use std::fmt::{self, Display, Write as _};

use super::super::safe::plain;

/// Elements that have no end tag, and shapes of SVG that hold nothing.
const VOID: [&str; 9] = ["br", "col", "input", "meta", "path", "rect", "line", "circle", "use"];

/// What is not an element, only what would stand in one.
const BARE: &str = "";

/// An element.
pub(super) struct Element {
    name: &'static str,
    attributes: String,
    body: String,
}

/// An element of this name.
pub(super) fn el(name: &'static str) -> Element {
    Element {
        name,
        attributes: String::new(),
        body: String::new(),
    }
}

impl Element {
    /// With an attribute.
    pub(super) fn set(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        self.attributes.push(' ');
        self.attributes.push_str(name);
        self.attributes.push_str("=\"");
        escape(&mut self.attributes, &plain(value.as_ref()));
        self.attributes.push('"');
        self
    }

    /// With an attribute whose value is the page's own, such as where something is drawn; it is as long as it must be.
    pub(super) fn put(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        self.attributes.push(' ');
        self.attributes.push_str(name);
        self.attributes.push_str("=\"");
        escape(&mut self.attributes, value.as_ref());
        self.attributes.push('"');
        self
    }

    /// With an attribute that needs no value.
    pub(super) fn flag(mut self, name: &'static str) -> Self {
        self.attributes.push(' ');
        self.attributes.push_str(name);
        self
    }

    /// With a class; none where that is empty.
    pub(super) fn class(self, name: &str) -> Self {
        if name.is_empty() { self } else { self.put("class", name) }
    }

    pub(super) fn id(self, id: &str) -> Self {
        self.put("id", id)
    }

    /// With a link to what has this id in the page.
    pub(super) fn to(self, id: &str) -> Self {
        self.set("href", format!("#{id}"))
    }

    /// With text, made harmless; one blank at either end of it stays.
    pub(super) fn text(mut self, text: impl AsRef<str>) -> Self {
        let text = text.as_ref();
        let line = plain(text);
        if text.starts_with(' ') {
            self.body.push(' ');
        }
        escape(&mut self.body, &line);
        if text.ends_with(' ') && !line.is_empty() {
            self.body.push(' ');
        }
        self
    }

    /// With a text in which what stands between backticks is to be typed.
    pub(super) fn prose(self, text: impl AsRef<str>) -> Self {
        let text = text.as_ref();
        let parts: Vec<&str> = text.split('`').collect();
        // One that is never closed is only a letter.
        if parts.len().is_multiple_of(2) {
            return self.text(text);
        }
        parts
            .into_iter()
            .enumerate()
            .fold(self, |line, (at, part)| match at % 2 {
                0 => line.text(part),
                _ => line.add(el("code").text(part)),
            })
    }

    /// With another element in it.
    pub(super) fn add(mut self, child: Self) -> Self {
        // Writing to a string does not fail.
        let _ = write!(self.body, "{child}");
        self
    }

    /// With others in it.
    pub(super) fn all(self, children: impl IntoIterator<Item = Self>) -> Self {
        children.into_iter().fold(self, Self::add)
    }

    /// With the page's own style or script in it, which is not escaped.
    pub(super) fn verbatim(mut self, text: &'static str) -> Self {
        self.body.push_str(text);
        self
    }
}

impl Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, attributes, body } = self;
        match (VOID.contains(name), is_shape(name)) {
            (true, true) => write!(f, "<{name}{attributes}/>"),
            (true, false) => write!(f, "<{name}{attributes}>"),
            _ if *name == BARE => f.write_str(body),
            (false, _) => write!(f, "<{name}{attributes}>{body}</{name}>"),
        }
    }
}

fn is_shape(name: &str) -> bool {
    matches!(name, "path" | "rect" | "line" | "circle" | "use")
}

fn escape(into: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\'' => into.push_str("&#39;"),
            c => into.push(c),
        }
    }
}

/// A paragraph.
pub(super) fn p(text: impl AsRef<str>) -> Element {
    el("p").prose(text)
}

/// Words within others.
pub(super) fn span(class: &str, text: impl AsRef<str>) -> Element {
    el("span").class(class).text(text)
}

/// A chapter of the page, with its heading; `lead` says what to make of it.
pub(super) fn chapter(id: &'static str, title: &str, lead: &str) -> Element {
    let heading = format!("{id}-title");
    let section = el("section")
        .id(id)
        .set("aria-labelledby", &heading)
        .add(el("h2").id(&heading).text(title));
    match lead {
        "" => section,
        lead => section.add(p(lead).class("lead")),
    }
}

/// What is told only to those who ask.
pub(super) fn more(summary: &str, inside: Element) -> Element {
    let summary = el("summary").text(summary);
    el("details").class("more").add(summary).add(inside)
}

/// A table that scrolls by itself where the page is narrow. Columns that begin with `#` hold figures.
pub(super) fn table(caption: &str, columns: &[&str], rows: impl IntoIterator<Item = Vec<Element>>) -> Element {
    let is_number = |at: usize| columns.get(at).is_some_and(|column| column.starts_with('#'));
    let head = columns.iter().enumerate().map(|(at, column)| {
        let cell = el("th").set("scope", "col").text(column.trim_start_matches('#'));
        if is_number(at) { cell.class("n") } else { cell }
    });
    let body = rows.into_iter().map(|cells| {
        let cells = cells.into_iter().enumerate().map(|(at, cell)| {
            let placed = if at == 0 {
                el("th").set("scope", "row")
            } else {
                el("td")
            };
            let placed = if is_number(at) { placed.class("n") } else { placed };
            placed.add(cell)
        });
        el("tr").all(cells)
    });
    let table = el("table")
        .class(if columns.len() > 4 { "wide" } else { "" })
        .add(el("caption").text(caption))
        .add(el("thead").add(el("tr").all(head)))
        .add(el("tbody").all(body));
    el("div")
        .class("scroll")
        .set("tabindex", "0")
        .set("role", "region")
        .set("aria-label", caption)
        .add(table)
}

/// The same for few rows with much text: on a phone each row is a block, and each cell says what it is.
pub(super) fn stacked(caption: &str, columns: &[&str], rows: impl IntoIterator<Item = Vec<Element>>) -> Element {
    let named = |cells: Vec<Element>| -> Vec<Element> {
        let named = cells.into_iter().zip(columns).enumerate().map(|(at, (cell, column))| {
            if at == 0 {
                return cell;
            }
            let name = el("span").class("told").set("aria-hidden", "true");
            el("div").add(name.text(column.trim_start_matches('#'))).add(cell)
        });
        named.collect()
    };
    let rows: Vec<Vec<Element>> = rows.into_iter().map(named).collect();
    el("div").class("stacked").add(table(caption, columns, rows))
}

/// Text alone, where an element is asked for.
pub(super) fn cell(text: impl AsRef<str>) -> Element {
    el(BARE).text(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_its_element_or_attribute() {
        let hostile = "</script><img src=x onerror=\"alert('1')\">&amp;";
        let html = el("p")
            .set("title", hostile)
            .put("id", hostile)
            .text(hostile)
            .to_string();
        assert_eq!(html.matches('<').count(), 2, "{html}");
        assert_eq!(html.matches('"').count(), 4, "{html}");
        assert!(html.contains("&amp;amp;"), "{html}");
    }

    #[test]
    fn a_link_leads_nowhere_but_within_the_page() {
        let link = el("a").to("javascript:alert(1)").text("x").to_string();
        assert_eq!(link, "<a href=\"#javascript:alert(1)\">x</a>");
    }

    #[test]
    fn what_is_to_be_typed_stands_apart() {
        assert_eq!(
            p("run `a <b>` now").to_string(),
            "<p>run <code>a &lt;b&gt;</code> now</p>"
        );
        assert_eq!(p("a ` alone").to_string(), "<p>a ` alone</p>");
    }

    #[test]
    fn blanks_beside_text_stay_and_what_holds_nothing_is_not_closed() {
        let line = p("a ").add(el("b").text("c")).text(" d").to_string();
        assert_eq!(line, "<p>a <b>c</b> d</p>");
        assert_eq!(el("path").put("d", "M0 0").to_string(), "<path d=\"M0 0\"/>");
        assert_eq!(el("meta").set("name", "x").to_string(), "<meta name=\"x\">");
    }
}
