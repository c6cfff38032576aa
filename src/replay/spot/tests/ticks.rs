//! A job second by second, written down again from the strategies' words alone.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticked {
    pub(super) took: Option<i64>,
    pub(super) interruptions: u32,
    pub(super) spot: i64,
    pub(super) on_demand: i64,
}

/// What the world is like at a second: the seconds left to the deadline beyond work, what an interruption may cost, what a start
/// costs now and later, and whether progress is behind the line so many seconds later.
struct Now<'a> {
    spot: bool,
    room: i64,
    risk: i64,
    again: i64,
    restart: i64,
    /// Whether it starts, or holds work that no checkpoint has.
    busy: (bool, bool),
    writes: bool,
    behind: &'a dyn Fn(i64) -> bool,
}

/// ' ' waits, 's' on spot, 'o' on demand, 'f' on demand for good.
fn next(strategy: &str, on: char, now: &Now<'_>) -> char {
    let (spot, room, risk, restart) = (now.spot, now.room, now.risk, now.restart);
    let or = |wish: char, other: char| if spot { wish } else { other };
    match (strategy, on) {
        ("on-demand", _) => 'f',
        ("spot-only", _) => or('s', ' '),
        ("spot-else-on-demand", _) => or('s', 'o'),
        (_, 'f') => 'f',
        (_, 's') if now.writes && now.busy == (false, false) && room < risk + restart => 'f',
        (_, 's') => 's',
        (_, ' ') if room < now.again + risk + restart => 'f',
        (_, ' ') if spot => 's',
        (_, ' ') if room - 1 < now.again => 'f',
        ("uniform-progress", ' ') if (now.behind)(0) => 'o',
        (_, ' ') => ' ',
        (_, 'o') if now.busy.0 || (now.behind)(2 * restart) => 'o',
        (_, 'o') if room < restart + risk + restart || (!spot && room - 1 < restart) => 'f',
        (_, _) => or('s', ' '),
    }
}

/// `there[t]` says whether the one node is there in second `t`; `interval` is work between checkpoints, and the time of one.
pub(super) fn tick(
    strategy: &str,
    there: &[bool],
    begin: usize,
    (work, deadline, restart): (i64, i64, i64),
    interval: Option<(i64, i64)>,
) -> Ticked {
    let (mut took, mut interruptions, mut paid) = (None, 0, (0, 0));
    let (mut on, mut launched, mut t) = (' ', false, begin);
    let (mut saved, mut fresh, mut boot, mut write) = (0, 0, 0, 0);
    loop {
        let spot = there.get(t).copied().unwrap_or(false);
        if saved + fresh >= work {
            took = Some((t - begin) as i64);
            break;
        }
        if on == 's' && !spot {
            (fresh, boot, write, on) = (0, 0, 0, ' ');
            interruptions += u32::from(t < there.len());
        }
        if t >= there.len() && strategy == "spot-only" {
            break;
        }
        let elapsed = (t - begin) as i64;
        let todo = work - saved - fresh;
        let at_risk = |(every, takes): (i64, i64)| if todo <= every { todo } else { every + takes };
        let now = Now {
            spot,
            room: deadline - elapsed - todo,
            risk: interval.map_or(0, at_risk),
            again: if launched { restart } else { 0 },
            restart,
            busy: (boot > 0, boot > 0 || write > 0 || fresh > 0),
            writes: interval.is_some(),
            behind: &|later| (work - todo) * deadline < (elapsed + later) * work,
        };
        let next = next(strategy, on, &now);
        if next != on && !("of".contains(next) && "of".contains(on)) {
            (fresh, write) = (0, 0);
            boot = if next != ' ' && launched { restart } else { 0 };
            launched = launched || next != ' ';
        }
        on = next;
        paid = (paid.0 + i64::from(on == 's'), paid.1 + i64::from("of".contains(on)));
        let writes = interval.filter(|_| on == 's');
        match writes {
            _ if on == ' ' => {}
            _ if boot > 0 => boot -= 1,
            Some(_) if write > 1 => write -= 1,
            Some(_) if write == 1 => (saved, fresh, write) = (saved + fresh, 0, 0),
            Some((every, 0)) if fresh + 1 == every => (saved, fresh) = (saved + every, 0),
            Some((every, takes)) => {
                fresh += 1;
                write = if fresh == every { takes } else { 0 };
            }
            None => saved += 1,
        }
        t += 1;
    }
    Ticked {
        took,
        interruptions,
        spot: paid.0,
        on_demand: paid.1,
    }
}
