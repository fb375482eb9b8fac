//! How buildings and bridges are drawn.

use super::sketch::{Ink, Sketch};

const DOOR: Ink = Ink::Fixed([112, 84, 62]);
const GLASS: Ink = Ink::Fixed([176, 196, 206]);
const STONE: Ink = Ink::Fixed([132, 128, 122]);

pub(super) fn tower(sketch: &mut Sketch) {
    sketch.polygon(Ink::Accent, &[(46.0, 8.0), (54.0, 8.0), (50.0, -16.0)]);
    sketch.ellipse(Ink::Accent, (50.0, 14.0), (17.0, 15.0));
    sketch.polygon(Ink::Main, &[(40.0, 27.0), (60.0, 27.0), (66.0, 100.0), (34.0, 100.0)]);
    sketch.rounded(Ink::Main, [31.0, 24.0, 69.0, 36.0], 3.0);
    for top in [46.0, 62.0, 78.0] {
        sketch.rectangle(Ink::Shadow, [46.5, top, 53.5, top + 8.0]);
    }
}

pub(super) fn bridge(sketch: &mut Sketch) {
    // The cable hangs from pillar to pillar and runs down to both ends of the deck.
    let cable = [
        [36.0, 30.0, 38.0, 4.0],
        [75.0, 62.0, 112.0, 4.0],
        [114.0, 30.0, 150.0, 40.0],
        [112.0, 34.0, 112.0, 12.0],
    ];
    let back = [[75.0, 72.0, 38.0, 12.0], [38.0, 34.0, 0.0, 47.0]];
    sketch.curves(Ink::Main, (0.0, 40.0), &[&cable[..], &back[..]].concat());
    sketch.rectangle(Ink::Accent, [30.0, 0.0, 45.0, 74.0]);
    sketch.rectangle(Ink::Accent, [105.0, 0.0, 120.0, 74.0]);
    sketch.rectangle(Ink::Main, [0.0, 40.0, 150.0, 57.0]);
}

pub(super) fn castle(sketch: &mut Sketch) {
    sketch.rectangle(Ink::Main, [16.0, 46.0, 84.0, 100.0]);
    for left in [30.0, 46.0, 62.0] {
        sketch.rectangle(Ink::Main, [left, 37.0, left + 9.0, 48.0]);
    }
    for left in [0.0, 72.0] {
        sketch.rectangle(Ink::Main, [left, 24.0, left + 28.0, 100.0]);
        for step in [0.0, 10.0, 20.0] {
            sketch.rectangle(Ink::Main, [left + step, 14.0, left + step + 8.0, 26.0]);
        }
        sketch.rectangle(Ink::Shadow, [left + 10.0, 38.0, left + 18.0, 54.0]);
    }
    sketch.rectangle(Ink::Accent, [34.0, 76.0, 66.0, 100.0]);
    sketch.ellipse(Ink::Accent, (50.0, 76.0), (16.0, 14.0));
}

pub(super) fn house(sketch: &mut Sketch) {
    sketch.rectangle(Ink::Main, [12.0, 46.0, 98.0, 96.0]);
    sketch.rectangle(STONE, [76.0, 12.0, 88.0, 40.0]);
    sketch.polygon(Ink::Accent, &[(0.0, 50.0), (55.0, 6.0), (110.0, 50.0)]);
    sketch.rectangle(DOOR, [46.0, 66.0, 64.0, 96.0]);
    sketch.rectangle(GLASS, [21.0, 60.0, 37.0, 76.0]);
    sketch.rectangle(GLASS, [73.0, 60.0, 89.0, 76.0]);
}

pub(super) fn lighthouse(sketch: &mut Sketch) {
    sketch.ellipse(STONE, (50.0, 98.0), (38.0, 8.0));
    sketch.polygon(Ink::Main, &[(36.0, 26.0), (64.0, 26.0), (72.0, 98.0), (28.0, 98.0)]);
    sketch.polygon(Ink::Accent, &[(34.3, 40.0), (65.7, 40.0), (67.5, 57.0), (32.5, 57.0)]);
    sketch.polygon(Ink::Accent, &[(30.7, 74.0), (69.3, 74.0), (71.2, 91.0), (28.8, 91.0)]);
    sketch.rectangle(GLASS, [40.0, 10.0, 60.0, 26.0]);
    sketch.rectangle(Ink::Main, [30.0, 22.0, 70.0, 28.0]);
    sketch.polygon(Ink::Main, &[(34.0, 11.0), (66.0, 11.0), (50.0, -8.0)]);
}
