//! An SVG to draw on, which knows where its texts lie.

use std::fmt::Write;

/// How wide each picture is, in units: about as many as a phone has pixels.
pub const WIDTH: i32 = 420;

/// The size of a text, in units. On a phone a unit is a little less than a pixel.
const TEXT: i32 = 13;
const TITLE: i32 = 15;

/// The colours by their meaning, in light and in dark.
const COLOURS: [(&str, &str, &str); 22] = [
    ("paper", "#faf9f7", "#111418"),
    ("ink", "#1c2025", "#e7e9ec"),
    ("soft", "#59626c", "#9ca6b1"),
    ("line", "#b9b4aa", "#48515c"),
    // Who owns something.
    ("kernel", "#d6e4f5", "#1f3a5a"),
    ("engine", "#f8e7c4", "#54410f"),
    ("client", "#d5ecd9", "#1d4a2a"),
    // What has become of something.
    ("lost", "#b3261e", "#ff8a7d"),
    ("good", "#1f6f3d", "#7fd79a"),
    // The states, as on the live page.
    ("Fresh", "#c3c9cf", "#7f8b98"),
    ("ReadingProxyHeader", "#009e73", "#009e73"),
    ("Idle", "#98a3ae", "#596673"),
    ("ReadingHead", "#e69f00", "#e69f00"),
    ("ReadingBody", "#d55e00", "#e0651a"),
    ("Writing", "#0072b2", "#1f86cc"),
    ("Pausing", "#56b4e9", "#8fd0f7"),
    ("Lingering", "#cc79a7", "#d98bb8"),
    ("Closed", "#1c2025", "#e7e9ec"),
    // What the poll reports, what is unread, and what the loop does by itself.
    ("report", "#6a3fa0", "#c3a3f0"),
    ("unread", "#c9c3b8", "#565f69"),
    ("queue", "#a35200", "#f0a860"),
    ("card", "#ffffff", "#1b2027"),
];

/// A text, and about where it lies.
#[derive(Clone, Debug)]
pub struct Extent {
    /// For the message of a test.
    #[allow(dead_code, reason = "it is only shown")]
    text: String,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Extent {
    pub fn overlaps(&self, other: &Extent) -> bool {
        let beside = self.right <= other.left || other.right <= self.left;
        let above = self.bottom <= other.top || other.bottom <= self.top;
        !beside && !above
    }
}

/// Where a text is held.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// What a picture uses of the colours is all that its style has.
pub struct Canvas {
    height: i32,
    title: String,
    body: String,
    texts: Vec<Extent>,
}

impl Canvas {
    /// A picture of this height. Its title is for those who do not see it.
    pub fn new(height: i32, title: &str) -> Canvas {
        let mut canvas =
            Canvas { height, title: title.to_owned(), body: String::new(), texts: Vec::new() };
        canvas.rect((0, 0, WIDTH, height), "paper", 10);
        canvas
    }

    pub fn texts(&self) -> &[Extent] {
        &self.texts
    }

    pub fn holds(&self, text: &Extent) -> bool {
        let is_wide_enough = text.left >= 2.0 && text.right <= f64::from(WIDTH) - 2.0;
        is_wide_enough && text.top >= 2.0 && text.bottom <= f64::from(self.height) - 2.0
    }

