use xtask::source::{code_only, find_word, line_of, without_tests};

#[test]
fn comments_strings_and_characters_are_blanked() {
    let cases = [
        ("a // std::x\nb", "a"),
        ("/* std:: /* inner */ std:: */ b", "b"),
        ("f(\"std:: \\\" std::\", b)", "f("),
        ("r#\"std:: \" std::\"# b", "b"),
        ("br\"std::\" b", "b"),
        ("let c = '\"'; b", "b"),
        ("let c = '\\''; b", "b"),
        ("/// ```\n/// use std::net;\nfn b() {}", "fn b() {}"),
    ];
    for (text, kept) in cases {
        let code = code_only(text);
        assert!(!code.contains("std::"), "{text}");
        assert!(code.contains(kept), "{text} became {code}");
        assert_eq!(code.lines().count(), text.lines().count(), "{text}");
    }
}

#[test]
fn code_is_left_alone() {
    for text in [
        "fn f<'a>(x: &'a str) -> &'a str { x }",
        "let r = var / other;",
        "r#type::b(r)",
    ] {
        assert_eq!(code_only(text), text);
    }
}

#[test]
fn an_unfinished_string_or_comment_ends_with_the_text() {
    for text in ["\"open", "/* open", "r#\"open\"", "'", "'\\", "\"open\\"] {
        assert_eq!(
            code_only(text).chars().count(),
            text.chars().count(),
            "{text}"
        );
    }
}

#[test]
fn items_under_cfg_test_are_dropped() {
    let code = "use a;\n#[cfg(test)]\nmod tests {\n    use std::x;\n}\nfn kept() {}\n#[cfg(test)]\nextern crate std;\nfn too() {}\n";
    let kept = without_tests(code);
    assert!(!kept.contains("std"));
    assert!(kept.contains("fn kept") && kept.contains("fn too"));
    assert_eq!(line_of(&kept, kept.find("fn kept").unwrap()), 6);
}

#[test]
fn a_word_stands_on_its_own() {
    let found = |text: &'static str| find_word(text, "std::").count();
    assert_eq!(found("std::a + std::b"), 2);
    assert_eq!(found("::std::a"), 1);
    assert_eq!(found("not_std::a"), 0);
    assert_eq!(find_word("seeds seed", "seed").count(), 1);
}
