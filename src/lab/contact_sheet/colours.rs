//! Which colour is what? One for each type of entity, and a few for the page.

/// Red, green, blue.
pub(super) type Rgb = [u8; 3];

/// Behind the cards.
pub(super) const PAGE: Rgb = [232, 235, 240];
/// The cards.
pub(super) const CARD: Rgb = [255, 255, 255];
/// Around pictures.
pub(super) const PICTURE_GROUND: Rgb = [243, 245, 248];
/// The edges of cards, and empty parts of bars.
pub(super) const EDGE: Rgb = [208, 213, 221];
/// Texts.
pub(super) const TEXT: Rgb = [28, 33, 43];
/// What explains texts.
pub(super) const MUTED: Rgb = [103, 112, 128];
/// What lies on colours.
pub(super) const WHITE: Rgb = [255, 255, 255];
/// The other edge of what lies on pictures.
pub(super) const BLACK: Rgb = [0, 0, 0];

/// Dark enough to be read as text on white, bright enough to be seen in a picture, and told apart by the colour-blind
/// as far as eight colours can be.
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

/// The colour of a type: by its place among all, so that it is the same everywhere. A type that is not among them is
/// faint.
pub(super) fn of_type(types: &[String], name: &str) -> Rgb {
    types.iter().position(|known| known == name).map_or(MUTED, |place| BY_TYPE[place % BY_TYPE.len()])
}

/// A tint of a colour, light enough to lie under text.
pub(super) fn tint(colour: Rgb) -> Rgb {
    colour.map(|channel| mix(channel, 255, 28))
}

/// `over` laid on `under`, with `alpha` of 255.
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
