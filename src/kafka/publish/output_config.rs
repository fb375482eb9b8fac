//! Output settings: the topic of an output, and the form of its records.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One output: its topic, and the form of its records.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OutputConfig {
    /// Its topic. No two outputs share one.
    pub topic: String,
    /// The name of its format, one of those of `formats`.
    pub format: String,
    /// What one record answers.
    pub shape: Shape,
    /// The form of masks.
    pub masks: MaskForm,
    /// The unit of boxes.
    pub boxes: BoxUnit,
}

/// What one record answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// One post.
    #[default]
    Post,
    /// One entity with one of its regions, or with none.
    Triple,
}

/// The form of masks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MaskForm {
    /// COCO's compressed run lengths.
    #[default]
    Coco,
    /// A PNG of one bit a pixel, in Base64.
    Png,
    /// Rings of points, simplified with a bounded error.
    Polygon,
    /// None.
    None,
}

/// The unit of boxes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BoxUnit {
    /// Pixels of the upright picture.
    #[default]
    Pixels,
    /// Shares of the picture's sides, 0 to 1.
    Relative,
}

impl Shape {
    /// Its name in settings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Triple => "triple",
        }
    }
}
