//! The table of phases.

use std::fmt::Write;

use slipway_domain::promotion::{Outcome, Phase};
use slipway_rollout::phase::{Illegal, Position, StatusChange, Transition, Trigger, next};

const PHASES: [Phase; 5] = [Phase::Preparing, Phase::Rolling, Phase::Settling, Phase::Restoring, Phase::Ended];

const TRIGGERS: [Trigger; 10] = [
    Trigger::Prepared,
    Trigger::Completed,
    Trigger::Uncompleted,
    Trigger::Settled,
    Trigger::Broken,
    Trigger::Restored,
    Trigger::Emptied,
    Trigger::RestoringOver,
    Trigger::Superseded,
    Trigger::Overdue,
];

fn all_positions() -> impl Iterator<Item = Position> {
    let flags = |bits: u8| (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0);
    PHASES.into_iter().flat_map(move |phase| {
        (0..8).map(move |bits| {
            let (moved, has_from, on_request) = flags(bits);
            Position { phase, moved, has_from, on_request }
        })
    })
}

fn word(result: Result<Transition, Illegal>) -> String {
    match result {
        Err(_) => "illegal".to_owned(),
        Ok(Transition { phase, outcome: None, status }) => format!("{phase} ({})", status_word(status)),
        Ok(Transition { phase, outcome: Some(outcome), status }) => {
            format!("{phase}: {outcome} ({})", status_word(status))
        }
    }
}

fn status_word(status: StatusChange) -> String {
    match status {
        StatusChange::Keep => "status stays".to_owned(),
        StatusChange::Before => "status as before".to_owned(),
        StatusChange::Set(status) => format!("status {}", status.as_str()),
    }
}

/// One line per phase and trigger where nothing else matters, else one per combination of what matters.
fn whole_table() -> String {
    let mut text = String::new();
    for phase in PHASES {
        for trigger in TRIGGERS {
            let rows: Vec<(Position, String)> = all_positions()
                .filter(|position| position.phase == phase)
                .map(|position| (position, word(next(position, trigger))))
                .collect();
            if rows.iter().all(|(_, word)| *word == rows[0].1) {
                writeln!(text, "{phase} + {trigger:?} → {}", rows[0].1).unwrap();
                continue;
            }
            for (position, word) in rows {
                let flag = |set: bool, yes: &'static str, no: &'static str| if set { yes } else { no };
                let moved = flag(position.moved, "moved", "unmoved");
                let from = flag(position.has_from, "from", "no from");
                let request = flag(position.on_request, "asked", "failed");
                writeln!(text, "{phase} + {trigger:?} [{moved}, {from}, {request}] → {word}").unwrap();
            }
        }
    }
    text
}

#[test]
fn the_whole_table_is_as_written() {
    insta::assert_snapshot!("phases", whole_table());
}

#[test]
fn every_row_of_the_table_leads_where_it_says() {
    use Phase::{Ended, Preparing, Restoring, Rolling, Settling};
    let position = |phase, moved, has_from, on_request| Position { phase, moved, has_from, on_request };
    let rows = [
        (position(Preparing, false, true, false), Trigger::Prepared, Rolling, None),
        (position(Preparing, false, true, false), Trigger::Broken, Ended, Some(Outcome::Failed)),
        (position(Preparing, false, true, true), Trigger::Broken, Ended, Some(Outcome::Cancelled)),
        (position(Preparing, true, true, false), Trigger::Broken, Restoring, None),
        (position(Preparing, true, true, true), Trigger::Broken, Restoring, None),
        (position(Rolling, true, true, false), Trigger::Completed, Settling, None),
        (position(Rolling, true, true, false), Trigger::Broken, Restoring, None),
        (position(Rolling, false, false, true), Trigger::Broken, Restoring, None),
        (position(Settling, true, true, false), Trigger::Broken, Restoring, None),
        (position(Settling, true, true, false), Trigger::Uncompleted, Rolling, None),
        (position(Settling, true, true, false), Trigger::Settled, Ended, Some(Outcome::Succeeded)),
        (position(Restoring, true, true, false), Trigger::Restored, Ended, Some(Outcome::RolledBack)),
        (position(Restoring, true, true, true), Trigger::Restored, Ended, Some(Outcome::Cancelled)),
        (position(Restoring, true, false, false), Trigger::Emptied, Ended, Some(Outcome::Failed)),
        (position(Restoring, true, true, false), Trigger::RestoringOver, Ended, Some(Outcome::RollbackFailed)),
        (position(Preparing, false, true, false), Trigger::Superseded, Ended, Some(Outcome::Superseded)),
        (position(Rolling, true, true, false), Trigger::Superseded, Ended, Some(Outcome::Superseded)),
        (position(Settling, true, true, false), Trigger::Superseded, Ended, Some(Outcome::Superseded)),
        (position(Restoring, true, true, false), Trigger::Superseded, Ended, Some(Outcome::Superseded)),
        (position(Rolling, false, true, false), Trigger::Overdue, Ended, Some(Outcome::Failed)),
        (position(Restoring, true, true, false), Trigger::Overdue, Ended, Some(Outcome::RollbackFailed)),
    ];
    for (position, trigger, phase, outcome) in rows {
        let transition = next(position, trigger).unwrap();
        assert_eq!((transition.phase, transition.outcome), (phase, outcome), "{position:?} + {trigger:?}");
    }
}

#[test]
fn what_is_not_listed_is_illegal_and_says_so() {
    for position in all_positions() {
        for trigger in TRIGGERS {
            let listed = is_listed(position, trigger);
            let result = next(position, trigger);
            assert_eq!(result.is_ok(), listed, "{position:?} + {trigger:?}");
            if let Err(illegal) = result {
                assert_eq!(illegal, Illegal { phase: position.phase, trigger });
                assert_eq!(illegal.to_string(), format!("{trigger:?} is no event of the phase {}", position.phase));
            }
        }
    }
}

fn is_listed(position: Position, trigger: Trigger) -> bool {
    use Trigger::{
        Broken, Completed, Emptied, Overdue, Prepared, Restored, RestoringOver, Settled, Superseded, Uncompleted,
    };
    match position.phase {
        Phase::Preparing => matches!(trigger, Prepared | Broken | Superseded | Overdue),
        Phase::Rolling => matches!(trigger, Completed | Broken | Superseded | Overdue),
        Phase::Settling => matches!(trigger, Uncompleted | Settled | Broken | Superseded | Overdue),
        Phase::Restoring if position.has_from => matches!(trigger, Restored | RestoringOver | Superseded | Overdue),
        Phase::Restoring => matches!(trigger, Emptied | RestoringOver | Superseded | Overdue),
        Phase::Ended => false,
    }
}

#[test]
fn an_outcome_comes_with_the_end_and_with_nothing_else() {
    for position in all_positions() {
        for trigger in TRIGGERS {
            if let Ok(transition) = next(position, trigger) {
                assert_eq!(transition.outcome.is_some(), transition.phase == Phase::Ended);
            }
        }
    }
}

#[test]
fn only_a_settled_promotion_succeeds() {
    for position in all_positions() {
        for trigger in TRIGGERS {
            let succeeds = next(position, trigger).is_ok_and(|it| it.outcome == Some(Outcome::Succeeded));
            assert_eq!(succeeds, position.phase == Phase::Settling && trigger == Trigger::Settled);
        }
    }
}
