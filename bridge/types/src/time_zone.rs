//! Which of Postgres' time zones DuckDB has.

/// What DuckDB uses while the session's zone is one that it lacks; nothing that depends on the zone
/// is sent to it then.
pub const NEUTRAL: &str = "UTC";

/// True for the names of the IANA database; false for offsets (`+05:30`), rules in the manner of POSIX
/// (`<+07>-7`, `CET-1CEST`), and files of the host (`localtime`, `posix/UTC`).
#[must_use]
pub fn is_known(name: &str) -> bool {
    /// Rules that are names too.
    const NAMES: [&str; 7] = ["EST5EDT", "CST6CDT", "MST7MDT", "PST8PDT", "GMT0", "GMT+0", "GMT-0"];
    if ["localtime", "posixrules"].contains(&name) || name.starts_with("posix/") || name.starts_with("right/")
    {
        return false;
    }
    let is_plain = name.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'/' | b'_' | b'-'));
    is_plain || name.starts_with("Etc/GMT") || NAMES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::is_known;

    #[test]
    fn names_of_places_are_known_and_rules_are_not() {
        for name in
            ["UTC", "Europe/Berlin", "America/Port-au-Prince", "NZ-CHAT", "Etc/GMT+5", "EST5EDT", "GMT0"]
        {
            assert!(is_known(name), "{name}");
        }
        for name in
            ["+05:30", "<+07>-7", "CET-1CEST", "FOO3", "-8", "posix/UTC", "right/Europe/Berlin", "localtime"]
        {
            assert!(!is_known(name), "{name}");
        }
    }
}
