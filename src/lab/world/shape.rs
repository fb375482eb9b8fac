//! Vector shapes of objects, in units of about 100 per height, before scaling, rotation and rasterisation.

use tiny_skia::{FillRule, Path, PathBuilder, Rect};

/// The fill colour of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    /// The main colour of the appearance.
    Main,
    /// The main colour, darkened: folds, buttons, windows.
    Shadow,
    /// The accent colour.
    Accent,
    /// Fixed for all objects of a kind, and in no phrase: skin, wheels, doors.
    Fixed([u8; 3]),
}

/// One filled outline.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) path: Path,
    pub(super) fill: Fill,
}

/// An object as filled outlines, back to front.
#[derive(Debug, Default)]
pub(super) struct Shape {
    pub(super) parts: Vec<Part>,
}

impl Shape {
    /// Adds a polygon; fewer than three corners draw nothing.
    pub(super) fn polygon(&mut self, fill: Fill, corners: &[(f32, f32)]) {
        let mut builder = PathBuilder::new();
        for (index, &(x, y)) in corners.iter().enumerate() {
            if index == 0 {
                builder.move_to(x, y);
            } else {
                builder.line_to(x, y);
            }
        }
        builder.close();
        self.push(fill, builder);
    }

    /// Adds a rectangle by its left, top, right and bottom edges.
    pub(super) fn rectangle(&mut self, fill: Fill, edges: [f32; 4]) {
        let [left, top, right, bottom] = edges;
        self.polygon(fill, &[(left, top), (right, top), (right, bottom), (left, bottom)]);
    }

    /// Adds a rectangle with rounded corners.
    pub(super) fn rounded(&mut self, fill: Fill, edges: [f32; 4], radius: f32) {
        let [left, top, right, bottom] = edges;
        let mut builder = PathBuilder::new();
        builder.move_to(left + radius, top);
        builder.line_to(right - radius, top);
        builder.quad_to(right, top, right, top + radius);
        builder.line_to(right, bottom - radius);
        builder.quad_to(right, bottom, right - radius, bottom);
        builder.line_to(left + radius, bottom);
        builder.quad_to(left, bottom, left, bottom - radius);
        builder.line_to(left, top + radius);
        builder.quad_to(left, top, left + radius, top);
        builder.close();
        self.push(fill, builder);
    }

    /// Adds an ellipse by its centre and half axes.
    pub(super) fn ellipse(&mut self, fill: Fill, centre: (f32, f32), half: (f32, f32)) {
        let edges = (centre.0 - half.0, centre.1 - half.1, centre.0 + half.0, centre.1 + half.1);
        if let Some(bounds) = Rect::from_ltrb(edges.0, edges.1, edges.2, edges.3) {
            let mut builder = PathBuilder::new();
            builder.push_oval(bounds);
            self.push(fill, builder);
        }
    }

    /// Adds a closed outline of quadratic curves: a start, then control and end points.
    pub(super) fn curves(&mut self, fill: Fill, start: (f32, f32), curves: &[[f32; 4]]) {
        let mut builder = PathBuilder::new();
        builder.move_to(start.0, start.1);
        for &[control_x, control_y, x, y] in curves {
            builder.quad_to(control_x, control_y, x, y);
        }
        builder.close();
        self.push(fill, builder);
    }

    fn push(&mut self, fill: Fill, builder: PathBuilder) {
        self.parts.extend(builder.finish().map(|path| Part { path, fill }));
    }
}

/// Winding and even-odd fill these outlines alike, because none intersects itself.
pub(super) const FILL_RULE: FillRule = FillRule::Winding;
