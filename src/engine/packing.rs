//! Emptying nodes by moving what is on them together, to where each may go.

use std::collections::BTreeSet;

/// What a pod takes of a node, or a node has left: whole devices, cores and bytes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Room {
    pub(super) gpus: u32,
    pub(super) cpu: f64,
    pub(super) memory: f64,
}

impl Room {
    fn holds(&self, other: &Self) -> bool {
        self.gpus >= other.gpus && self.cpu >= other.cpu && self.memory >= other.memory
    }

    pub(super) fn take(&mut self, other: &Self) {
        self.gpus = self.gpus.saturating_sub(other.gpus);
        self.cpu -= other.cpu;
        self.memory -= other.memory;
    }

    fn give(&mut self, other: &Self) {
        self.gpus += other.gpus;
        self.cpu += other.cpu;
        self.memory += other.memory;
    }
}

/// What can be moved, and by which number the caller knows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Item {
    pub(super) number: usize,
    pub(super) takes: Room,
}

/// A node among others that its pods may be moved to.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Bin {
    /// What is left on it.
    pub(super) free: Room,
    /// What can be moved off it.
    pub(super) items: Vec<Item>,
    /// What cannot.
    pub(super) fixed: Vec<usize>,
    /// Whether it stays whatever is moved.
    pub(super) stays: bool,
}

impl Bin {
    /// Everything on it.
    pub(super) fn on_it(&self) -> impl Iterator<Item = usize> {
        let items = self.items.iter().map(|item| item.number);
        items.chain(self.fixed.iter().copied())
    }
}

/// Bins that can be emptied, and bins in all, up to which every set of them is tried.
const FEW: usize = 12;
const SMALL: usize = 32;

/// Places that are tried before what the rule found is taken.
const TRIALS: u32 = 20_000;

/// Which bins become empty when as many as possible do, their items moved to others that they may go to. Of few bins every set is
/// tried; of more the least filled goes first, and an item to the fullest bin that has room for it, so that large places are
/// not broken up. Where two are alike the first is emptied.
pub(super) fn emptied(bins: Vec<Bin>, may: impl Fn(usize, usize, &Bin) -> bool) -> Vec<usize> {
    let is_open = |bin: &Bin| !bin.stays && bin.fixed.is_empty();
    let open: Vec<usize> = (0..bins.len()).filter(|at| is_open(&bins[*at])).collect();
    if open.len() > FEW || bins.len() > SMALL {
        return by_rule(bins, &open, may);
    }
    let by_rule = by_rule(bins.clone(), &open, &may);
    more_than(by_rule.len(), &bins, &open, &may).unwrap_or(by_rule)
}

/// The largest set of bins that can be emptied, where it is larger than so many.
fn more_than(
    count: usize,
    bins: &[Bin],
    open: &[usize],
    may: &impl Fn(usize, usize, &Bin) -> bool,
) -> Option<Vec<usize>> {
    let size = |set: &u32| set.count_ones() as usize;
    let mut sets: Vec<u32> = (0..1_u32 << open.len()).filter(|set| size(set) > count).collect();
    sets.sort_by_key(|set| (std::cmp::Reverse(set.count_ones()), *set));
    let has_room = |emptied: &BTreeSet<usize>| {
        let on_it = |bin: &Bin| bin.items.iter().map(|item| item.takes.gpus).sum::<u32>();
        let moved: u32 = emptied.iter().map(|at| on_it(&bins[*at])).sum();
        let kept = (0..bins.len()).filter(|at| !emptied.contains(at));
        moved <= kept.map(|at| bins[at].free.gpus).sum()
    };
    let sets = sets.into_iter().map(|set| {
        let chosen = open.iter().enumerate().filter(|(bit, _)| set >> bit & 1 == 1);
        chosen.map(|(_, at)| *at).collect::<BTreeSet<usize>>()
    });
    let (mut left, mut filled) = (TRIALS, bins.to_vec());
    let fits = |emptied: &BTreeSet<usize>| {
        let mut items: Vec<Item> = emptied.iter().flat_map(|at| bins[*at].items.iter().copied()).collect();
        items.sort_by_key(|item| std::cmp::Reverse(item.takes.gpus));
        let hosts: Vec<usize> = (0..bins.len()).filter(|at| !emptied.contains(at)).collect();
        // What found no place is taken back.
        place(&items, &hosts, &mut filled, may, &mut left)
    };
    let found = sets.filter(has_room).find(fits)?;
    Some(found.into_iter().collect())
}

