//! Proposals: what a grounder proposes reaches the joint network, and what it fails to propose is noted.

use super::*;
use crate::domain::DegradedCode;
use crate::stages::ground::{OtherBox, Proposer};
use crate::stages::recognise::joint::{self, Candidate, Found, JointReader, JointSettings};

/// The grounder fails on this picture.
const DARK: u8 = 13;
/// The grid of the joint network.
const GRID: [Candidate; 2] = [[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.1, 1.0]];
/// Two generic phrases, about which the grounder answers with the second and the third tenth of a picture.
const PHRASES: [&str; 2] = ["ann", "bob"];
const PROPOSED: [Candidate; 3] = [[0.2, 0.0, 0.3, 1.0], [0.1, 0.0, 0.2, 1.0], [0.5, 0.5, 1.0, 1.0]];

/// What the two networks were asked.
#[derive(Default)]
struct Questions {
    /// By grey and phrase.
    grounded: Vec<(u8, usize)>,
    /// By grey, with the candidates.
    read: Vec<(u8, Vec<Candidate>)>,
}

fn joint_pipeline(keeps_grid: bool) -> (Pipeline, Arc<Mutex<Questions>>) {
    let questions = Arc::<Mutex<Questions>>::default();
    let mut device = Device::new("test", Arc::new(Metrics::new()));
    let asked = Arc::clone(&questions);
    let grounder = lane(&mut device, Stage::Ground, move |request: &ground::Request| {
        let (grey, person) = (grey(&request.picture), person(&request.prompt));
        asked.lock().unwrap().grounded.push((grey, person));
        if grey == DARK {
            return Err(ModelError::Failed("it is too dark".to_owned()));
        }
        let tenths = |from: usize, to: f64| [from as f64 / 10.0, 0.0, to / 10.0, 1.0];
        // Of the others one is nearly equal, one is new, and one has too low a score.
        let other = |corners: [f64; 4], score: f32| OtherBox { corners, log_probability: 4.0 * score.ln() };
        let others = vec![
            other(tenths(person, person as f64 + 1.05), 0.4),
            other([0.5, 0.5, 1.0, 1.0], 0.3),
            other([0.0, 0.9, 1.0, 1.0], 0.01),
        ];
        let log_probability = 4.0 * (0.4 + 0.1 * person as f32).ln();
        let corners = tenths(person, person as f64 + 1.0);
        Ok(ground::Reply { corners, log_probability, outline: None, others })
    });
    let asked = Arc::clone(&questions);
    let network = lane(&mut device, Stage::Recognise, move |request: &joint::Request| {
        let grey = request.picture.as_ref().map_or(0, |picture| grey(picture));
        asked.lock().unwrap().read.push((grey, request.candidates.to_vec()));
        let region = (!request.candidates.is_empty()).then_some((0, 0.7));
        let one = Found { words: 0..1, entity_type: 0, score: 0.9, certainty: 2.0, shown: 0.8, region };
        Ok(joint::Reply { found: vec![one] })
    });
    device.start().unwrap();
    let settings = JointSettings {
        types: vec![EntityType::new("PER")],
        candidates: GRID.to_vec().into(),
        keeps_grid,
        view: View::squashed(16),
        threshold: 0.5,
    };
    let reader = JointReader::new(network, WordTokenizer::new(tokenizer(), 50).unwrap(), settings);
    let phrases = PHRASES.map(str::to_owned).to_vec();
    let proposer = Proposer::new(Grounder::new(grounder, prompts()), View::squashed(8), phrases, 0.05);
    let entities = EntitiesBy::Joint(JointReading { reader, proposer: Some(Box::new(proposer)) });
    (Pipeline { entities, segmenter: None, ..pipeline(None).0 }, questions)
}

/// The candidates among which the network chose in a picture of this grey.
fn candidates(questions: &Mutex<Questions>, grey: u8) -> Vec<Candidate> {
    let questions = questions.lock().unwrap();
    let of_picture: Vec<_> = questions.read.iter().filter(|(other, _)| *other == grey).collect();
    assert_eq!(of_picture.len(), 1, "{of_picture:?}");
    let rounded = |candidate: Candidate| candidate.map(|edge| (100.0 * edge).round() / 100.0);
    of_picture[0].1.iter().copied().map(rounded).collect()
}

