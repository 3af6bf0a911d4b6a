//! The ratios as an SVG picture: a panel for each scenario, a horizontal bar for each server.
//!
//! Nothing but rectangles and text; it reads on a light and on a dark page.

use std::fmt::Write;

use crate::bars::{Bar, Group, longest};
use crate::servers::{FLOOR, ONELOOP};

/// Pixels; two panels stand beside each other in the width of a README.
const PANEL_WIDTH: usize = 440;
const BAR_HEIGHT: usize = 14;
const TITLE_HEIGHT: usize = 34;
const NAMES_WIDTH: usize = 96;
/// What a label at a bar's end takes.
const LABEL_WIDTH: usize = 56;
const COLUMNS: usize = 2;

/// The whole picture. `caption` says where and when.
pub fn svg(groups: &[Group], caption: &str) -> String {
    let rows = groups.chunks(COLUMNS);
    let height = TITLE_HEIGHT + rows.clone().map(row_height).sum::<usize>();
    let width = COLUMNS * PANEL_WIDTH;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    text(&mut svg, 8, 18, "#666", caption);
    let mut top = TITLE_HEIGHT;
    for row in rows {
        for (column, group) in row.iter().enumerate() {
            panel(&mut svg, column * PANEL_WIDTH, top, group);
        }
        top += row_height(row);
    }
    svg.push_str("</svg>\n");
    svg
}

fn row_height(row: &[Group]) -> usize {
    let bars = row.iter().map(|group| group.bars.len()).max().unwrap_or_default();
    TITLE_HEIGHT + bars * BAR_HEIGHT
}

fn panel(svg: &mut String, left: usize, top: usize, group: &Group) {
    text(svg, left + 8, top + 14, "#000", &group.title);
    let scale = (PANEL_WIDTH - NAMES_WIDTH - LABEL_WIDTH) as f64 / longest(group);
    for (index, bar) in group.bars.iter().enumerate() {
        let y = top + 22 + index * BAR_HEIGHT;
        let x = left + NAMES_WIDTH;
        let width = (bar.value * scale).max(1.0);
        text(svg, left + 8, y + 10, "#333", bar.name);
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width:.0}\" height=\"{}\" fill=\"{}\"/>",
            BAR_HEIGHT - 3,
            colour(bar),
        );
        text(svg, x + width as usize + 4, y + 10, "#333", &bar.label);
    }
}

/// Ours stands out, the yardstick steps back.
fn colour(bar: &Bar) -> &'static str {
    match bar.name {
        ONELOOP => "#d9480f",
        name if name.starts_with(FLOOR) => "#ced4da",
        _ => "#4c6ef5",
    }
}

/// Writing to a string cannot fail.
fn text(svg: &mut String, x: usize, y: usize, colour: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\" fill=\"{colour}\">{text}</text>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bar_is_inside_the_picture() {
        let bars = |count: usize| (0..count).map(|_| bar(2.0)).collect::<Vec<Bar>>();
        let groups: Vec<Group> =
            [3, 1, 2].map(|count| Group { title: "a < b".to_owned(), bars: bars(count) }).into();
        let svg = svg(&groups, "here & now");
        assert_eq!(svg.matches("height=\"11\"").count(), 6);
        assert!(svg.contains("a &lt; b") && svg.contains("here &amp; now"));
        let height = TITLE_HEIGHT * 3 + 5 * BAR_HEIGHT;
        assert!(svg.contains(&format!("viewBox=\"0 0 880 {height}\"")), "{svg}");
    }

    fn bar(value: f64) -> Bar {
        Bar { name: ONELOOP, value, label: "2.00".to_owned() }
    }
}
