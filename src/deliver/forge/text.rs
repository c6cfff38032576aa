//! Bodies and titles that fit: cut where a reader expects an end, with a sentence that says so.

/// The longest title in bytes: GitLab and Gitea keep 255 characters, GitHub 256, and a closed one gets a word more.
const TITLE: usize = 230;

/// A title on one line that every server keeps whole.
pub(super) fn title(title: &str) -> String {
    let line: Vec<&str> = title.split_whitespace().collect();
    let line = line.join(" ");
    if line.len() <= TITLE {
        return line;
    }
    format!("{}…", &line[..boundary(&line, TITLE - 3)])
}

/// Markdown of at most `most` bytes. Where it is cut, it is before a heading, never within a block of code or a folded part.
pub(super) fn bounded(body: &str, most: usize) -> String {
    let body = body.trim_end();
    if body.len() <= most {
        return body.to_owned();
    }
    let notice =
        format!("_The rest is left out: this server keeps {most} bytes. `gpuwise patch --diff` shows all of it._");
    let room = most.saturating_sub(notice.len() + 2);
    let (mut cut, mut at, mut fence, mut folded) = (None, 0, None, 0_usize);
    for line in body.split_inclusive('\n') {
        let bare = line.trim_start();
        let mark = bare.chars().next().filter(|mark| matches!(mark, '`' | '~'));
        let long = mark.map_or(0, |mark| bare.chars().take_while(|c| *c == mark).count());
        match (fence, mark) {
            (None, Some(mark)) if long >= 3 => fence = Some((mark, long)),
            (Some((open, least)), Some(mark)) if mark == open && long >= least => fence = None,
            (None, _) => {
                if line.starts_with('#') && folded == 0 && at <= room && at > 0 {
                    cut = Some(at);
                }
                folded = (folded + line.matches("<details").count()).saturating_sub(line.matches("</details>").count());
            }
            _ => {}
        }
        at += line.len();
    }
    // A body without a second heading has no better place to end than its beginning.
    let kept = body[..cut.unwrap_or(0)].trim_end();
    match kept {
        "" => notice,
        kept => format!("{kept}\n\n{notice}"),
    }
}

/// The greatest end of a character at or before a place.
pub(super) fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_kept() {
        assert_eq!(bounded("# A\ntext\n", 100), "# A\ntext");
        assert_eq!(title("Scale\n chat  down"), "Scale chat down");
        let long = title(&"ü".repeat(300));
        assert!(long.len() <= TITLE && long.ends_with('…'), "{long}");
    }

    #[test]
    fn a_cut_is_before_a_heading_and_said() {
        let body = format!("# A\nfirst\n\n## B\nsecond\n\n## C\n{}", "x".repeat(500));
        let cut = bounded(&body, 200);
        assert!(
            cut.starts_with("# A\nfirst\n\n## B\nsecond\n\n_The rest is left out"),
            "{cut}"
        );
        assert!(cut.len() <= 200);
    }

    #[test]
    fn no_cut_falls_into_code_or_a_folded_part() {
        let code = format!("# A\nfirst\n\n```yaml\n# no heading\na: 1\n```\n{}", "x".repeat(500));
        assert!(bounded(&code, 200).starts_with("_The rest"), "{}", bounded(&code, 200));
        let folded = format!("# A\nfirst\n\n<details>\n\n## B\n{}\n</details>\n", "x".repeat(500));
        assert!(!bounded(&folded, 250).contains("<details>"));
        let later = format!("# A\n\n<details>\n\n# B\n\n</details>\n\n# C\n{}", "x".repeat(500));
        assert!(bounded(&later, 250).contains("</details>\n\n_The rest"));
    }
}