/// Whether these items have a place on these hosts together, by trying every one.
fn place(
    items: &[Item],
    hosts: &[usize],
    bins: &mut [Bin],
    may: &impl Fn(usize, usize, &Bin) -> bool,
    left: &mut u32,
) -> bool {
    let Some((item, rest)) = items.split_first() else {
        return true;
    };
    for at in hosts {
        if *left == 0 {
            return false;
        }
        *left -= 1;
        let bin = &bins[*at];
        if !(bin.free.holds(&item.takes) && may(item.number, *at, bin)) {
            continue;
        }
        bins[*at].free.take(&item.takes);
        bins[*at].items.push(*item);
        if place(rest, hosts, bins, may, left) {
            return true;
        }
        bins[*at].free.give(&item.takes);
        bins[*at].items.pop();
    }
    false
}

fn by_rule(bins: Vec<Bin>, open: &[usize], may: impl Fn(usize, usize, &Bin) -> bool) -> Vec<usize> {
    let mut packing = Packing::of(bins, may);
    let mut open: BTreeSet<(u32, usize)> = open.iter().map(|at| (packing.used(*at), *at)).collect();
    let mut emptied = Vec::new();
    while let Some((was, at)) = open.pop_first() {
        let used = packing.used(at);
        if used > was {
            // Others' items came to it meanwhile.
            open.insert((used, at));
            continue;
        }
        if packing.room < used + packing.bins[at].free.gpus {
            // What comes next is fuller, and there will not be more room.
            break;
        }
        if packing.empty(at) {
            emptied.push(at);
        }
    }
    emptied.sort_unstable();
    emptied
}

struct Packing<M> {
    bins: Vec<Bin>,
    /// Whether an item may go to a bin, as that is filled.
    may: M,
    /// Bins with room for a device, the fullest first.
    hosts: BTreeSet<(u32, usize)>,
    /// Devices that they have room for together.
    room: u32,
}

impl<M: Fn(usize, usize, &Bin) -> bool> Packing<M> {
    fn of(mut bins: Vec<Bin>, may: M) -> Self {
        for bin in &mut bins {
            // The largest is placed first.
            bin.items.sort_by_key(|item| std::cmp::Reverse(item.takes.gpus));
        }
        let mut packing = Self {
            bins,
            may,
            hosts: BTreeSet::new(),
            room: 0,
        };
        for at in 0..packing.bins.len() {
            packing.open(at);
        }
        packing
    }

    /// Devices on a bin that can be moved off it.
    fn used(&self, at: usize) -> u32 {
        self.bins[at].items.iter().map(|item| item.takes.gpus).sum()
    }

    fn open(&mut self, at: usize) {
        let free = self.bins[at].free.gpus;
        if free > 0 {
            self.hosts.insert((free, at));
            self.room += free;
        }
    }

    fn close(&mut self, at: usize) {
        let free = self.bins[at].free.gpus;
        if self.hosts.remove(&(free, at)) {
            self.room -= free;
        }
    }

    /// Moves every item of a bin to the others, or none.
    fn empty(&mut self, at: usize) -> bool {
        self.close(at);
        let items = std::mem::take(&mut self.bins[at].items);
        let mut moved: Vec<(usize, Item)> = Vec::new();
        for item in &items {
            let Some(host) = self.host(item) else {
                break;
            };
            self.close(host);
            self.bins[host].free.take(&item.takes);
            self.open(host);
            let own = &mut self.bins[host].items;
            own.insert(own.partition_point(|other| other.takes.gpus >= item.takes.gpus), *item);
            moved.push((host, *item));
        }
        if moved.len() == items.len() {
            return true;
        }
        for (host, item) in moved {
            self.close(host);
            self.bins[host].free.give(&item.takes);
            self.bins[host].items.retain(|own| own.number != item.number);
            self.open(host);
        }
        self.bins[at].items = items;
        self.open(at);
        false
    }

