//! What a page of the documentation tells its reader to type.

/// The blocks of a page that a shell can run, in their order. Those in lists are indented.
pub(crate) fn steps(page: &str) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    let mut is_inside = false;
    for line in page.lines() {
        match line.trim_start() {
            "```sh" => {
                is_inside = true;
                steps.push(String::new());
            }
            "```" => is_inside = false,
            _ => {
                if let Some(step) = steps.last_mut().filter(|_| is_inside) {
                    step.extend([line.strip_prefix("   ").unwrap_or(line), "\n"]);
                }
            }
        }
    }
    steps
}

/// All of them as one script.
pub(crate) fn blocks(page: &str) -> String {
    steps(page).concat()
}
