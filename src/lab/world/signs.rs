//! How organisations' signs and team shirts are drawn.

use std::f32::consts::PI;

use super::sketch::{Ink, Sketch};

const ENAMEL: Ink = Ink::Fixed([150, 150, 150]);

pub(super) fn star(sketch: &mut Sketch) {
    sketch.ellipse(Ink::Accent, (50.0, 50.0), (50.0, 50.0));
    let corners: Vec<(f32, f32)> = (0..10)
        .map(|corner| {
            let radius = if corner % 2 == 0 { 44.0 } else { 20.0 };
            let angle = PI * (corner as f32 / 5.0 - 0.5);
            (50.0 + radius * angle.cos(), 51.0 + radius * angle.sin())
        })
        .collect();
    sketch.polygon(Ink::Main, &corners);
}

pub(super) fn ring(sketch: &mut Sketch) {
    sketch.ellipse(Ink::Main, (50.0, 50.0), (50.0, 50.0));
    sketch.ellipse(ENAMEL, (50.0, 50.0), (29.0, 29.0));
    sketch.ellipse(Ink::Accent, (50.0, 50.0), (19.0, 19.0));
}

pub(super) fn shield(sketch: &mut Sketch) {
    let outline =
        [[26.0, 8.0, 50.0, 0.0], [74.0, 8.0, 94.0, 6.0], [98.0, 70.0, 50.0, 104.0], [2.0, 70.0, 6.0, 6.0]];
    sketch.curves(Ink::Main, (6.0, 6.0), &outline);
    sketch.rectangle(Ink::Accent, [41.0, 13.0, 59.0, 84.0]);
    sketch.rectangle(Ink::Accent, [18.0, 31.0, 82.0, 49.0]);
}

pub(super) fn team_shirt(sketch: &mut Sketch) {
    sketch.polygon(Ink::Accent, &[(30.0, 2.0), (34.0, 34.0), (10.0, 48.0), (-6.0, 30.0)]);
    sketch.polygon(Ink::Accent, &[(80.0, 2.0), (76.0, 34.0), (100.0, 48.0), (116.0, 30.0)]);
    sketch.rounded(Ink::Main, [26.0, 0.0, 84.0, 96.0], 4.0);
    sketch.ellipse(ENAMEL, (55.0, 2.0), (13.0, 9.0));
}