    fn host(&self, item: &Item) -> Option<usize> {
        let mut hosts = self.hosts.range((item.takes.gpus, 0)..).map(|(_, at)| *at);
        hosts.find(|at| {
            let bin = &self.bins[*at];
            bin.free.holds(&item.takes) && (self.may)(item.number, *at, bin)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GPUS: u32 = 8;

    fn bin(items: &[u32]) -> Bin {
        let room = |gpus: u32| Room {
            gpus,
            cpu: f64::from(gpus) * 10.0,
            memory: 0.0,
        };
        // Numbers tell only which is which within a bin here.
        let item = |(number, gpus): (usize, &u32)| Item {
            number,
            takes: room(*gpus),
        };
        Bin {
            free: room(GPUS - items.iter().sum::<u32>()),
            items: items.iter().enumerate().map(item).collect(),
            fixed: Vec::new(),
            stays: false,
        }
    }

    fn emptied(mut bins: Vec<Bin>) -> Vec<usize> {
        for (number, item) in bins.iter_mut().flat_map(|bin| &mut bin.items).enumerate() {
            item.number = number;
        }
        super::emptied(bins, |_, _, _| true)
    }

    #[test]
    fn an_item_goes_only_where_it_may() {
        let bins = || vec![bin(&[4]), bin(&[3]), bin(&[2])];
        let numbered = || {
            let mut bins = bins();
            for (number, bin) in bins.iter_mut().enumerate() {
                bin.items[0].number = number;
            }
            bins
        };
        assert_eq!(
            super::emptied(numbered(), |_, _, _| true),
            [2],
            "the smallest goes, and then none fits"
        );
        assert_eq!(
            super::emptied(numbered(), |item, host, _| (item, host) != (2, 0)),
            [2],
            "to the other"
        );
        assert_eq!(super::emptied(numbered(), |item, _, _| item != 2), [1], "the next one");
        let apart = |_: usize, _: usize, bin: &Bin| bin.on_it().all(|other| other != 0);
        let two = |_: usize| vec![bin(&[1]), bin(&[1])];
        assert_eq!(super::emptied(numbered(), apart), [2]);
        assert_eq!(
            super::emptied(two(0), |_, _, bin| bin.on_it().count() == 0),
            Vec::<usize>::new()
        );
    }

    #[test]
    fn two_half_empty_bins_become_one() {
        assert_eq!(emptied(vec![bin(&[4]), bin(&[4])]), [0]);
        assert_eq!(emptied(vec![bin(&[4, 1]), bin(&[4])]), Vec::<usize>::new());
        // The one that stays is a host, and so is that with something that cannot be moved; neither is emptied.
        let stays = Bin {
            stays: true,
            ..bin(&[1])
        };
        let fixed = Bin {
            fixed: vec![99],
            ..bin(&[1])
        };
        assert_eq!(emptied(vec![stays, bin(&[4]), bin(&[2, 2])]), [1]);
        assert_eq!(emptied(vec![fixed, bin(&[4]), bin(&[2, 2])]), [1]);
    }

    #[test]
    fn cores_count_as_devices_do() {
        let mut full = bin(&[4]);
        full.free.cpu = 30.0;
        assert_eq!(emptied(vec![full, bin(&[5])]), Vec::<usize>::new());
    }

    #[test]
    fn large_places_are_kept_for_large_items() {
        // The two go to the bin with two left, so that the four find theirs.
        assert_eq!(emptied(vec![bin(&[2]), bin(&[6]), bin(&[4]), bin(&[4])]), [0, 2]);
    }

    proptest! {
        /// What is emptied has a place elsewhere: what remains is enough for everything.
        #[test]
        fn what_is_emptied_fits_the_rest(bins in prop::collection::vec(prop::collection::vec(1_u32..=4, 1..=2), 1..40)) {
            let bins: Vec<Bin> = bins.iter().map(|items| bin(items)).collect();
            let all: u32 = bins.iter().flat_map(|bin| &bin.items).map(|item| item.takes.gpus).sum();
            let left = bins.len() - emptied(bins.clone()).len();
            prop_assert!(left as u32 * GPUS >= all);
            // Best fit leaves no two bins that one could hold.
            prop_assert!(left as u32 <= 2 * all.div_ceil(GPUS));
        }
    }
}
