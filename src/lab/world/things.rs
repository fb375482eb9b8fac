//! Shapes of all other objects: vehicles, instruments, animals and small items.

use super::shape::{Fill, Shape};

const DARK: Fill = Fill::Fixed([46, 46, 50]);
const METAL: Fill = Fill::Fixed([170, 172, 176]);
const GLASS: Fill = Fill::Fixed([178, 200, 212]);
const WOOD: Fill = Fill::Fixed([120, 88, 60]);
const EYE_WHITE: Fill = Fill::Fixed([236, 236, 232]);

pub(super) fn car(shape: &mut Shape) {
    shape.polygon(Fill::Accent, &[(28.0, 34.0), (44.0, 0.0), (100.0, 0.0), (120.0, 34.0)]);
    shape.polygon(GLASS, &[(42.0, 32.0), (51.0, 13.0), (69.0, 13.0), (69.0, 32.0)]);
    shape.polygon(GLASS, &[(75.0, 32.0), (75.0, 13.0), (92.0, 13.0), (104.0, 32.0)]);
    shape.rounded(Fill::Main, [0.0, 30.0, 150.0, 62.0], 11.0);
    for centre in [34.0, 116.0] {
        shape.ellipse(DARK, (centre, 62.0), (16.0, 16.0));
        shape.ellipse(METAL, (centre, 62.0), (7.0, 7.0));
    }
}

pub(super) fn cup(shape: &mut Shape) {
    shape.ellipse(Fill::Main, (78.0, 46.0), (25.0, 26.0));
    shape.ellipse(METAL, (78.0, 46.0), (12.0, 14.0));
    shape.polygon(Fill::Main, &[(0.0, 4.0), (80.0, 4.0), (71.0, 96.0), (9.0, 96.0)]);
    shape.polygon(Fill::Accent, &[(3.0, 36.0), (77.0, 36.0), (74.4, 64.0), (5.6, 64.0)]);
    shape.ellipse(Fill::Shadow, (40.0, 5.0), (40.0, 8.0));
}

pub(super) fn guitar(shape: &mut Shape) {
    shape.ellipse(Fill::Main, (50.0, 82.0), (29.0, 25.0));
    shape.ellipse(Fill::Main, (50.0, 54.0), (21.0, 19.0));
    shape.ellipse(DARK, (50.0, 69.0), (9.0, 9.0));
    shape.rectangle(Fill::Accent, [43.0, -12.0, 57.0, 62.0]);
    shape.rounded(Fill::Accent, [38.0, -28.0, 62.0, -8.0], 4.0);
    shape.rectangle(DARK, [39.0, 86.0, 61.0, 91.0]);
}

pub(super) fn cat(shape: &mut Shape) {
    let tail = [[112.0, 96.0, 98.0, 50.0], [92.0, 44.0, 88.0, 52.0], [98.0, 84.0, 66.0, 84.0]];
    shape.curves(Fill::Main, (60.0, 100.0), &tail);
    shape.ellipse(Fill::Main, (50.0, 76.0), (27.0, 27.0));
    shape.polygon(Fill::Main, &[(27.0, 26.0), (25.0, -2.0), (48.0, 14.0)]);
    shape.polygon(Fill::Main, &[(73.0, 26.0), (75.0, -2.0), (52.0, 14.0)]);
    shape.ellipse(Fill::Main, (50.0, 30.0), (26.0, 22.0));
    shape.rounded(Fill::Accent, [27.0, 47.0, 73.0, 61.0], 5.0);
    shape.rectangle(Fill::Accent, [58.0, 56.0, 70.0, 82.0]);
    for centre in [40.0, 60.0] {
        shape.ellipse(EYE_WHITE, (centre, 27.0), (5.5, 5.5));
        shape.ellipse(DARK, (centre, 27.0), (2.4, 4.0));
    }
}

pub(super) fn fish(shape: &mut Shape) {
    shape.polygon(Fill::Accent, &[(34.0, 38.0), (-8.0, 6.0), (2.0, 38.0), (-8.0, 70.0)]);
    shape.polygon(Fill::Main, &[(58.0, 12.0), (76.0, -8.0), (92.0, 10.0)]);
    let body = [[72.0, -16.0, 130.0, 38.0], [72.0, 92.0, 22.0, 38.0]];
    shape.curves(Fill::Main, (22.0, 38.0), &body);
    shape.ellipse(EYE_WHITE, (104.0, 32.0), (7.0, 7.0));
    shape.ellipse(DARK, (105.0, 32.0), (3.5, 3.5));
    shape.polygon(Fill::Shadow, &[(78.0, 40.0), (62.0, 32.0), (62.0, 50.0)]);
}

pub(super) fn tree(shape: &mut Shape) {
    shape.polygon(Fill::Accent, &[(40.0, 48.0), (60.0, 48.0), (66.0, 102.0), (34.0, 102.0)]);
    shape.ellipse(Fill::Main, (28.0, 44.0), (26.0, 22.0));
    shape.ellipse(Fill::Main, (72.0, 44.0), (26.0, 22.0));
    shape.ellipse(Fill::Main, (50.0, 24.0), (31.0, 27.0));
    for (x, y) in [(34.0, 28.0), (62.0, 20.0), (54.0, 42.0), (24.0, 48.0), (76.0, 46.0)] {
        shape.ellipse(Fill::Shadow, (x, y), (4.5, 2.5));
    }
}

pub(super) fn phone(shape: &mut Shape) {
    shape.rounded(Fill::Main, [20.0, 0.0, 78.0, 104.0], 9.0);
    shape.rectangle(Fill::Accent, [29.0, 16.0, 69.0, 84.0]);
    shape.ellipse(METAL, (49.0, 94.0), (5.0, 5.0));
    shape.rectangle(METAL, [40.0, 6.0, 58.0, 10.0]);
}

pub(super) fn boat(shape: &mut Shape) {
    shape.rectangle(WOOD, [50.0, -4.0, 56.0, 74.0]);
    shape.polygon(Fill::Accent, &[(57.0, -2.0), (57.0, 64.0), (104.0, 64.0)]);
    shape.polygon(Fill::Accent, &[(48.0, 10.0), (48.0, 64.0), (12.0, 64.0)]);
    shape.polygon(Fill::Main, &[(-2.0, 70.0), (116.0, 70.0), (94.0, 104.0), (20.0, 104.0)]);
    shape.rectangle(Fill::Shadow, [8.0, 78.0, 106.0, 82.0]);
}
