//! Backgrounds of pictures: muted colours, never black, white or saturated, so that they do not hide objects.

use rand::Rng;
use tiny_skia::{Color, Paint, PathBuilder, Pixmap, Rect, Stroke, Transform};

use super::palette::COLOURS;
use super::shape::FILL_RULE;

/// Paints the whole canvas: a pattern, then clutter.
pub(super) fn paint(canvas: &mut Pixmap, rng: &mut impl Rng) {
    ground(canvas, rng);
    for _ in 0..rng.random_range(0..14) {
        clutter(canvas, rng);
    }
}

/// Two muted colours in one of six patterns.
fn ground(canvas: &mut Pixmap, rng: &mut impl Rng) {
    let (width, height) = (canvas.width() as f32, canvas.height() as f32);
    let (first, second) = (muted(rng), muted(rng));
    let pattern = rng.random_range(0..6);
    let angle = rng.random_range(0.0..std::f32::consts::TAU);
    let (across, down) = (angle.cos(), angle.sin());
    let period = rng.random_range(9.0..40.0f32);
    let horizon = rng.random_range(0.35..0.75) * height;
    let (centre_x, centre_y) = (rng.random_range(0.0..width), rng.random_range(0.0..height));
    let columns = canvas.width() as usize;
    for (index, pixel) in canvas.data_mut().chunks_exact_mut(4).enumerate() {
        let (x, y) = ((index % columns) as f32, (index / columns) as f32);
        let share = match pattern {
            0 => ((x - width / 2.0) * across / width + (y - height / 2.0) * down / height + 0.5)
                .clamp(0.0, 1.0),
            1 => f32::from(u8::from(((x * across + y * down) / period).rem_euclid(1.0) < 0.5)),
            2 => f32::from(u8::from(y > horizon)) * 0.8 + 0.2 * y / height,
            3 => ((x - centre_x).hypot(y - centre_y) / width.max(height)).min(1.0),
            4 => f32::from(u8::from(((x / period).floor() + (y / period).floor()).rem_euclid(2.0) < 1.0)),
            _ => 0.25 + 0.25 * ((x / period).sin() + (y / period + across).sin() * 0.9),
        };
        for channel in 0..3 {
            let (from, to) = (f32::from(first[channel]), f32::from(second[channel]));
            pixel[channel] = (from + (to - from) * share.clamp(0.0, 1.0)) as u8;
        }
        pixel[3] = 255;
    }
}

/// A line, a large translucent ellipse, a small bright rectangle or a polygon: simpler than any object, but frequent.
fn clutter(canvas: &mut Pixmap, rng: &mut impl Rng) {
    let (width, height) = (canvas.width() as f32, canvas.height() as f32);
    let (x, y) = (rng.random_range(0.0..width), rng.random_range(0.0..height));
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    let mut builder = PathBuilder::new();
    match rng.random_range(0..4) {
        0 => {
            set_colour(&mut paint, muted(rng), 255);
            builder.move_to(x, y);
            builder.line_to(rng.random_range(0.0..width), rng.random_range(0.0..height));
            if let Some(path) = builder.finish() {
                let stroke = Stroke { width: rng.random_range(1.0..4.0), ..Stroke::default() };
                canvas.stroke_path(&path, &paint, &stroke, Transform::identity(), None);
            }
            return;
        }
        1 => {
            set_colour(&mut paint, muted(rng), rng.random_range(120..230));
            let half = (rng.random_range(8.0..40.0), rng.random_range(8.0..30.0));
            if let Some(bounds) = Rect::from_ltrb(x - half.0, y - half.1, x + half.0, y + half.1) {
                builder.push_oval(bounds);
            }
        }
        2 => {
            set_colour(&mut paint, COLOURS[rng.random_range(0..COLOURS.len())].rgb, 255);
            let side = rng.random_range(2.0..7.0);
            if let Some(bounds) = Rect::from_xywh(x, y, side, side * rng.random_range(0.5..1.6)) {
                builder.push_rect(bounds);
            }
        }
        _ => {
            set_colour(&mut paint, muted(rng), 255);
            builder.move_to(x, y);
            for _ in 0..rng.random_range(2..4) {
                builder.line_to(x + rng.random_range(-22.0..22.0), y + rng.random_range(-22.0..22.0));
            }
            builder.close();
        }
    }
    if let Some(path) = builder.finish() {
        canvas.fill_path(&path, &paint, FILL_RULE, Transform::identity(), None);
    }
}

fn set_colour(paint: &mut Paint, rgb: [u8; 3], alpha: u8) {
    paint.set_color(Color::from_rgba8(rgb[0], rgb[1], rgb[2], alpha));
}

/// A colour of medium lightness and low saturation.
fn muted(rng: &mut impl Rng) -> [u8; 3] {
    let lightness = rng.random_range(84.0..206.0f32);
    let strength = rng.random_range(4.0..34.0f32);
    let hue = rng.random_range(0.0..std::f32::consts::TAU);
    [0.0, 2.094, 4.189].map(|shift: f32| (lightness + strength * (hue + shift).cos()) as u8)
}
