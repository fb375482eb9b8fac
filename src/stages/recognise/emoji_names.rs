//! Emoji names: what BERTweet reads in the place of an emoji, which are those of the package `emoji` 0.6.0.
//!
//! They are Unicode's short names with underscores, but for those that Unicode has renamed since. Each emoji is one code
//! point: BERTweet reads joined ones part by part.

/// Names that differ from today's short names, sorted by code point.
const RENAMED: &[(char, &str)] = &[
    ('\u{2611}', "ballot_box_with_check"),
    ('\u{2705}', "white_heavy_check_mark"),
    ('\u{2714}', "heavy_check_mark"),
    ('\u{2716}', "heavy_multiplication_x"),
    ('\u{2753}', "question_mark"),
    ('\u{2757}', "exclamation_mark"),
    ('\u{2763}', "heavy_heart_exclamation"),
    ('\u{2795}', "heavy_plus_sign"),
    ('\u{2796}', "heavy_minus_sign"),
    ('\u{2797}', "heavy_division_sign"),
    ('\u{2b50}', "white_medium_star"),
    ('\u{2b55}', "heavy_large_circle"),
    ('\u{3297}', "Japanese_congratulations_button"),
    ('\u{3299}', "Japanese_secret_button"),
    ('\u{1f201}', "Japanese_here_button"),
    ('\u{1f202}', "Japanese_service_charge_button"),
    ('\u{1f21a}', "Japanese_free_of_charge_button"),
    ('\u{1f22f}', "Japanese_reserved_button"),
    ('\u{1f232}', "Japanese_prohibited_button"),
    ('\u{1f233}', "Japanese_vacancy_button"),
    ('\u{1f234}', "Japanese_passing_grade_button"),
    ('\u{1f235}', "Japanese_no_vacancy_button"),
    ('\u{1f236}', "Japanese_not_free_of_charge_button"),
    ('\u{1f237}', "Japanese_monthly_amount_button"),
    ('\u{1f238}', "Japanese_application_button"),
    ('\u{1f239}', "Japanese_discount_button"),
    ('\u{1f23a}', "Japanese_open_for_business_button"),
    ('\u{1f250}', "Japanese_bargain_button"),
    ('\u{1f251}', "Japanese_acceptable_button"),
    ('\u{1f392}', "school_backpack"),
    ('\u{1f3af}', "direct_hit"),
    ('\u{1f3fb}', "light_skin_tone"),
    ('\u{1f3fc}', "medium_light_skin_tone"),
    ('\u{1f3fd}', "medium_skin_tone"),
    ('\u{1f3fe}', "medium_dark_skin_tone"),
    ('\u{1f3ff}', "dark_skin_tone"),
    ('\u{1f438}', "frog_face"),
    ('\u{1f439}', "hamster_face"),
    ('\u{1f43a}', "wolf_face"),
    ('\u{1f43b}', "bear_face"),
    ('\u{1f43c}', "panda_face"),
    ('\u{1f46b}', "man_and_woman_holding_hands"),
    ('\u{1f46c}', "two_men_holding_hands"),
    ('\u{1f46d}', "two_women_holding_hands"),
    ('\u{1f470}', "bride_with_veil"),
    ('\u{1f471}', "blond-haired_person"),
    ('\u{1f472}', "man_with_Chinese_cap"),
    ('\u{1f4a4}', "zzz"),
    ('\u{1f4bb}', "laptop_computer"),
    ('\u{1f52b}', "pistol"),
    ('\u{1f574}', "man_in_suit_levitating"),
    ('\u{1f621}', "pouting_face"),
    ('\u{1f635}', "dizzy_face"),
    ('\u{1f638}', "grinning_cat_face_with_smiling_eyes"),
    ('\u{1f639}', "cat_face_with_tears_of_joy"),
    ('\u{1f63a}', "grinning_cat_face"),
    ('\u{1f63b}', "smiling_cat_face_with_heart-eyes"),
    ('\u{1f63c}', "cat_face_with_wry_smile"),
    ('\u{1f63d}', "kissing_cat_face"),
    ('\u{1f63e}', "pouting_cat_face"),
    ('\u{1f63f}', "crying_cat_face"),
    ('\u{1f640}', "weary_cat_face"),
    ('\u{1f916}', "robot_face"),
    ('\u{1f917}', "hugging_face"),
    ('\u{1f935}', "man_in_tuxedo"),
    ('\u{1f970}', "smiling_face_with_3_hearts"),
    ('\u{1f981}', "lion_face"),
    ('\u{1f984}', "unicorn_face"),
    ('\u{1f98a}', "fox_face"),
    ('\u{1f9af}', "probing_cane"),
    ('\u{1f9b0}', "red_hair"),
    ('\u{1f9b1}', "curly_hair"),
    ('\u{1f9b2}', "bald"),
    ('\u{1f9b3}', "white_hair"),
    ('\u{1f9d1}', "adult"),
    ('\u{1f9d3}', "older_adult"),
    ('\u{1f9d4}', "bearded_person"),
    ('\u{1f9e9}', "jigsaw"),
];

const FIRST_REGIONAL: char = '\u{1f1e6}';
const LAST_REGIONAL: char = '\u{1f1ff}';
/// Asks for the coloured form of a character that has a plain one.
const COLOURED: char = '\u{fe0f}';
/// The newest version of Unicode's emoji that the package names.
const VERSION: (u32, u32) = (12, 1);
/// A shrine, which is older than that and which the package does not name.
const UNNAMED: char = '\u{26e9}';

/// The name of an emoji, without colons; none for other characters and for newer emoji.
pub(super) fn emoji_name(character: char) -> Option<String> {
    if character.is_ascii() || character == UNNAMED {
        return None;
    }
    if let Ok(row) = RENAMED.binary_search_by_key(&character, |(renamed, _)| *renamed) {
        return Some(RENAMED[row].1.to_owned());
    }
    if (FIRST_REGIONAL..=LAST_REGIONAL).contains(&character) {
        let letter = u32::from(character) - u32::from(FIRST_REGIONAL) + u32::from('a');
        return Some(format!("regional_indicator_symbol_letter_{}", char::from_u32(letter)?));
    }
    let emoji = emojis::get(character.encode_utf8(&mut [0; 4]))
        .or_else(|| emojis::get(&String::from_iter([character, COLOURED])))?;
    let (major, minor) = VERSION;
    let known = emoji.unicode_version() <= emojis::UnicodeVersion::new(major, minor);
    known.then(|| emoji.name().replace(": ", "_").replace(' ', "_"))
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    /// The SHA-256 of `"{emoji} {name}\n"` for all code points that `emoji.demojize` of version 0.6.0 names, in their order.
    const NAMED: &str = "58ef0e50a3819553615e088587a2ea40a8467ab7ed602c71533d7dcd2c5f25d1";

    #[test]
    fn all_emoji_have_the_names_of_the_package() {
        let named = (char::MIN..=char::MAX).filter_map(|character| Some((character, emoji_name(character)?)));
        let lines: Vec<String> = named.map(|(character, name)| format!("{character} {name}\n")).collect();
        assert_eq!(lines.len(), 1298);
        let hash = Sha256::digest(lines.concat());
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, NAMED);
    }

    #[test]
    fn other_characters_and_newer_emoji_have_none() {
        for character in ['a', '1', '#', '\u{fe0f}', '\u{200d}', '火', '\u{1fae0}'] {
            assert_eq!(emoji_name(character), None, "{character:?}");
        }
        assert_eq!(emoji_name('🔥').as_deref(), Some("fire"));
        assert_eq!(emoji_name('🏽').as_deref(), Some("medium_skin_tone"));
    }
}
