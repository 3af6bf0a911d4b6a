//! What users of other programs type, and what to type instead.
//!
//! Clap suggests the option with the nearest spelling, which does not help a user who means another one.
//! What a program lists is answered by meaning.

/// Words, without their hyphens and with spaces between them, and what to do instead.
pub type Habits<'h> = [(&'h str, &'h str)];

/// What to write instead of this option, if it is one of `habits`.
pub fn advice(habits: &Habits<'_>, option: &str) -> Option<String> {
    let word = option.trim_start_matches('-').split('=').next()?;
    let (_, advice) = habits.iter().find(|(words, _)| words.split(' ').any(|it| it == word))?;
    Some(format!("there is no option '{option}'; {advice}"))
}

/// Fails if two of `habits` have a word in common, or `command` has an option of one.
#[cfg(test)]
pub fn assert_clear(habits: &Habits<'_>, command: &clap::Command) {
    let mut seen = std::collections::BTreeSet::new();
    for word in habits.iter().flat_map(|(words, _)| words.split(' ')) {
        assert!(seen.insert(word), "{word} is there twice");
        let is_ours = command.get_arguments().any(|argument| {
            let mut shorts = argument.get_short_and_visible_aliases().unwrap_or_default();
            shorts.extend(argument.get_all_short_aliases().unwrap_or_default());
            argument.get_long() == Some(word) || shorts.iter().any(|it| it.to_string() == word)
        });
        assert!(!is_ours, "{word} is an option");
    }
}
