//! What the environment asks for.

use std::str::FromStr;
use std::time::Duration;

/// How the process is to behave.
#[derive(Debug, PartialEq, Eq)]
pub struct Settings {
    pub port: u16,
    pub boot: Duration,
    pub health: Health,
    /// When to end by itself, and with which exit code.
    pub crash: Option<(Duration, i32)>,
    pub allocate_megabytes: usize,
    pub drain: Duration,
    pub ignore_terminate: bool,
    pub version: String,
    pub release: String,
    pub process: String,
}

/// What `/health` answers.
#[derive(Debug, PartialEq, Eq)]
pub enum Health {
    Ok,
    Fail,
    FailAfter(Duration),
    /// Well for so long, then sick for as long, in turns.
    Flap(Duration),
}

impl Settings {
    /// # Errors
    /// The name of a variable that cannot be read, with what it says.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let text = |name: &str| variable(name).unwrap_or_default();
        let milliseconds = |name: &str| number::<u64>(name, &text(name), 0).map(Duration::from_millis);
        let crash_after = milliseconds("CRASH_AFTER_MS")?;
        let exit_code = number("EXIT_CODE", &text("EXIT_CODE"), 1)?;
        let crashes = !text("CRASH_AFTER_MS").is_empty();
        Ok(Self {
            port: number("PORT", &text("PORT"), 8080)?,
            boot: milliseconds("BOOT_MS")?,
            health: text("HEALTH").parse()?,
            crash: crashes.then_some((crash_after, exit_code)),
            allocate_megabytes: number("ALLOCATE_MB", &text("ALLOCATE_MB"), 0)?,
            drain: milliseconds("DRAIN_MS")?,
            ignore_terminate: !matches!(text("IGNORE_SIGTERM").as_str(), "" | "0"),
            version: text("VERSION"),
            release: text("RELEASE"),
            process: text("PROCESS"),
        })
    }
}

impl Health {
    /// Whether the process is well at this age.
    pub fn is_well(&self, age: Duration) -> bool {
        match self {
            Self::Ok => true,
            Self::Fail => false,
            Self::FailAfter(time) => age < *time,
            Self::Flap(time) => (age.as_millis() / time.as_millis()).is_multiple_of(2),
        }
    }
}

impl FromStr for Health {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let time = |digits: &str| number::<u64>("HEALTH", digits, 0).map(Duration::from_millis);
        match text.split_once(':') {
            None if text.is_empty() || text == "ok" => Ok(Self::Ok),
            None if text == "fail" => Ok(Self::Fail),
            Some(("fail-after", digits)) => time(digits).map(Self::FailAfter),
            Some(("flap", digits)) if !time(digits)?.is_zero() => time(digits).map(Self::Flap),
            _ => Err(format!("HEALTH is {text:?} and not ok, fail, fail-after:MS or flap:MS")),
        }
    }
}

fn number<T: FromStr>(name: &str, text: &str, default: T) -> Result<T, String> {
    if text.is_empty() {
        return Ok(default);
    }
    text.parse().map_err(|_| format!("{name} is {text:?} and not a number in its range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<Settings, String> {
        Settings::from_environment(|name| pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.to_owned()))
    }

    #[test]
    fn an_empty_environment_is_a_server_that_behaves() {
        let settings = of(&[]).expect("nothing is wrong in it");
        assert_eq!((settings.port, settings.health, settings.crash), (8080, Health::Ok, None));
    }

    #[test]
    fn a_crash_at_once_is_not_the_same_as_no_crash() {
        let settings = of(&[("CRASH_AFTER_MS", "0"), ("EXIT_CODE", "0")]).expect("both are numbers");
        assert_eq!(settings.crash, Some((Duration::ZERO, 0)));
    }

    #[test]
    fn a_flapping_process_is_well_and_sick_in_turns() {
        let health: Health = "flap:10".parse().expect("it is one of the forms");
        let turns = [0, 9, 10, 19, 20].map(|age| health.is_well(Duration::from_millis(age)));
        assert_eq!(turns, [true, true, false, false, true]);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (name, text) in [("PORT", "65536"), ("HEALTH", "flap:0"), ("HEALTH", "sick"), ("BOOT_MS", "-1")] {
            let message = of(&[(name, text)]).expect_err("it is not allowed");
            assert!(message.starts_with(name), "{message}");
        }
    }
}
