use hobnob::{Capsule, Value};

use super::key_and_value;

fn value(text: &str) -> Value {
    let (key, value) = key_and_value(text).expect("it is one");
    assert_eq!(key, "key", "{text}");
    value
}

#[test]
fn a_value_is_a_text_unless_it_is_said_to_be_json() {
    assert_eq!(value("key=12"), Value::from("12"));
    assert_eq!(value("key=a=b"), Value::from("a=b"));
    assert_eq!(value("key="), Value::from(""));
    assert_eq!(value("key:=\"12\""), Value::from("12"));
    assert_eq!(value("key:=0.5"), Value::F64(0.5));
    assert_eq!(value("key:=true"), Value::Bool(true));
    for wrong in ["key", "=x", ":=1", "", "key:=", "key:=x", "key:=null"] {
        key_and_value(wrong).expect_err(wrong);
    }
}

/// A program that asks for an `u32` can read it, whoever set it.
#[test]
fn a_whole_number_has_the_narrowest_type_that_holds_it() {
    for (text, expected) in [
        ("0", Value::U8(0)),
        ("255", Value::U8(255)),
        ("256", Value::U16(256)),
        ("65536", Value::U32(65_536)),
        ("4294967296", Value::U64(1 << 32)),
        ("18446744073709551615", Value::U64(u64::MAX)),
        ("-1", Value::I8(-1)),
        ("-129", Value::I16(-129)),
        ("-32769", Value::I32(-32_769)),
        ("-2147483649", Value::I64(-2_147_483_649)),
        (
            "{\"seats\": 8, \"open\": true}",
            Value::from(Capsule::new().with("seats", 8_u8).with("open", true)),
        ),
        ("[1, 300]", Value::List(vec![Value::U8(1), Value::U16(300)])),
    ] {
        assert_eq!(value(&format!("key:={text}")), expected, "{text}");
    }
}
