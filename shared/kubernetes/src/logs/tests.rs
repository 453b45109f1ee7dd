use futures::executor::block_on;

use super::*;

const LOG: &[u8] = b"2026-01-15T14:30:49.000000001Z one\n\
2026-01-15T14:30:49.000000002Z two\n\
2026-01-15T14:30:49.500000000Z two more\n\
2026-01-15T14:30:50.000000000Z bad \xff byte\r\n\
2026-01-15T14:30:50.000000000Z \n\
unable to retrieve more\n";

fn all() -> LogQuery {
    LogQuery { limit: usize::MAX, ..LogQuery::default() }
}

fn texts(lines: &[Line]) -> Vec<&str> {
    lines.iter().map(|line| line.text.as_str()).collect()
}

fn read(query: &LogQuery) -> Vec<Line> {
    block_on(newest(LOG, query)).unwrap()
}

#[test]
fn lines_are_read_with_their_times_whatever_a_process_writes() {
    let lines = read(&all());
    assert_eq!(texts(&lines), ["one", "two", "two more", "bad \u{fffd} byte", "", "unable to retrieve more"]);
    assert_eq!(lines[0].at.as_nanosecond() % 1000, 1);
    assert_eq!(lines[5].at, lines[4].at);
    assert!(lines.iter().all(|line| line.whole));
    assert!(!line("2026-01-15T14:30:49Z half a li", Timestamp::UNIX_EPOCH).whole);
}

#[test]
fn the_newest_lines_that_match_are_kept() {
    assert_eq!(texts(&read(&LogQuery { limit: 2, contains: Some("two".to_owned()), ..all() })), ["two", "two more"]);
    assert_eq!(texts(&read(&LogQuery { limit: 1, contains: Some("two".to_owned()), ..all() })), ["two more"]);
    let since = Some("2026-01-15T14:30:49.500Z".parse().unwrap());
    assert_eq!(read(&LogQuery { since, ..all() }).len(), 4);
    assert_eq!(read(&LogQuery { limit: 0, ..all() }).len(), 0);
}

fn at(nanos: i128) -> Timestamp {
    Timestamp::from_nanosecond(nanos).unwrap()
}

fn lines(list: &[(i128, &str)]) -> Vec<Line> {
    list.iter().map(|(nanos, text)| Line { at: at(*nanos), text: (*text).to_owned(), whole: true }).collect()
}

#[test]
fn a_page_goes_on_where_the_one_before_ended_with_and_without_a_memory_of_it() {
    let log = [(1, "a"), (2, "b"), (2, "b"), (2, "c"), (3, "d")];
    let whole = lines(&log);
    let (_, first) = page(lines(&log[..3]), 0, None);
    let place = end(0, &first, None).unwrap();
    assert_eq!(place, Place { lines: 3, at: at(2), same: 2 });
    // The node tells from a time on: what has that time is met again.
    let (_, remembered) = page(lines(&log[1..]), 3, Some(place));
    assert_eq!(texts(&remembered), ["c", "d"]);
    let (_, counted) = page(whole, 3, None);
    assert_eq!(counted, remembered);
    let (_, more) = page(lines(&log[1..4]), 3, Some(place));
    assert_eq!(end(3, &more, Some(place)).unwrap(), Place { lines: 4, at: at(2), same: 3 });
    assert_eq!(end(3, &[], Some(place)), None);
}

#[test]
fn a_page_after_the_end_is_empty() {
    let (first, none) = page(lines(&[(1, "a")]), 7, None);
    assert_eq!((first, none.len()), (7, 0));
}

#[test]
fn a_place_is_remembered_for_the_page_that_ended_there_alone() {
    let places = LogPlaces::default();
    let run = RunId::from_entropy(1);
    let place = Place { lines: 3, at: at(2), same: 1 };
    places.keep(&run, place);
    assert_eq!(places.of(&run, 3), Some(place));
    assert_eq!(places.of(&run, 2), None);
    for number in 2..1000 {
        places.keep(&RunId::from_entropy(number), place);
    }
    assert!(places.0.lock().unwrap().len() <= PLACES);
}

fn source(process: &str) -> Source {
    Source { pod: process.to_owned(), process: process.to_owned(), container: MAIN_CONTAINER, previous: false }
}

#[test]
fn logs_are_merged_by_time_and_the_newest_are_kept() {
    let logs = || {
        vec![
            Ok((source("a"), lines(&[(1_000_000, "1"), (4_000_000, "4")]))),
            Ok((source("b"), lines(&[(2_000_000, "2"), (4_000_000, "4'")]))),
        ]
    };
    let told: Vec<_> =
        merge(logs(), 10).unwrap().into_iter().map(|line| (line.at.as_millis(), line.process, line.text)).collect();
    let expected = [(1, "a", "1"), (2, "b", "2"), (4, "a", "4"), (4, "b", "4'")];
    assert_eq!(told, expected.map(|(at, process, text)| (at, process.to_owned(), text.to_owned())));
    assert_eq!(merge(logs(), 1).unwrap()[0].text, "4'");
}

#[test]
fn a_log_that_cannot_be_read_is_left_out_unless_there_is_no_other() {
    let away = || Err(ClusterError::Unreachable("node".to_owned()));
    let there = || Ok((source("a"), lines(&[(1, "1")])));
    assert_eq!(merge(vec![away(), there()], 10).unwrap().len(), 1);
    merge(vec![away(), Ok((source("b"), Vec::new()))], 10).unwrap_err();
    merge(vec![there(), Err(ClusterError::Unauthorized("no".to_owned()))], 10).unwrap_err();
    assert_eq!(merge(Vec::new(), 10).unwrap().len(), 0);
}

#[test]
fn what_is_no_name_of_an_object_asks_for_nothing() {
    for text in ["", "..", "../secrets", "a/b", "a?b", "A", "ä"] {
        assert!(!is_name(text), "{text}");
    }
    assert!(is_name("web-rabcdefghij-7c9f-x2x4"));
}

#[test]
fn a_pod_that_was_restarted_has_the_log_before_too() {
    let pod: Pod = serde_json::from_value(serde_json::json!({
        "metadata": { "name": "web-1" },
        "status": {
            "initContainerStatuses": [
                { "name": "init", "image": "", "imageID": "", "ready": true, "restartCount": 0 }
            ],
            "containerStatuses": [
                { "name": "proxy", "image": "", "imageID": "", "ready": true, "restartCount": 9 },
                { "name": "main", "image": "", "imageID": "", "ready": true, "restartCount": 1 }
            ]
        }
    }))
    .unwrap();
    let found: Vec<_> = sources(&pod).into_iter().map(|source| (source.container, source.previous)).collect();
    assert_eq!(found, [("init", false), ("main", true), ("main", false)]);
}

#[test]
fn the_node_is_asked_from_the_second_on_that_a_time_is_in() {
    let second: Timestamp = "2026-01-15T14:30:49Z".parse().unwrap();
    for text in ["2026-01-15T14:30:49Z", "2026-01-15T14:30:49.4Z", "2026-01-15T14:30:49.999999999Z"] {
        assert_eq!(second_of(text.parse().unwrap()), second, "{text}");
    }
    assert_eq!(second_of("1969-12-31T23:59:59.5Z".parse().unwrap()), "1969-12-31T23:59:59Z".parse().unwrap());
}
