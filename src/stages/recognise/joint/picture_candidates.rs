//! Candidates of one picture: the boxes that came with it, or what a grounder proposed, with the grid or without it.

use super::Candidate;
use super::candidates::MOST;
use crate::domain::BBox;

/// The most proposals that become candidates: beams of five for each of four types make twenty.
const MOST_PROPOSALS: usize = 64;
/// Two boxes that overlap by so much are one candidate. Answers are right from an overlap of a half on, so hardly any is
/// right by one of them and wrong by the other.
const NEARLY_EQUAL: f32 = 0.9;

/// Boxes in pixels of an upright picture of this size as candidates. What lies beyond its edges is cut off, and a box of which
/// nothing is left is no candidate.
#[must_use]
pub fn given_candidates(boxes: &[BBox], (width, height): (u32, u32)) -> Vec<Candidate> {
    let fraction = |edge: f32, side: u32| (edge / side as f32).clamp(0.0, 1.0);
    let candidate = |bbox: &BBox| {
        let (x0, x1) = (fraction(bbox.x0, width), fraction(bbox.x1, width));
        let (y0, y1) = (fraction(bbox.y0, height), fraction(bbox.y1, height));
        (x0 < x1 && y0 < y1).then_some([x0, y0, x1, y1])
    };
    boxes.iter().filter_map(candidate).collect()
}

/// The candidates of a picture for which a grounder proposed these regions with their scores: first the proposals, those with
/// the highest scores and at most [`MOST_PROPOSALS`], then the boxes of the grid. A box without an area and a box that is
/// nearly equal to a proposal before it are left out. All together are at most as many as a grid may have.
#[must_use]
pub fn proposed_candidates(proposals: &[(Candidate, f32)], grid: &[Candidate]) -> Vec<Candidate> {
    let mut best_first = proposals.to_vec();
    best_first.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let mut kept: Vec<Candidate> = Vec::new();
    for (candidate, _) in best_first {
        if kept.len() == MOST_PROPOSALS {
            break;
        }
        if as_box(candidate).area() > 0.0 && !is_among(&kept, candidate) {
            kept.push(candidate);
        }
    }
    let others = grid.iter().copied().filter(|&candidate| !is_among(&kept, candidate));
    let others: Vec<Candidate> = others.take(MOST - kept.len()).collect();
    kept.extend(others);
    kept
}

fn is_among(kept: &[Candidate], candidate: Candidate) -> bool {
    let own = as_box(candidate);
    kept.iter().any(|&other| own.iou(&as_box(other)) >= NEARLY_EQUAL)
}

/// A candidate as a box, in fractions of the picture.
#[must_use]
pub fn as_box([x0, y0, x1, y1]: Candidate) -> BBox {
    BBox { x0, y0, x1, y1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_that_came_with_a_picture_are_cut_at_its_edges() {
        let bbox = |x0: f32, y0: f32, x1: f32, y1: f32| BBox { x0, y0, x1, y1 };
        let boxes = [
            bbox(50.0, 0.0, 100.0, 25.0),
            bbox(-10.0, 10.0, 300.0, 20.0),
            bbox(200.0, 0.0, 210.0, 9.0),
            bbox(0.0, -9.0, 5.0, 0.0),
        ];
        assert_eq!(given_candidates(&boxes, (200, 50)), [[0.25, 0.0, 0.5, 0.5], [0.0, 0.2, 1.0, 0.4]]);
        assert!(given_candidates(&[], (200, 50)).is_empty());
    }

    const LEFT: Candidate = [0.0, 0.0, 0.5, 1.0];
    const RIGHT: Candidate = [0.5, 0.0, 1.0, 1.0];
    const ALL: Candidate = [0.0, 0.0, 1.0, 1.0];

    #[test]
    fn proposals_come_by_their_scores_and_the_grid_after_them() {
        let proposals = [(LEFT, 0.2), (RIGHT, 0.7)];
        let grid = [ALL, [0.0, 0.0, 0.5, 0.5]];
        assert_eq!(proposed_candidates(&proposals, &grid), [RIGHT, LEFT, grid[0], grid[1]]);
        assert_eq!(proposed_candidates(&proposals, &[]), [RIGHT, LEFT]);
        assert_eq!(proposed_candidates(&[], &grid), grid);
    }

    #[test]
    fn of_nearly_equal_boxes_the_one_with_the_higher_score_stays_and_a_proposal_before_the_grid() {
        let wider = [0.0, 0.0, 0.52, 1.0];
        let half = [0.0, 0.0, 0.5, 0.5];
        let proposals = [(LEFT, 0.2), (wider, 0.3), (half, 0.1), ([0.3, 0.2, 0.3, 0.9], 0.9)];
        assert_eq!(proposed_candidates(&proposals, &[RIGHT, LEFT]), [wider, half, RIGHT]);
    }

    #[test]
    fn neither_proposals_nor_all_together_are_more_than_their_bounds() {
        let strip = |number: usize, of: usize| {
            let edge = |number: usize| number as f32 / of as f32;
            [edge(number), 0.0, edge(number + 1), 1.0]
        };
        let proposals: Vec<(Candidate, f32)> =
            (0..100).map(|number| (strip(number, 100), number as f32)).collect();
        let grid: Vec<Candidate> = (0..MOST).map(|number| strip(number, MOST)).collect();
        let candidates = proposed_candidates(&proposals, &grid);
        assert_eq!(candidates.len(), MOST);
        assert_eq!((candidates[0], candidates[63]), (strip(99, 100), strip(36, 100)), "the likeliest");
        assert_eq!(candidates[64..], grid[..MOST - 64]);
    }
}
