//! History: the figures of the last minutes, and small charts of them.

use std::collections::VecDeque;

use super::figures::Figures;

/// Figures that are kept: a chart across a wide terminal.
const MOST: usize = 240;

/// The latest figures, oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct History(VecDeque<Figures>);

impl History {
    pub(super) fn add(&mut self, figures: Figures) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(figures);
    }

    pub(super) fn latest(&self) -> Option<&Figures> {
        self.0.back()
    }

    /// A chart of so many columns at most, of what `of` takes from each figures.
    pub(super) fn chart(&self, width: usize, of: impl Fn(&Figures) -> Option<f64>) -> String {
        let skipped = self.0.len().saturating_sub(width);
        bars(&self.0.iter().skip(skipped).map(of).collect::<Vec<_>>())
    }
}

/// One bar for each value, from 0 to the greatest; a space where there is none.
fn bars(values: &[Option<f64>]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = values.iter().flatten().copied().fold(0.0, f64::max);
    let bar = |value: &Option<f64>| match value {
        None => ' ',
        Some(value) if most > 0.0 => {
            // Between 0 and 7, whatever the value is.
            let step = (value / most * 7.0).round().clamp(0.0, 7.0);
            BARS[step as usize]
        }
        Some(_) => BARS[0],
    };
    values.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::super::exposition::Scrape;
    use super::*;

    #[test]
    fn bars_reach_from_nothing_to_the_greatest() {
        assert_eq!(bars(&[Some(0.0), Some(4.0), None, Some(8.0)]), "▁▅ █");
        assert_eq!(bars(&[Some(0.0), Some(f64::NAN)]), "▁▁");
        assert_eq!(bars(&[]), "");
    }

    #[test]
    fn old_figures_make_room_and_a_chart_has_the_latest() {
        let mut history = History::default();
        for _ in 0..=MOST {
            history.add(Figures::of(&Scrape::default(), None));
        }
        assert_eq!(history.0.len(), MOST);
        assert_eq!(history.chart(10, |_| Some(1.0)).chars().count(), 10);
    }
}
