//! Words of tweets as BERTweet reads them, held against its own normalisation (`tweets.py`).

use riveg::stages::recognise::TextStyle;
use serde_json::Value;

const CASES: usize = 72;

#[test]
fn bertweet_reads_users_links_emoji_and_contractions_as_its_own_tokenizer_does() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("tweets.json")).unwrap();
    assert_eq!(cases.len(), CASES);
    let mut contracted = 0;
    for case in &cases {
        let text = case["text"].as_str().unwrap();
        let words = TextStyle::Bertweet.words(text);
        let read: Vec<String> = words
            .iter()
            .flat_map(|word| {
                let read = TextStyle::Bertweet.read(&text[word.byte_start..word.byte_end]);
                read.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
            })
            .collect();
        let expected: Vec<&str> =
            case["words"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
        assert_eq!(read, expected, "{text}");
        contracted += expected.iter().filter(|word| ["n't", "'re", "'ve", "'ll"].contains(*word)).count();
    }
    assert!(contracted > CASES / 2, "{contracted} contractions");
}
