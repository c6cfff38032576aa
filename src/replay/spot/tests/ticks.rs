//! A job second by second, written down again from the strategies' words alone.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticked {
    pub(super) took: Option<i64>,
    pub(super) interruptions: u32,
    pub(super) spot: i64,
    pub(super) on_demand: i64,
}

/// `there[t]` says whether the one node is there in second `t`; `interval` is work between checkpoints, and the time of one.
pub(super) fn tick(
    strategy: &str,
    there: &[bool],
    begin: usize,
    (work, deadline, restart): (i64, i64, i64),
    interval: Option<(i64, i64)>,
) -> Ticked {
    let mut told = Ticked {
        took: None,
        interruptions: 0,
        spot: 0,
        on_demand: 0,
    };
    // ' ' waits, 's' on spot, 'o' on demand, 'f' on demand for good.
    let mut on = ' ';
    let (mut saved, mut fresh, mut boot, mut write) = (0, 0, 0, 0);
    let mut launched = false;
    let mut t = begin;
    loop {
        if saved + fresh >= work {
            told.took = Some((t - begin) as i64);
            return told;
        }
        let spot = there.get(t).copied().unwrap_or(false);
        if on == 's' && !spot {
            (fresh, boot, write, on) = (0, 0, 0, ' ');
            told.interruptions += u32::from(t < there.len());
        }
        if t >= there.len() && strategy == "spot-only" {
            return told;
        }
        let elapsed = (t - begin) as i64;
        let todo = work - saved - fresh;
        let risk = interval.map_or(0, |(every, takes)| if todo <= every { todo } else { every + takes });
        let room = deadline - elapsed - todo;
        let behind_by = |later: i64| (saved + fresh) * deadline < (elapsed + later) * work;
        let again = if launched { restart } else { 0 };
        let net = strategy == "greedy" || strategy == "uniform-progress";
        let next = match (strategy, on) {
            ("on-demand", _) => 'f',
            ("spot-only", _) => {
                if spot {
                    's'
                } else {
                    ' '
                }
            }
            ("spot-else-on-demand", _) => {
                if spot {
                    's'
                } else {
                    'o'
                }
            }
            (_, 'f') => 'f',
            (_, 's') if net && interval.is_some() && boot == 0 && write == 0 && fresh == 0 && room < risk + restart => {
                'f'
            }
            (_, 's') => 's',
            (_, ' ') if room < again + risk + restart => 'f',
            (_, ' ') if spot => 's',
            (_, ' ') if room - 1 < again => 'f',
            ("uniform-progress", ' ') if behind_by(0) => 'o',
            (_, ' ') => ' ',
            (_, 'o') if boot > 0 || behind_by(2 * restart) => 'o',
            (_, 'o') if room < restart + risk + restart || (!spot && room - 1 < restart) => 'f',
            (_, _) => {
                if spot {
                    's'
                } else {
                    ' '
                }
            }
        };
        if next != on && !("of".contains(next) && "of".contains(on)) {
            (fresh, write) = (0, 0);
            boot = if next != ' ' && launched { restart } else { 0 };
            launched = launched || next != ' ';
        }
        on = next;
        match on {
            's' => told.spot += 1,
            'o' | 'f' => told.on_demand += 1,
            _ => {}
        }
        if on != ' ' {
            if boot > 0 {
                boot -= 1;
            } else if write > 0 {
                write -= 1;
                if write == 0 {
                    (saved, fresh) = (saved + fresh, 0);
                }
            } else if let Some((every, takes)) = interval.filter(|_| on == 's') {
                fresh += 1;
                if fresh == every && takes > 0 {
                    write = takes;
                } else if fresh == every {
                    (saved, fresh) = (saved + fresh, 0);
                }
            } else {
                saved += 1;
            }
        }
        t += 1;
    }
}
