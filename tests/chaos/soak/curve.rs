//! What a process has, over time: samples, whether they are flat, and their picture.

use std::fmt::{self, Display, Write};
use std::fs;
use std::time::Duration;

/// What this process had at one moment.
pub struct Sample {
    seconds: u64,
    /// Memory in KB, descriptors, threads.
    values: [u64; 3],
}

/// Name, colour, and how much more than before is no growth: a hundredth part, and so many beside.
const CURVES: [(&str, &str, u64, u64); 3] =
    [("memory (RSS, KB)", "#1f6fb2", 10, 8 << 10), ("descriptors", "#2a9147", 10, 20), ("threads", "#b2571f", 10, 10)];

impl Sample {
    pub const HEAD: &str = "seconds,rss_kb,descriptors,threads";

    pub fn take(since: Duration) -> Sample {
        let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the kernel writes it");
            line.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number")
        };
        let descriptors = fs::read_dir("/proc/self/fd").expect("Linux has it").count() as u64;
        Sample { seconds: since.as_secs(), values: [number("VmRSS:"), descriptors, number("Threads:")] }
    }
}

impl Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [memory, descriptors, threads] = self.values;
        write!(f, "{},{memory},{descriptors},{threads}", self.seconds)
    }
}

/// The middle of each third of the time, for one curve.
fn thirds(samples: &[Sample], curve: usize) -> [u64; 3] {
    let third = samples.len() / 3;
    [0, 1, 2].map(|number| {
        let part = &samples[number * third..(number + 1) * third];
        let mut values = Vec::from_iter(part.iter().map(|sample| sample.values[curve]));
        values.sort_unstable();
        values.get(values.len() / 2).copied().unwrap_or(0)
    })
}

/// The last third has no more than the second had, but for what is noise.
pub fn is_flat(samples: &[Sample]) -> Result<(), String> {
    for (curve, (name, _, percent, beside)) in CURVES.iter().enumerate() {
        let [_, second, last] = thirds(samples, curve);
        if last > second + second * percent / 100 + beside {
            return Err(format!("{name}: {second} in the second third of the time, {last} in the last"));
        }
    }
    Ok(())
}

pub fn summary(samples: &[Sample]) -> String {
    let mut said = String::new();
    for (curve, (name, ..)) in CURVES.iter().enumerate() {
        let [first, second, last] = thirds(samples, curve);
        let most = samples.iter().map(|sample| sample.values[curve]).max().unwrap_or(0);
        _ = writeln!(said, "{name}: middle of each third {first}, {second}, {last}; most {most}");
    }
    said
}

/// One panel for each curve, from 0 to its most, as SVG.
pub fn draw(samples: &[Sample]) -> String {
    const WIDTH: u64 = 800;
    const HEIGHT: u64 = 160;
    const LEFT: u64 = 10;
    const STEP: u64 = HEIGHT + 40;
    let end = samples.last().map_or(1, |sample| sample.seconds.max(1));
    let total = STEP * CURVES.len() as u64 + 10;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{total}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        WIDTH + 2 * LEFT
    );
    for (curve, (name, colour, ..)) in CURVES.iter().enumerate() {
        let most = samples.iter().map(|sample| sample.values[curve]).max().unwrap_or(0).max(1);
        let top = curve as u64 * STEP + 30;
        let points = samples.iter().map(|sample| {
            let (x, y) = (LEFT + sample.seconds * WIDTH / end, top + HEIGHT - sample.values[curve] * HEIGHT / most);
            format!("{x},{y}")
        });
        let points = Vec::from_iter(points).join(" ");
        _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"{}\">{name}: at most {most}; {end} s</text>", top - 8);
        _ = writeln!(
            svg,
            "<rect x=\"{LEFT}\" y=\"{top}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"none\" stroke=\"#cccccc\"/>"
        );
        _ = writeln!(svg, "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>");
    }
    svg + "</svg>\n"
}

#[test]
fn growth_is_told_from_noise() {
    let of = |values: fn(u64) -> [u64; 3]| {
        let samples = Vec::from_iter((0..300).map(|i| Sample { seconds: i, values: values(i) }));
        assert!(draw(&samples).ends_with("</svg>\n"));
        is_flat(&samples)
    };
    of(|i| [50_000 + i % 7 * 1000, 40 + i % 9, 30 + i % 5]).expect("noise is no growth");
    of(|i| [20_000 + i.min(100) * 1000, 40, 30]).expect("what grows in the beginning only");
    assert!(of(|i| [50_000 + i * 200, 40, 30]).is_err_and(|error| error.contains("memory")));
    assert!(of(|i| [50_000, 40 + i, 30]).is_err_and(|error| error.contains("descriptors")));
    assert!(of(|i| [50_000, 40, 30 + i / 3]).is_err_and(|error| error.contains("threads")));
}