    /// A filled box: left, top, width, height.
    pub fn rect(&mut self, (x, y, width, height): (i32, i32, i32, i32), fill: &str, round: i32) {
        let size = format!(r#"x="{x}" y="{y}" width="{width}" height="{height}""#);
        self.add(&format!(r#"<rect {size} rx="{round}" class="f-{fill}"/>"#));
    }

    /// A box with a border.
    pub fn card(&mut self, (x, y, width, height): (i32, i32, i32, i32), fill: &str, edge: &str) {
        let round = 5.min(width / 5);
        let size = format!(r#"x="{x}" y="{y}" width="{width}" height="{height}""#);
        self.add(&format!(r#"<rect {size} rx="{round}" class="f-{fill} s-{edge}"/>"#));
    }

    pub fn dot(&mut self, (x, y): (i32, i32), radius: i32, fill: &str) {
        self.add(&format!(r#"<circle cx="{x}" cy="{y}" r="{radius}" class="f-{fill}"/>"#));
    }

    /// A line along this path.
    pub fn path(&mut self, path: &str, colour: &str) {
        self.add(&format!(r#"<path d="{path}" class="l s-{colour}"/>"#));
    }

    /// The same, dashed.
    pub fn dashes(&mut self, path: &str, colour: &str) {
        self.add(&format!(r#"<path d="{path}" class="l d s-{colour}"/>"#));
    }

    /// A line that crosses others: they are interrupted where it passes.
    pub fn bridge(&mut self, path: &str, colour: &str) {
        self.add(&format!(r#"<path d="{path}" class="b s-paper"/>"#));
        self.path(path, colour);
    }

    /// A line with a tip at its end. The tip looks from the point before the last to the last.
    pub fn arrow(&mut self, points: &[(i32, i32)], colour: &str) {
        let mut path = String::new();
        for (at, (x, y)) in points.iter().enumerate() {
            let sign = if at == 0 { 'M' } else { 'L' };
            write!(path, "{sign}{x} {y}").unwrap();
        }
        self.path(&path, colour);
        let [.., (x1, y1), (x2, y2)] = points else { panic!("an arrow has two points") };
        let (dx, dy) = (f64::from(x2 - x1), f64::from(y2 - y1));
        self.tip((f64::from(*x2), f64::from(*y2)), dy.atan2(dx), colour);
    }

    /// A tip that points at `x`, `y` in this direction.
    pub fn tip(&mut self, (x, y): (f64, f64), direction: f64, colour: &str) {
        let corner = |turned: f64| {
            let angle = direction + turned;
            format!("{:.1} {:.1}", x - 9.0 * angle.cos(), y - 9.0 * angle.sin())
        };
        let (left, right) = (corner(0.45), corner(-0.45));
        self.add(&format!(r#"<path d="M{x:.1} {y:.1}L{left}L{right}z" class="f-{colour}"/>"#));
    }

    /// A text whose line stands at `y`.
    pub fn text(&mut self, at: (i32, i32), text: &str, anchor: Anchor, colour: &str) {
        self.write(at, text, anchor, colour, TEXT, false);
    }

    /// The same, bold.
    pub fn strong(&mut self, at: (i32, i32), text: &str, anchor: Anchor, colour: &str) {
        self.write(at, text, anchor, colour, TEXT, true);
    }

    /// A headline.
    pub fn title(&mut self, at: (i32, i32), text: &str) {
        self.write(at, text, Anchor::Start, "ink", TITLE, true);
    }

    /// A number in a circle.
    pub fn number(&mut self, (x, y): (i32, i32), number: &str) {
        self.dot((x, y), 10, "ink");
        self.write((x, y + 5), number, Anchor::Middle, "paper", TEXT, true);
    }

    fn write(
        &mut self,
        (x, y): (i32, i32),
        text: &str,
        anchor: Anchor,
        colour: &str,
        size: i32,
        is_bold: bool,
    ) {
        let (name, shift) = match anchor {
            Anchor::Start => ("", 0.0),
            Anchor::Middle => (" m", 0.5),
            Anchor::End => (" e", 1.0),
        };
        let weight = if is_bold { " w" } else { "" };
        let class = if size == TITLE { "t" } else { "x" };
        let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
        self.add(&format!(
            r#"<text x="{x}" y="{y}" class="{class}{name}{weight} f-{colour}">{escaped}</text>"#
        ));
        // The widest fonts that browsers take by themselves need a little less than this.
        let em = if is_bold { 0.63 } else { 0.57 };
        let width = text.chars().count() as f64 * f64::from(size) * em;
        let left = f64::from(x) - width * shift;
        let (top, bottom) = (f64::from(y) - f64::from(size) * 0.8, f64::from(y) + 2.0);
        self.texts.push(Extent { text: text.to_owned(), left, right: left + width, top, bottom });
    }

    fn add(&mut self, element: &str) {
        self.body.push_str(element);
        self.body.push('\n');
    }

    /// The file.
    pub fn into_svg(self) -> String {
        let Canvas { height, title, body, .. } = self;
        let (mut light, mut dark) = (String::new(), String::new());
        for (name, in_light, in_dark) in COLOURS {
            let is_used = |kind: char| {
                [" ", "\""].iter().any(|end| {
                    let class = format!("{kind}-{name}{end}");
                    body.contains(&class)
                })
            };
            for (kind, property) in [('f', "fill"), ('s', "stroke")] {
                if is_used(kind) {
                    writeln!(light, ".{kind}-{name}{{{property}:{in_light}}}").unwrap();
                    writeln!(dark, ".{kind}-{name}{{{property}:{in_dark}}}").unwrap();
                }
            }
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
             width=\"{WIDTH}\" role=\"img\" aria-label=\"{title}\">\n\
             <title>{title}</title>\n<style>\n\
             text{{font-family:system-ui,sans-serif}}\n\
             .x{{font-size:{TEXT}px}}\n.t{{font-size:{TITLE}px;font-weight:600}}\n\
             .w{{font-weight:600}}\n.m{{text-anchor:middle}}\n.e{{text-anchor:end}}\n\
             .l{{fill:none;stroke-width:2}}\n.b{{fill:none;stroke-width:6}}\n\
             .d{{stroke-dasharray:3 4}}\n{light}\
             @media (prefers-color-scheme: dark) {{\n{dark}}}\n\
             </style>\n{body}</svg>\n"
        )
    }
}
