//! A serializer that takes little of what serde can give it.

/// Implements the named methods of `serde::Serializer` by returning an error.
///
/// `$refusal` is a function from what was given, as text, to the error.
macro_rules! refuse {
    (@ serialize_bool $refusal:expr) => { refuse!(@plain serialize_bool(bool) $refusal, "a bool"); };
    (@ serialize_i8 $refusal:expr) => { refuse!(@plain serialize_i8(i8) $refusal, "an integer"); };
    (@ serialize_i16 $refusal:expr) => { refuse!(@plain serialize_i16(i16) $refusal, "an integer"); };
    (@ serialize_i32 $refusal:expr) => { refuse!(@plain serialize_i32(i32) $refusal, "an integer"); };
    (@ serialize_i64 $refusal:expr) => { refuse!(@plain serialize_i64(i64) $refusal, "an integer"); };
    (@ serialize_i128 $refusal:expr) => { refuse!(@plain serialize_i128(i128) $refusal, "an i128"); };
    (@ serialize_u8 $refusal:expr) => { refuse!(@plain serialize_u8(u8) $refusal, "an integer"); };
    (@ serialize_u16 $refusal:expr) => { refuse!(@plain serialize_u16(u16) $refusal, "an integer"); };
    (@ serialize_u32 $refusal:expr) => { refuse!(@plain serialize_u32(u32) $refusal, "an integer"); };
    (@ serialize_u64 $refusal:expr) => { refuse!(@plain serialize_u64(u64) $refusal, "an integer"); };
    (@ serialize_u128 $refusal:expr) => { refuse!(@plain serialize_u128(u128) $refusal, "a u128"); };
    (@ serialize_f32 $refusal:expr) => { refuse!(@plain serialize_f32(f32) $refusal, "a float"); };
    (@ serialize_f64 $refusal:expr) => { refuse!(@plain serialize_f64(f64) $refusal, "a float"); };
    (@ serialize_char $refusal:expr) => { refuse!(@plain serialize_char(char) $refusal, "a character"); };
    (@ serialize_str $refusal:expr) => { refuse!(@plain serialize_str(&str) $refusal, "a string"); };
    (@ serialize_bytes $refusal:expr) => { refuse!(@plain serialize_bytes(&[u8]) $refusal, "bytes"); };
    (@ serialize_none $refusal:expr) => { refuse!(@plain serialize_none() $refusal, "no value"); };
    (@ serialize_unit $refusal:expr) => { refuse!(@plain serialize_unit() $refusal, "a unit"); };
    (@ serialize_unit_struct $refusal:expr) => {
        refuse!(@plain serialize_unit_struct(&'static str) $refusal, "a unit");
    };
    (@ serialize_unit_variant $refusal:expr) => {
        refuse!(@plain serialize_unit_variant(&'static str, u32, &'static str) $refusal, "a variant");
    };
    (@ serialize_some $refusal:expr) => { refuse!(@generic serialize_some() $refusal, "an option"); };
    (@ serialize_newtype_struct $refusal:expr) => {
        refuse!(@generic serialize_newtype_struct(&'static str) $refusal, "a newtype");
    };
    (@ serialize_newtype_variant $refusal:expr) => {
        refuse!(
            @generic serialize_newtype_variant(&'static str, u32, &'static str) $refusal,
            "a variant"
        );
    };
    (@ compounds $refusal:expr) => {
        type SerializeSeq = serde::ser::Impossible<Self::Ok, Self::Error>;
        type SerializeTuple = serde::ser::Impossible<Self::Ok, Self::Error>;
        type SerializeTupleStruct = serde::ser::Impossible<Self::Ok, Self::Error>;
        type SerializeTupleVariant = serde::ser::Impossible<Self::Ok, Self::Error>;
        type SerializeMap = serde::ser::Impossible<Self::Ok, Self::Error>;
        type SerializeStruct = serde::ser::Impossible<Self::Ok, Self::Error>;
        type SerializeStructVariant = serde::ser::Impossible<Self::Ok, Self::Error>;
        refuse!(@compound serialize_seq(Option<usize>) SerializeSeq $refusal, "a list");
        refuse!(@compound serialize_tuple(usize) SerializeTuple $refusal, "a tuple");
        refuse!(
            @compound serialize_tuple_struct(&'static str, usize) SerializeTupleStruct $refusal,
            "a tuple"
        );
        refuse!(
            @compound serialize_tuple_variant(&'static str, u32, &'static str, usize)
            SerializeTupleVariant $refusal,
            "a variant"
        );
        refuse!(@compound serialize_map(Option<usize>) SerializeMap $refusal, "a map");
        refuse!(@compound serialize_struct(&'static str, usize) SerializeStruct $refusal, "a struct");
        refuse!(
            @compound serialize_struct_variant(&'static str, u32, &'static str, usize)
            SerializeStructVariant $refusal,
            "a variant"
        );
    };
    (@plain $method:ident($($argument:ty),*) $refusal:expr, $given:literal) => {
        fn $method(self, $(_: $argument),*) -> Result<Self::Ok, Self::Error> {
            Err($refusal($given))
        }
    };
    (@generic $method:ident($($argument:ty),*) $refusal:expr, $given:literal) => {
        fn $method<T: serde::Serialize + ?Sized>(
            self,
            $(_: $argument,)*
            _: &T,
        ) -> Result<Self::Ok, Self::Error> {
            Err($refusal($given))
        }
    };
    (@compound $method:ident($($argument:ty),*) $compound:ident $refusal:expr, $given:literal) => {
        fn $method(self, $(_: $argument),*) -> Result<Self::$compound, Self::Error> {
            Err($refusal($given))
        }
    };
    ($refusal:expr; $($method:ident)+) => {
        $(refuse!(@ $method $refusal);)+
    };
}

pub(super) use refuse;
