//! The signals of a case, minute by minute as a scrape would see them, reduced to steps as the reader's queries do.

use gpuwise::model::time::Grid;
use gpuwise::model::usage::{Column, Signal};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::file::{Amount, Layer, When};

/// Seconds between two scrapes.
const SCRAPE: i64 = 60;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// A layer, with the minutes of the window in which it holds.
#[derive(Debug)]
pub(crate) struct Laid<'a> {
    layer: &'a Layer,
    value: Option<f64>,
    holds: Vec<bool>,
}

/// Layers of one signal over a window.
pub(crate) fn lay(signal: Signal, layers: &[Layer], grid: Grid) -> Vec<Laid<'_>> {
    layers
        .iter()
        .map(|layer| {
            assert!(
                layer.value.is_some() != layer.gap,
                "{signal}: a layer is a value or a gap"
            );
            Laid {
                layer,
                value: layer.value.as_ref().map(Amount::get),
                holds: minutes(layer, grid),
            }
        })
        .collect()
}

/// Minute by minute whether a layer holds; a minute is told by its beginning.
fn minutes(layer: &Layer, grid: Grid) -> Vec<bool> {
    let window = grid.window;
    let start = window.start.as_second();
    let hours = layer.on.as_deref().map(hours_of_week);
    let when = layer.when();
    let zone = layer.zone.as_deref().unwrap_or("UTC");
    let zone = TimeZone::get(zone).unwrap();
    (0..(window.end.as_second() - start) / SCRAPE)
        .map(|minute| {
            let open = hours.as_ref().is_none_or(|open| {
                let at = Timestamp::from_second(start + minute * SCRAPE).unwrap();
                let at = at.to_zoned(zone.clone());
                let day = usize::try_from(at.weekday().to_monday_zero_offset()).unwrap();
                open[day * 24 + usize::try_from(at.hour()).unwrap()]
            });
            open && when.holds(minute * SCRAPE)
        })
        .collect()
}

/// The hours of the week that a text such as `Mon-Fri 08:00-18:00` or `Wed 12:00-13:00` names, Monday 00:00 first.
fn hours_of_week(text: &str) -> Vec<bool> {
    let parts = || {
        let (days, hours) = text.split_once(' ')?;
        let (first, last) = days.split_once('-').unwrap_or((days, days));
        let day = |name: &str| DAYS.iter().position(|day| *day == name);
        let hour = |clock: &str| clock.strip_suffix(":00")?.parse::<usize>().ok();
        let (from, to) = hours.split_once('-')?;
        Some((day(first)?..=day(last)?, hour(from)?..hour(to)?))
    };
    let (days, hours) = parts().unwrap_or_else(|| panic!("`{text}` names no hours, such as `Mon-Fri 08:00-18:00`"));
    let mut week = vec![false; 7 * 24];
    for day in days {
        hours.clone().for_each(|hour| week[day * 24 + hour] = true);
    }
    week
}

impl When {
    /// Whether it holds so many seconds after the window's beginning.
    fn holds(self, second: i64) -> bool {
        let since = second - self.from;
        let within = self.every.map_or(since, |every| since % every);
        since >= 0 && self.lasts.is_none_or(|lasts| within < lasts)
    }

    /// The spans in which it holds, within a window of so many seconds.
    pub(crate) fn spans(self, length: i64) -> Vec<(i64, i64)> {
        let lasts = self.lasts.unwrap_or(length);
        let every = self.every.unwrap_or(length);
        let begins = (0..)
            .map(|run| self.from + run * every)
            .take_while(|begin| *begin < length);
        begins.map(|begin| (begin, (begin + lasts).min(length))).collect()
    }
}

/// Whose column it is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Of {
    pub(crate) pod: usize,
    pub(crate) run: usize,
    pub(crate) gpu: usize,
}

impl Of {
    fn is_in(self, layer: &Layer) -> bool {
        let suits = |only: Option<usize>, own: usize| only.is_none_or(|only| only == own);
        suits(layer.pod, self.pod) && suits(layer.run, self.run) && suits(layer.gpu, self.gpu)
    }
}

/// The column of a pod that lives from one second of the window to another: the last layer that holds tells each minute.
pub(crate) fn column(signal: Signal, layers: &[Laid<'_>], of: Of, life: (i64, i64), grid: Grid) -> Column {
    let step = i64::from(grid.step_seconds);
    assert!(step % SCRAPE == 0, "a step is of whole minutes");
    let minutes = usize::try_from(step / SCRAPE).unwrap();
    let told = |minute: usize| {
        let begin = i64::try_from(minute).unwrap() * SCRAPE;
        let lives = begin >= life.0 && begin < life.1;
        let own = |laid: &&Laid<'_>| of.is_in(laid.layer) && laid.holds[minute];
        layers.iter().rev().find(own).filter(|_| lives)?.value
    };
    let highest = matches!(
        signal,
        Signal::MemoryUsed | Signal::KvCacheUsage | Signal::RequestsRunning | Signal::RequestsWaiting
    );
    Column::from_options((0..grid.points()).map(|point| {
        let scraped: Vec<f64> = (point * minutes..(point + 1) * minutes).filter_map(told).collect();
        if highest {
            return scraped.into_iter().reduce(f64::max);
        }
        // Around the first, so that the mean of equal samples is that sample.
        let first = scraped.first()?;
        let beyond: f64 = scraped.iter().map(|value| value - first).sum();
        Some(first + beyond / scraped.len() as f64)
    }))
}

#[test]
fn a_spike_of_a_minute_is_in_its_step_and_nowhere_else() {
    let text =
        "- {value: 31 GiB}\n- {value: 71 GiB, every: 2h, from: 1h, for: 1m}\n- {gap: true, from: 3h, for: 10m}\n";
    let layers: Vec<Layer> = serde_saphyr::from_str(text).unwrap();
    let start = Timestamp::from_second(0).unwrap();
    let end = Timestamp::from_second(4 * 3600).unwrap();
    let grid = Grid {
        window: gpuwise::model::time::Window { start, end },
        step_seconds: 300,
    };
    let laid = lay(Signal::MemoryUsed, &layers, grid);
    let column = column(Signal::MemoryUsed, &laid, Of::default(), (0, 4 * 3600), grid);
    let high: Vec<usize> = column
        .samples()
        .filter(|(_, v)| *v > 40_000.0)
        .map(|(at, _)| at)
        .collect();
    assert_eq!(high, [12], "the one of 03:00 was not scraped");
    assert_eq!(column.count(), 46);
}
