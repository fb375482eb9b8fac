//! Colours of entity types and of the page.

/// Red, green, blue.
pub(super) type Rgb = [u8; 3];

/// Background of the page.
pub(super) const PAGE: Rgb = [232, 235, 240];
/// Background of cards.
pub(super) const CARD: Rgb = [255, 255, 255];
/// Background of pictures.
pub(super) const PICTURE_GROUND: Rgb = [243, 245, 248];
/// Edges of cards, and empty parts of bars.
pub(super) const EDGE: Rgb = [208, 213, 221];
/// Text.
pub(super) const TEXT: Rgb = [28, 33, 43];
/// Secondary text.
pub(super) const MUTED: Rgb = [103, 112, 128];
/// Text on colours.
pub(super) const WHITE: Rgb = [255, 255, 255];
/// Outer edges of masks.
pub(super) const BLACK: Rgb = [0, 0, 0];

/// Dark enough for text on white, bright enough for pictures, and distinguishable for the colour-blind as far as eight
/// colours can be.
const BY_TYPE: [Rgb; 8] = [
    [0, 135, 90],
    [208, 92, 0],
    [150, 48, 200],
    [24, 96, 220],
    [200, 30, 60],
    [0, 130, 160],
    [214, 44, 130],
    [120, 86, 40],
];

/// The colour of a type, by its index among all types, so that it is the same everywhere; muted for an unknown type.
pub(super) fn of_type(types: &[String], name: &str) -> Rgb {
    types.iter().position(|known| known == name).map_or(MUTED, |place| BY_TYPE[place % BY_TYPE.len()])
}

/// A tint of a colour, light enough as background of text.
pub(super) fn tint(colour: Rgb) -> Rgb {
    colour.map(|channel| mix(channel, 255, 28))
}

/// `over` blended onto `under`, with `alpha` of 255.
pub(super) fn mix(over: u8, under: u8, alpha: u8) -> u8 {
    let (over, under, alpha) = (u32::from(over), u32::from(under), u32::from(alpha));
    ((over * alpha + under * (255 - alpha) + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_keep_their_colour_and_no_two_of_eight_share_one() {
        let types: Vec<String> = (0..8).map(|number| format!("T{number}")).collect();
        let colours: Vec<Rgb> = types.iter().map(|name| of_type(&types, name)).collect();
        for (number, colour) in colours.iter().enumerate() {
            assert!(!colours[..number].contains(colour), "{types:?} {number}");
        }
        assert_eq!(of_type(&types, "never seen"), MUTED);
    }

    #[test]
    fn mixing_meets_both_ends() {
        assert_eq!((mix(200, 10, 0), mix(200, 10, 255), mix(0, 255, 128)), (10, 200, 127));
    }
}
