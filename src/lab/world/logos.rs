//! Shapes of organisations: logos and team shirts.

use std::f32::consts::PI;

use super::shape::{Fill, Shape};

const ENAMEL: Fill = Fill::Fixed([150, 150, 150]);

pub(super) fn star(shape: &mut Shape) {
    shape.ellipse(Fill::Accent, (50.0, 50.0), (50.0, 50.0));
    let corners: Vec<(f32, f32)> = (0..10)
        .map(|corner| {
            let radius = if corner % 2 == 0 { 44.0 } else { 20.0 };
            let angle = PI * (corner as f32 / 5.0 - 0.5);
            (50.0 + radius * angle.cos(), 51.0 + radius * angle.sin())
        })
        .collect();
    shape.polygon(Fill::Main, &corners);
}

pub(super) fn ring(shape: &mut Shape) {
    shape.ellipse(Fill::Main, (50.0, 50.0), (50.0, 50.0));
    shape.ellipse(ENAMEL, (50.0, 50.0), (29.0, 29.0));
    shape.ellipse(Fill::Accent, (50.0, 50.0), (19.0, 19.0));
}

pub(super) fn shield(shape: &mut Shape) {
    let outline =
        [[26.0, 8.0, 50.0, 0.0], [74.0, 8.0, 94.0, 6.0], [98.0, 70.0, 50.0, 104.0], [2.0, 70.0, 6.0, 6.0]];
    shape.curves(Fill::Main, (6.0, 6.0), &outline);
    shape.rectangle(Fill::Accent, [41.0, 13.0, 59.0, 84.0]);
    shape.rectangle(Fill::Accent, [18.0, 31.0, 82.0, 49.0]);
}

pub(super) fn team_shirt(shape: &mut Shape) {
    shape.polygon(Fill::Accent, &[(30.0, 2.0), (34.0, 34.0), (10.0, 48.0), (-6.0, 30.0)]);
    shape.polygon(Fill::Accent, &[(80.0, 2.0), (76.0, 34.0), (100.0, 48.0), (116.0, 30.0)]);
    shape.rounded(Fill::Main, [26.0, 0.0, 84.0, 96.0], 4.0);
    shape.ellipse(ENAMEL, (55.0, 2.0), (13.0, 9.0));
}
