//! Difficulty of the world: all parameters in one place, each with its reason.

/// What is harder in the split `hard` than in the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difficulty {
    /// Distribution of the number of mentions of a post, 0 to 5.
    pub mentions_per_post: [f64; 6],
    /// Distribution of the number of objects of a picture, 1 to 5; more if more entities are shown.
    pub objects_per_picture: [f64; 5],
    /// Of the posts with two shown mentions of one type, the share that shows two objects of one kind, which only their
    /// expansions distinguish.
    pub twins: f64,
    /// Of the posts with absent mentions, the share with a deliberate near miss of one: same kind, other colour. Random
    /// draws add about as many again, because nearly half of all objects are people.
    pub hard_negative: f64,
    /// Of the other distractors, the share of near misses of a shown and named object.
    pub same_kind_distractor: f64,
    /// Of near misses, the share that differs in the accent alone, if the phrase names it: hats are small, and a network
    /// of a million parameters recognises them less well than coats.
    pub near_miss_by_accent: f64,
    /// Share of names that two types share.
    pub ambiguous_names: f64,
    /// Minimum share of an object's pixels that stay visible despite occlusion and the picture's edge.
    pub min_visible_share: f64,
    /// Share of clauses whose words tell nothing of the types of their names, which only knowledge or the picture can.
    pub untelling: f64,
    /// Of these, the share that says that the picture does not show the entity.
    pub negated: f64,
}

impl Difficulty {
    /// Of training, development and test. The number of mentions is that of Twitter-GMNER, with six counted as five; most
    /// pictures have a distractor or two, so that "the only object" is seldom a correct answer.
    pub const PLAIN: Self = Self {
        mentions_per_post: [0.05, 0.42, 0.34, 0.13, 0.045, 0.015],
        objects_per_picture: [0.16, 0.30, 0.30, 0.16, 0.08],
        twins: 0.75,
        hard_negative: 0.25,
        same_kind_distractor: 0.35,
        near_miss_by_accent: 0.25,
        ambiguous_names: 0.06,
        min_visible_share: 0.62,
        untelling: 0.0,
        negated: 0.0,
    };

    /// Several people who look alike, one half behind another, names that may mean two things in clauses that do not say
    /// which, and things that the text says are not there. Nothing was trained on it.
    pub const HARD: Self = Self {
        mentions_per_post: [0.02, 0.18, 0.40, 0.26, 0.10, 0.04],
        objects_per_picture: [0.04, 0.16, 0.30, 0.30, 0.20],
        twins: 1.0,
        hard_negative: 0.8,
        same_kind_distractor: 0.8,
        near_miss_by_accent: 0.4,
        ambiguous_names: 0.5,
        min_visible_share: 0.45,
        untelling: 0.7,
        negated: 0.25,
    };
}

/// Distribution of the number of shown mentions (column) by the number of mentions of a post (row). The mean of every row
/// is 0.4 of its mentions, as in Twitter-GMNER (60 % ungroundable); mentions of one post are correlated, so that
/// enough posts show two.
pub const SHOWN_GIVEN_MENTIONS: [[f64; 4]; 6] = [
    [1.00, 0.00, 0.00, 0.00],
    [0.60, 0.40, 0.00, 0.00],
    [0.42, 0.36, 0.22, 0.00],
    [0.27, 0.36, 0.27, 0.10],
    [0.15, 0.30, 0.35, 0.20],
    [0.08, 0.22, 0.32, 0.38],
];

/// Share of expansions that name the accent beside the main colour.
pub const PHRASE_NAMES_ACCENT: f64 = 0.7;

/// Minimum share of an accent's pixels that stay visible: what a phrase names must be visible.
pub const MIN_ACCENT_VISIBLE_SHARE: f64 = 0.6;

/// Minimum and maximum of an object's longer side, in pixels. Below 28 a hat is two pixels after the picture is resized
/// to 128 and compressed; 80 is half of the widest picture.
pub const OBJECT_SIDE: (f32, f32) = (28.0, 80.0);

/// Minimum of the longer side of an object's visible box, in pixels.
pub const MIN_VISIBLE_SIDE: u32 = 24;

/// Picture sizes: 96 to 160 pixels per side, from tall to wide.
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

/// JPEG quality of every picture: Pillow's default, which the paper's code uses as well.
pub const JPEG_QUALITY: u8 = 75;

/// Maximum change of a channel by grain: below the quantisation error of JPEG at quality 75.
pub const GRAIN: i32 = 7;
