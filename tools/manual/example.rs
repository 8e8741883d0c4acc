//! The example on a function's page: its own, one of another function that calls it, or its call and what to do with the
//! result.

use crate::function::Function;
use crate::header::Entry;
use crate::text::Block;

pub fn of(function: &Function, all: &[Function]) -> Vec<Block> {
    let in_a_comment = in_a_comment(function, all);
    in_a_comment.unwrap_or_else(|| vec![Block::Code(written(function.entry).lines().map(str::to_owned).collect())])
}

/// A program of all examples that are written here, which a compiler can look at.
pub fn program(all: &[Function]) -> String {
    let mut text = "#include <etcd.h>\n#include <stdio.h>\n".to_owned();
    for function in all.iter().filter(|function| in_a_comment(function, all).is_none()) {
        let name = &function.entry.name;
        let (_, list) = function.entry.declaration.split_once('(').expect("a function has parentheses");
        let list = list.trim_end_matches(')').trim_end_matches("char **error").trim_end_matches(", ");
        let (list, body) = (if list.is_empty() { "void" } else { list }, written(function.entry));
        text += &format!("void example_{name}({list});\nvoid example_{name}({list})\n{{\n{body}}}\n");
    }
    text
}

fn in_a_comment(function: &Function, all: &[Function]) -> Option<Vec<Block>> {
    if !function.example.is_empty() {
        return Some(function.example.clone());
    }
    let call = format!("{}(", function.entry.name);
    let calls = |other: &&Function| {
        other.example.iter().any(|block| matches!(block, Block::Code(lines) if lines.join("\n").contains(&call)))
    };
    let of_the_section = all.iter().filter(|other| other.section.title == function.section.title).find(calls);
    of_the_section.or_else(|| all.iter().find(calls)).map(|other| other.example.clone())
}

/// The call, with variables named like its parameters.
fn written(entry: &Entry) -> String {
    let has_error = entry.declaration.ends_with("char **error)");
    let arguments: Vec<String> = entry
        .parameters()
        .iter()
        .map(|name| if *name == "error" && has_error { "&error".to_owned() } else { (*name).to_owned() })
        .collect();
    let call = format!("{}({})", entry.name, arguments.join(", "));
    let before = entry.declaration.split('(').next().unwrap_or_default();
    let result = before.trim_end_matches(&entry.name).trim_end();
    let call = match (result, has_error) {
        ("void", _) => return format!("{call};\n"),
        ("const char *", _) => return format!("puts({call});\n"),
        ("char *", _) => {
            return format!(
                "char *reply = {call};\nif (etcd_error_code(reply) != 0)\n    fprintf(stderr, \"%s\\n\", reply);\n\
                 etcd_free(reply);\n"
            );
        }
        ("void *", _) => return format!("void *bytes = {call};\netcd_free(bytes);\n"),
        (_, true) if result.ends_with('*') => format!("{result}handle = {call};\nif (!handle) {{\n"),
        (_, true) => format!("{result} answer = {call};\nif (answer < 0) {{\n"),
        (_, false) => return format!("{result} answer = {call};\nprintf(\"%lld\\n\", (long long)answer);\n"),
    };
    format!("char *error;\n{call}    fprintf(stderr, \"%s\\n\", error);\n    etcd_free(error);\n}}\n")
}
