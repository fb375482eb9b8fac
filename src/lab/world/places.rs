//! Shapes of places: buildings and bridges.

use super::shape::{Fill, Shape};

const DOOR: Fill = Fill::Fixed([112, 84, 62]);
const GLASS: Fill = Fill::Fixed([176, 196, 206]);
const STONE: Fill = Fill::Fixed([132, 128, 122]);

pub(super) fn tower(shape: &mut Shape) {
    shape.polygon(Fill::Accent, &[(46.0, 8.0), (54.0, 8.0), (50.0, -16.0)]);
    shape.ellipse(Fill::Accent, (50.0, 14.0), (17.0, 15.0));
    shape.polygon(Fill::Main, &[(40.0, 27.0), (60.0, 27.0), (66.0, 100.0), (34.0, 100.0)]);
    shape.rounded(Fill::Main, [31.0, 24.0, 69.0, 36.0], 3.0);
    for top in [46.0, 62.0, 78.0] {
        shape.rectangle(Fill::Shadow, [46.5, top, 53.5, top + 8.0]);
    }
}

pub(super) fn bridge(shape: &mut Shape) {
    // The cable runs from pillar to pillar and down to both ends of the deck.
    let cable = [
        [36.0, 30.0, 38.0, 4.0],
        [75.0, 62.0, 112.0, 4.0],
        [114.0, 30.0, 150.0, 40.0],
        [112.0, 34.0, 112.0, 12.0],
    ];
    let back = [[75.0, 72.0, 38.0, 12.0], [38.0, 34.0, 0.0, 47.0]];
    shape.curves(Fill::Main, (0.0, 40.0), &[&cable[..], &back[..]].concat());
    shape.rectangle(Fill::Accent, [30.0, 0.0, 45.0, 74.0]);
    shape.rectangle(Fill::Accent, [105.0, 0.0, 120.0, 74.0]);
    shape.rectangle(Fill::Main, [0.0, 40.0, 150.0, 57.0]);
}

pub(super) fn castle(shape: &mut Shape) {
    shape.rectangle(Fill::Main, [16.0, 46.0, 84.0, 100.0]);
    for left in [30.0, 46.0, 62.0] {
        shape.rectangle(Fill::Main, [left, 37.0, left + 9.0, 48.0]);
    }
    for left in [0.0, 72.0] {
        shape.rectangle(Fill::Main, [left, 24.0, left + 28.0, 100.0]);
        for step in [0.0, 10.0, 20.0] {
            shape.rectangle(Fill::Main, [left + step, 14.0, left + step + 8.0, 26.0]);
        }
        shape.rectangle(Fill::Shadow, [left + 10.0, 38.0, left + 18.0, 54.0]);
    }
    shape.rectangle(Fill::Accent, [34.0, 76.0, 66.0, 100.0]);
    shape.ellipse(Fill::Accent, (50.0, 76.0), (16.0, 14.0));
}

pub(super) fn house(shape: &mut Shape) {
    shape.rectangle(Fill::Main, [12.0, 46.0, 98.0, 96.0]);
    shape.rectangle(STONE, [76.0, 12.0, 88.0, 40.0]);
    shape.polygon(Fill::Accent, &[(0.0, 50.0), (55.0, 6.0), (110.0, 50.0)]);
    shape.rectangle(DOOR, [46.0, 66.0, 64.0, 96.0]);
    shape.rectangle(GLASS, [21.0, 60.0, 37.0, 76.0]);
    shape.rectangle(GLASS, [73.0, 60.0, 89.0, 76.0]);
}

pub(super) fn lighthouse(shape: &mut Shape) {
    shape.ellipse(STONE, (50.0, 98.0), (38.0, 8.0));
    shape.polygon(Fill::Main, &[(36.0, 26.0), (64.0, 26.0), (72.0, 98.0), (28.0, 98.0)]);
    shape.polygon(Fill::Accent, &[(34.3, 40.0), (65.7, 40.0), (67.5, 57.0), (32.5, 57.0)]);
    shape.polygon(Fill::Accent, &[(30.7, 74.0), (69.3, 74.0), (71.2, 91.0), (28.8, 91.0)]);
    shape.rectangle(GLASS, [40.0, 10.0, 60.0, 26.0]);
    shape.rectangle(Fill::Main, [30.0, 22.0, 70.0, 28.0]);
    shape.polygon(Fill::Main, &[(34.0, 11.0), (66.0, 11.0), (50.0, -8.0)]);
}
