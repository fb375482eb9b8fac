//! Shapes of people: large heads and hats, so that their colours stay visible in small pictures.

use super::appearance::Appearance;
use super::shape::{Fill, Shape};

const HAIR: Fill = Fill::Fixed([98, 66, 44]);
const TROUSERS: Fill = Fill::Fixed([84, 86, 96]);
const SHOES: Fill = Fill::Fixed([60, 50, 46]);
const EYES: Fill = Fill::Fixed([40, 34, 34]);

/// A standing man: square shoulders, trousers, short hair.
pub(super) fn man(shape: &mut Shape, appearance: &Appearance, skin: Fill) {
    shape.rectangle(TROUSERS, [32.0, 64.0, 48.0, 97.0]);
    shape.rectangle(TROUSERS, [52.0, 64.0, 68.0, 97.0]);
    shape.rectangle(SHOES, [28.0, 95.0, 48.0, 101.0]);
    shape.rectangle(SHOES, [52.0, 95.0, 72.0, 101.0]);
    shape.rounded(skin, [13.0, 60.0, 26.0, 71.0], 4.0);
    shape.rounded(skin, [74.0, 60.0, 87.0, 71.0], 4.0);
    shape.polygon(Fill::Main, &[(30.0, 35.0), (30.0, 48.0), (25.0, 63.0), (12.0, 63.0), (16.0, 42.0)]);
    shape.polygon(Fill::Main, &[(70.0, 35.0), (70.0, 48.0), (75.0, 63.0), (88.0, 63.0), (84.0, 42.0)]);
    if appearance.coat {
        shape.polygon(
            Fill::Main,
            &[(28.0, 35.0), (72.0, 35.0), (74.0, 60.0), (79.0, 87.0), (21.0, 87.0), (26.0, 60.0)],
        );
        shape.rectangle(Fill::Shadow, [48.5, 40.0, 51.5, 87.0]);
    } else {
        shape.rounded(Fill::Main, [28.0, 34.0, 72.0, 69.0], 5.0);
    }
    shape.polygon(skin, &[(43.0, 30.0), (57.0, 30.0), (50.0, 42.0)]);
    shape.ellipse(skin, (50.0, 19.0), (15.0, 17.0));
    eyes(shape);
    if appearance.hat {
        shape.rectangle(HAIR, [34.5, 8.0, 65.5, 15.0]);
        shape.rounded(Fill::Accent, [34.0, -14.0, 66.0, 9.0], 5.0);
        shape.rounded(Fill::Accent, [23.0, 4.0, 77.0, 11.0], 3.0);
    } else {
        let outline = [
            [30.0, -4.0, 50.0, -4.0],
            [70.0, -4.0, 67.0, 21.0],
            [62.0, 10.0, 50.0, 10.0],
            [38.0, 10.0, 33.0, 21.0],
        ];
        shape.curves(Fill::Accent, (33.0, 21.0), &outline);
    }
}

/// A standing woman: long hair, a flared dress or a long coat.
pub(super) fn woman(shape: &mut Shape, appearance: &Appearance, skin: Fill) {
    let hair = if appearance.hat { HAIR } else { Fill::Accent };
    shape.rounded(hair, [29.0, 4.0, 71.0, 50.0], 14.0);
    shape.rectangle(skin, [40.0, 80.0, 47.0, 97.0]);
    shape.rectangle(skin, [53.0, 80.0, 60.0, 97.0]);
    shape.rectangle(SHOES, [36.0, 95.0, 47.0, 101.0]);
    shape.rectangle(SHOES, [53.0, 95.0, 64.0, 101.0]);
    if appearance.coat {
        shape.polygon(Fill::Main, &[(34.0, 38.0), (38.0, 48.0), (26.0, 68.0), (15.0, 64.0), (26.0, 42.0)]);
        shape.polygon(Fill::Main, &[(66.0, 38.0), (62.0, 48.0), (74.0, 68.0), (85.0, 64.0), (74.0, 42.0)]);
        shape.polygon(
            Fill::Main,
            &[(35.0, 36.0), (65.0, 36.0), (64.0, 58.0), (74.0, 90.0), (26.0, 90.0), (36.0, 58.0)],
        );
        shape.rectangle(Fill::Shadow, [48.5, 42.0, 51.5, 90.0]);
    } else {
        shape.polygon(skin, &[(36.0, 38.0), (38.0, 46.0), (25.0, 66.0), (18.0, 62.0), (29.0, 42.0)]);
        shape.polygon(skin, &[(64.0, 38.0), (62.0, 46.0), (75.0, 66.0), (82.0, 62.0), (71.0, 42.0)]);
        shape.polygon(
            Fill::Main,
            &[(37.0, 36.0), (63.0, 36.0), (60.0, 54.0), (87.0, 86.0), (13.0, 86.0), (40.0, 54.0)],
        );
    }
    shape.polygon(skin, &[(44.0, 32.0), (56.0, 32.0), (50.0, 42.0)]);
    shape.ellipse(skin, (50.0, 20.0), (14.0, 16.0));
    eyes(shape);
    if appearance.hat {
        shape.curves(Fill::Accent, (32.0, 8.0), &[[32.0, -16.0, 50.0, -16.0], [68.0, -16.0, 68.0, 8.0]]);
        shape.ellipse(Fill::Accent, (50.0, 7.0), (31.0, 5.5));
    } else {
        let fringe = [
            [34.0, -2.0, 50.0, -2.0],
            [66.0, -2.0, 68.0, 20.0],
            [60.0, 10.0, 50.0, 9.0],
            [40.0, 10.0, 32.0, 20.0],
        ];
        shape.curves(hair, (32.0, 20.0), &fringe);
    }
}

fn eyes(shape: &mut Shape) {
    shape.ellipse(EYES, (44.5, 20.0), (2.0, 2.4));
    shape.ellipse(EYES, (55.5, 20.0), (2.0, 2.4));
}
