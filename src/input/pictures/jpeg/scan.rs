//! JPEG scans: whether the data of a scan can be whole, by its bits and its restart markers.

/// A scan and its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scan {
    /// The indices of its components in the frame header.
    pub(crate) components: Vec<usize>,
    /// Whether it is the first scan of its components' coefficients, and not a refinement or a continuation.
    pub(crate) begins: bool,
    /// Whether it holds only one more bit of each block's mean. Then any data is a valid scan.
    refines_means: bool,
    /// Units between restart markers; 0: there are none.
    interval: usize,
    start: usize,
    /// Where its data ends.
    pub(crate) end: usize,
    /// Stuffed zeros, which mark the byte before them as data.
    pub(crate) stuffed: usize,
    pub(crate) restarts: usize,
}

impl Scan {
    /// Reads a scan header. `ids` are the components' ids in the order of the frame header; the data begins at `start`.
    /// In a sequential picture every scan has complete coefficients, whatever its header says.
    pub(crate) fn read(
        segment: &[u8],
        ids: &[u8],
        progressive: bool,
        interval: usize,
        start: usize,
    ) -> Option<Self> {
        // The segment's length, the number of components, an id and tables for each, the first and last coefficient,
        // the bits of earlier scans and the lowest bit of this one.
        let (&count, rest) = segment.get(2..)?.split_first()?;
        let (named, rest) = rest.split_at_checked(2 * usize::from(count))?;
        let &[first, last, bits, ..] = rest else { return None };
        let places = named.as_chunks::<2>().0.iter().map(|[id, _]| ids.iter().position(|known| known == id));
        let refines = bits >> 4 != 0;
        Some(Self {
            // A scan of all components has all, even where two have the same id.
            components: if usize::from(count) == ids.len() {
                (0..ids.len()).collect()
            } else {
                places.flatten().collect()
            },
            begins: !progressive || first == 0 && !refines,
            refines_means: progressive && first == 0 && last == 0 && refines,
            interval,
            start,
            end: start,
            stuffed: 0,
            restarts: 0,
        })
    }

    /// Whether the data may be complete for a picture of this size with these sampling factors.
    pub(crate) fn may_be_whole(&self, size: (u32, u32), factors: &[(u8, u8)]) -> bool {
        let (units, blocks) = self.units_and_blocks(size, factors);
        let between = if self.interval == 0 { 0 } else { units.div_ceil(self.interval).saturating_sub(1) };
        let bytes = (self.end - self.start).saturating_sub(self.stuffed + 2 * self.restarts);
        self.restarts >= between && (!self.refines_means || 8 * bytes >= blocks)
    }

    /// The number of coding units (MCUs) and of blocks of 8 x 8 samples. With several components a unit has blocks of
    /// each. With one component a unit is one block, and there are no padding blocks.
    fn units_and_blocks(&self, (width, height): (u32, u32), factors: &[(u8, u8)]) -> (usize, usize) {
        let size = |&(across, down): &(u8, u8)| (usize::from(across).max(1), usize::from(down).max(1));
        let across = factors.iter().map(|factors| size(factors).0).max().unwrap_or(1);
        let down = factors.iter().map(|factors| size(factors).1).max().unwrap_or(1);
        let (width, height) = (width as usize, height as usize);
        let mine = || self.components.iter().filter_map(|&place| factors.get(place)).map(size);
        if let [(h, v)] = mine().collect::<Vec<_>>()[..] {
            let blocks = (width * h).div_ceil(8 * across) * (height * v).div_ceil(8 * down);
            return (blocks, blocks);
        }
        let units = width.div_ceil(8 * across) * height.div_ceil(8 * down);
        (units, units * mine().map(|(h, v)| h * v).sum::<usize>())
    }
}
