//! What a page of the documentation tells its reader to type.

/// The blocks of a page that a shell can run, in their order. Those in lists are indented.
pub(crate) fn blocks(page: &str) -> String {
    let mut script = String::new();
    let mut is_inside = false;
    for line in page.lines() {
        match line.trim_start() {
            "```sh" => is_inside = true,
            "```" => is_inside = false,
            _ if is_inside => script.extend([line.strip_prefix("   ").unwrap_or(line), "\n"]),
            _ => {}
        }
    }
    script
}
