//! A series over time in plain characters.

/// Lines of a chart, without its axis.
const HEIGHT: usize = 8;

/// Characters left of the axis.
const LABEL: usize = 8;

/// A series as columns of `#`, the most of each stretch of time; `?` where nothing is known. It is as wide as told, axis and all.
pub(super) fn chart(title: &str, values: &[Option<f64>], width: usize) -> String {
    let most = values.iter().flatten().fold(0.0_f64, |most, value| most.max(*value));
    scaled(title, values, width, (HEIGHT, most))
}

/// The same of so many lines, the top of which stands for so much: charts below one another can be compared.
pub(super) fn scaled(title: &str, values: &[Option<f64>], width: usize, (height, top): (usize, f64)) -> String {
    let columns = columns(values, width.saturating_sub(LABEL + 2).max(1));
    let top = if top > 0.0 { top } else { 1.0 };
    let mut text = format!("{title}\n");
    for line in (0..height).rev() {
        let label = match line {
            _ if line + 1 == height => short(top),
            0 => "0".to_owned(),
            _ if line == height / 2 => short(top * (line as f64) / (height as f64 - 1.0)),
            _ => String::new(),
        };
        let above = |value: f64| value / top * height as f64 > line as f64;
        let mark = |value: &Option<f64>| match value {
            Some(value) if above(*value) => '#',
            None if line == 0 => '?',
            _ => ' ',
        };
        let marks: String = columns.iter().map(mark).collect();
        text.push_str(format!("{label:>LABEL$} |{marks}").trim_end());
        text.push('\n');
    }
    text
}

/// The axis below charts, with what stands at both ends; below one another where they do not fit beside one another.
pub(super) fn axis(from: &str, to: &str, width: usize) -> String {
    let columns = width.saturating_sub(LABEL + 2).max(1);
    let (line, indent) = ("-".repeat(columns), " ".repeat(LABEL + 2));
    let cut = |text: &str| text.chars().take(columns).collect::<String>();
    let lengths = from.chars().count() + to.chars().count();
    let ends = match columns.checked_sub(lengths).filter(|gap| *gap > 0) {
        Some(gap) => format!("{indent}{from}{}{to}\n", " ".repeat(gap)),
        None => format!("{indent}{}\n{indent}{:>columns$}\n", cut(from), cut(to)),
    };
    format!("{:>LABEL$} +{line}\n{ends}", "")
}

/// The most of each stretch of time; of fewer values than columns each stands in several.
fn columns(values: &[Option<f64>], count: usize) -> Vec<Option<f64>> {
    let stretch = |at: usize| {
        let from = at * values.len() / count;
        let to = ((at + 1) * values.len() / count).max(from + 1);
        let known = values.get(from..to).into_iter().flatten().flatten().copied();
        known.reduce(f64::max)
    };
    (0..count).map(stretch).collect()
}

/// A number in a label's room.
fn short(value: f64) -> String {
    let plain = if value >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    };
    let plain = plain.strip_suffix(".0").unwrap_or(&plain).to_owned();
    if plain.len() <= LABEL {
        plain
    } else {
        format!("{value:.1e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_high_as_the_most_of_their_stretch() {
        let values: Vec<Option<f64>> = [1.0, 1.0, 4.0, 1.0, 2.0, 2.0].map(Some).to_vec();
        let text = chart("replicas", &values, LABEL + 2 + 3);
        let wanted = "replicas\n       4 | #\n         | #\n         | #\n     2.3 | #\n         | ##\n         | ##\n         |###\n       0 |###\n";
        assert_eq!(text, wanted);
    }

    #[test]
    fn what_is_not_known_is_no_zero_and_zero_is_nothing() {
        let text = chart("queue", &[Some(0.0), None, Some(8.0)], 40);
        assert!(
            text.ends_with(&format!(
                "       0 |{}{}{}\n",
                " ".repeat(10),
                "?".repeat(10),
                "#".repeat(10)
            )),
            "{text}"
        );
        let nothing = chart("queue", &[None, None], 40);
        assert!(
            nothing.ends_with(&format!("       0 |{}\n", "?".repeat(30))),
            "{nothing}"
        );
    }

    #[test]
    fn it_is_never_wider_than_told() {
        let values: Vec<Option<f64>> = (0..10_000).map(|at| Some(f64::from(at) * 1e9)).collect();
        for width in [20, 40, 80, 200] {
            let text = chart("x", &values, width) + &axis("2026-11-26T08:00:00Z", "2026-11-26T08:04:00Z", width);
            assert!(
                text.lines().all(|line| line.chars().count() <= width),
                "{width}:\n{text}"
            );
        }
    }
}
