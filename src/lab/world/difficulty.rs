//! How hard is the world? Every knob in one place, each with its argument.

/// Share of mentions whose entity the picture shows, by how many mentions the post has (row: mentions, column:
/// how many are shown). Every row's mean is 0.4 of its mentions, as in Twitter-GMNER (60 % ungroundable);
/// mentions of one post go together more often than chance would have it, so that enough posts show two.
pub const SHOWN_GIVEN_MENTIONS: [[f64; 4]; 6] = [
    [1.00, 0.00, 0.00, 0.00],
    [0.60, 0.40, 0.00, 0.00],
    [0.42, 0.36, 0.22, 0.00],
    [0.27, 0.36, 0.27, 0.10],
    [0.15, 0.30, 0.35, 0.20],
    [0.08, 0.22, 0.32, 0.38],
];

/// How many mentions a post has, 0 to 5: Twitter-GMNER's own distribution, its rare sixes folded into fives.
pub const MENTIONS_PER_POST: [f64; 6] = [0.05, 0.42, 0.34, 0.13, 0.045, 0.015];

/// How many objects a picture has, 1 to 5; more where more must be shown. Most have a bystander or two, so that
/// "the only thing there" is seldom a way to ground.
pub const OBJECTS_PER_PICTURE: [f64; 5] = [0.16, 0.30, 0.30, 0.16, 0.08];

/// Of the posts with two shown mentions of one type, how many show two things of one kind, told apart by their
/// expansions alone.
pub const TWINS: f64 = 0.75;

/// Of the posts with absent mentions, how many get a near miss of one on purpose: same kind, other colour.
/// Chance adds about as many again through people, who are nearly half of all that is drawn.
pub const HARD_NEGATIVE: f64 = 0.25;

/// Of the other bystanders, how many are near misses of something that is shown and named.
pub const SAME_KIND_DISTRACTOR: f64 = 0.35;

/// Of near misses, how many differ in the lesser attribute alone, where the phrase names it: hats are small, and
/// a network of a million parameters sees them less well than coats.
pub const NEAR_MISS_BY_ACCENT: f64 = 0.25;

/// Share of expansions that name the lesser attribute beside the main colour.
pub const PHRASE_NAMES_ACCENT: f64 = 0.7;

/// Share of surfaces that stand for two types, told apart by context alone.
pub const AMBIGUOUS_NAME_SHARE: f64 = 0.06;

/// Least share of an object's pixels that stay visible behind what is drawn over it or cut by the picture's edge.
pub const MIN_VISIBLE_SHARE: f64 = 0.62;

/// The same for the part that carries the lesser attribute: what a phrase says must be there to see.
pub const MIN_ACCENT_VISIBLE_SHARE: f64 = 0.6;

/// Longer side of an object as drawn, in pixels. Below 28 a hat is two pixels once the picture is squashed to
/// 128 and compressed; 80 is half of the widest picture.
pub const OBJECT_SIDE: (f32, f32) = (28.0, 80.0);

/// Longer side of an object's visible box, in pixels, at least.
pub const MIN_VISIBLE_SIDE: u32 = 24;

/// Picture sizes: 96 to 160 pixels a side, from tall to wide.
pub const PICTURE_SIZES: [(u32, u32); 10] = [
    (128, 128),
    (160, 120),
    (120, 160),
    (144, 112),
    (112, 144),
    (160, 96),
    (96, 144),
    (112, 112),
    (160, 160),
    (144, 96),
];

/// JPEG quality of every picture: what Pillow writes by default, and what the paper's own code re-encodes to.
pub const JPEG_QUALITY: u8 = 75;

/// Largest change of any channel by grain, per pixel: below what JPEG's own quantisation does at quality 75.
pub const GRAIN: i32 = 7;