#[tokio::test]
async fn the_network_chooses_among_proposals_by_their_scores_and_then_the_grid() {
    for (keeps_grid, expected) in [(true, [&PROPOSED[..], &GRID[..]].concat()), (false, PROPOSED.to_vec())] {
        let (pipeline, questions) = joint_pipeline(keeps_grid);
        let annotation = pipeline.annotate(&post("ann", &[7])).await.unwrap();
        assert_eq!(candidates(&questions, 7), expected);
        assert_eq!(questions.lock().unwrap().grounded.len(), 2, "each phrase once");
        assert_eq!(annotation.degraded, []);
        let bbox = annotation.triples[0].regions[0].bbox;
        assert_eq!([bbox.x0, bbox.x1].map(f32::round), [4.0, 6.0], "the first candidate, in pixels");
    }
}

#[tokio::test]
async fn a_picture_is_asked_about_once_in_all_posts_that_show_it() {
    let (pipeline, questions) = joint_pipeline(true);
    let posts = [post("ann", &[7, 7]), post("bob", &[7]), post("cid", &[8])];
    for annotated in futures_util::future::join_all(posts.iter().map(|post| pipeline.annotate(post))).await {
        annotated.unwrap();
    }
    pipeline.annotate(&posts[0]).await.unwrap();
    let mut asked = questions.lock().unwrap().grounded.clone();
    asked.sort_unstable();
    assert_eq!(asked, [(7, 1), (7, 2), (8, 1), (8, 2)]);
}

#[tokio::test]
async fn boxes_that_came_with_a_picture_go_first_and_nothing_is_asked_about_it() {
    let (pipeline, questions) = joint_pipeline(true);
    let mut post = post("ann", &[7, 8]);
    post.media[0].candidate_boxes = vec![BBox { x0: 5.0, y0: 0.0, x1: 10.0, y1: 10.0 }];
    // Beyond the picture: none is left.
    post.media[1].candidate_boxes = vec![BBox { x0: 50.0, y0: 0.0, x1: 60.0, y1: 10.0 }];
    pipeline.annotate(&post).await.unwrap();
    assert_eq!(candidates(&questions, 7), [[0.25, 0.0, 0.5, 1.0]]);
    assert_eq!(candidates(&questions, 8), [&PROPOSED[..], &GRID[..]].concat());
    assert!(questions.lock().unwrap().grounded.iter().all(|(grey, _)| *grey == 8));
}

#[tokio::test]
async fn without_a_text_nothing_is_asked() {
    let (pipeline, questions) = joint_pipeline(true);
    let annotation = pipeline.annotate(&super::post(" ", &[7])).await.unwrap();
    assert!(annotation.triples.is_empty() && annotation.degraded.is_empty());
    assert!(questions.lock().unwrap().grounded.is_empty());
}

#[tokio::test]
async fn the_grid_stands_for_what_a_failing_grounder_did_not_propose_and_the_answer_says_so() {
    for keeps_grid in [true, false] {
        let (pipeline, questions) = joint_pipeline(keeps_grid);
        let annotation = pipeline.annotate(&post("ann", &[7, DARK])).await.unwrap();
        assert_eq!(candidates(&questions, DARK), GRID);
        assert_eq!(candidates(&questions, 7)[0], PROPOSED[0], "another picture is not harmed");
        let [note] = &annotation.degraded[..] else { panic!("{:?}", annotation.degraded) };
        assert_eq!(note.code, DegradedCode::NotProposed);
        let begin =
            "regions of 1 picture were not proposed, the grid stands for them: the network of stage `ground`";
        assert!(note.detail.starts_with(begin) && note.detail.contains("it is too dark"), "{}", note.detail);
        assert_eq!(annotation.triples[0].regions.len(), 2, "both pictures show the entity");
        let again = pipeline.annotate(&post("ann", &[DARK])).await.unwrap();
        assert_eq!(again.degraded.len(), 1, "a failure is not kept: the picture is asked about again");
    }
}

#[tokio::test]
async fn a_lost_device_is_an_error_and_no_note() {
    let (mut pipeline, _) = joint_pipeline(true);
    let mut device = Device::new("other", Arc::new(Metrics::new()));
    let closed =
        lane(&mut device, Stage::Ground, |_: &ground::Request| Err(ModelError::Failed(String::new())));
    drop(device);
    let EntitiesBy::Joint(joint) = &mut pipeline.entities else { panic!("it is one") };
    let phrases = PHRASES.map(str::to_owned).to_vec();
    let lost = Proposer::new(Grounder::new(closed, prompts()), View::squashed(8), phrases, 0.0);
    joint.proposer = Some(Box::new(lost));
    let error = pipeline.annotate(&post("ann", &[7])).await.unwrap_err();
    let AnnotateError::Network(error) = error else { panic!("{error}") };
    assert!(error.retry_can_help() && error.stage() == Stage::Ground, "{error}");
}
