//! What the README shows is what the binary prints and reads.

#[test]
fn the_output_in_the_readme_is_current() {
    let readme = readme();
    let (_, rest) = readme.split_once("```text\n").unwrap();
    let (shown, _) = rest.split_once("\n```").unwrap();
    let printed = crate::cli::demo_table();
    assert!(
        printed.starts_with(shown),
        "the README shows\n{shown}\nand it prints\n{printed}"
    );
}

fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

/// What follows the heading of this name, up to the next.
fn section(heading: &str) -> String {
    let readme = readme();
    let (_, rest) = readme.split_once(&format!("\n## {heading}\n")).unwrap();
    rest.split("\n## ").next().unwrap().to_owned()
}

/// The blocks of YAML in a text.
fn blocks(text: &str) -> Vec<String> {
    let parts = text.split("```yaml\n").skip(1);
    parts
        .map(|part| part.split("\n```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_policy_in_the_readme_is_a_good_one() {
    let [policy, decisions] = <[String; 2]>::try_from(blocks(&section("Policy"))).unwrap();
    let file = |text: String| [("README.md".to_owned(), text)];
    let catalog = gpuwise::catalog::Catalog::shipped().unwrap();
    let judge = gpuwise::engine::Judge::new(&file(policy), catalog).unwrap();
    let judge = judge.with_decisions(&file(decisions)).unwrap();
    let permissions = &judge.policy().permissions;
    assert_eq!((permissions.freezes.len(), permissions.rules.len()), (2, 2));
}

#[test]
fn the_readme_lists_every_field_that_a_rule_may_ask_for() {
    let section = section("Policy");
    for variable in gpuwise::policy::rules::VARIABLES {
        let fields = variable.fields.iter();
        let fields: Vec<String> = fields
            .map(|field| format!("`{}`{}", field.name, if field.optional { "?" } else { "" }))
            .collect();
        let row = format!("| `{}` | {} |", variable.name, fields.join(", "));
        assert!(section.contains(&row), "the README lacks\n{row}");
    }
}
