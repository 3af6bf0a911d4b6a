//! What the pictures have in common: a page that follows the reader's light or dark one, its colours, and
//! words on it.

use std::fmt::Write;

/// Colours that can be told apart by most people, and on both grounds (after Okabe and Ito).
const COLOURS: [&str; 6] = ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9"];

/// The colour of what has this place among others.
pub fn colour(index: usize) -> &'static str {
    COLOURS[index % COLOURS.len()]
}

/// What a page looks like.
pub struct Look<'l> {
    pub width: f64,
    pub height: f64,
    pub font_size: u32,
    /// The colour `--faint` and others, as a style sheet declares them for a light page.
    pub light: &'l str,
    /// The same for a dark one.
    pub dark: &'l str,
    /// More of the style sheet.
    pub style: &'l str,
}

/// The beginning of a page. It ends by `</svg>`.
pub fn page(look: &Look<'_>) -> String {
    let Look { width, height, font_size, light, dark, style } = look;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         preserveAspectRatio=\"xMidYMin meet\" \
         font-family=\"sans-serif\" font-size=\"{font_size}\">\n\
         <style>\n\
         svg {{ --ground: #fff; --ink: #1f2328; {light} }}\n\
         @media (prefers-color-scheme: dark) {{\n\
         svg {{ --ground: #0d1117; --ink: #e6edf3; {dark} }}\n\
         }}\n\
         .ground {{ fill: var(--ground); }} text {{ fill: var(--ink); }}\n\
         {style}\n\
         </style>\n\
         <rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>\n"
    )
}

/// Words that begin, end or have their middle there, as `anchor` says.
pub fn text(svg: &mut String, at: (f64, f64), anchor: &str, text: &str) {
    text_as(svg, "", at, anchor, text);
}

/// The same of a class that the style sheet knows.
pub fn text_as(svg: &mut String, class: &str, (x, y): (f64, f64), anchor: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    // Writing to a string cannot fail.
    let _ = writeln!(
        svg,
        "<text{class} x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
    );
}
