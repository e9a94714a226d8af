//! The instruction budget of a forwarded packet: kept in `benches/budget.txt`, checked by every run of the tests.
//! Wall clocks of shared machines cannot tell 5 %, counted instructions can.

use super::engine;
use crate::steps::root;

const FILE: &str = "benches/budget.txt";
/// What the budget is about.
const VIEWERS: usize = 100;
const BATCH: usize = 8;
/// How far the count may be from the budget.
const TOLERANCE: f64 = 0.05;

/// Counts, and fails if a packet has become dearer.
pub fn check() -> Result<(), String> {
    let path = root().join(FILE);
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{FILE}: {error}"))?;
    let budget = read(&text).ok_or_else(|| format!("{FILE}: a number is missing"))?;
    let counted = engine::count(&engine::build()?, VIEWERS, BATCH)?;
    println!("{counted:.0} instructions per forwarded packet, where {budget:.0} are budgeted");
    judge(budget, counted).map(|advice| advice.iter().for_each(|advice| println!("{advice}")))
}

/// The first line that is not a comment.
fn read(text: &str) -> Option<f64> {
    text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?.parse().ok()
}

fn judge(budget: f64, counted: f64) -> Result<Option<String>, String> {
    let change = counted / budget - 1.0;
    let percent = (100.0 * change).abs();
    if change > TOLERANCE {
        return Err(format!(
            "a forwarded packet costs {percent:.1} % more instructions than budgeted: {counted:.0} instead of \
             {budget:.0}. What is it worth? If it is worth it, raise {FILE} and say so in the commit."
        ));
    }
    let lower = || format!("That is {percent:.1} % less: lower {FILE} to {counted:.0}, so that it stays so.");
    Ok((change < -TOLERANCE).then(lower))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_percent_more_fails_and_five_percent_less_asks_for_a_lower_budget() {
        assert_eq!(judge(10_000.0, 10_499.0), Ok(None));
        assert!(judge(10_000.0, 10_501.0).unwrap_err().contains("5.0 % more"));
        assert_eq!(judge(10_000.0, 9_501.0), Ok(None));
        assert!(judge(10_000.0, 9_400.0).unwrap().unwrap().contains("to 9400"));
    }

    #[test]
    fn the_budget_is_the_first_number_behind_the_comments() {
        assert_eq!(read("# why\n\n12000\n"), Some(12_000.0));
        assert_eq!(read("# nothing\n"), None);
    }
}
