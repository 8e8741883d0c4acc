//! The lists of members: `fields!` for messages, `oneofs!` for what is one of several.

/// `Message { field, field as Kind, … }`, and `=> check;` where there is one.
macro_rules! fields {
    ($($message:ident { $($field:ident $(as $kind:ty)?),* $(,)? } $(=> $check:path;)?)*) => {$(
        impl $crate::messages::fields::Fields for $message {
            #[allow(unused_variables, reason = "some messages are empty")]
            fn write(&self, out: &mut $crate::messages::writer::Writer) {
                $(
                    <$crate::messages::table::kind!($($kind)?) as $crate::messages::fields::Kind<_>>::write(
                        &self.$field,
                        $crate::messages::fields::plain(stringify!($field)),
                        out,
                    );
                )*
            }

            #[allow(unused_variables, reason = "some messages are empty")]
            fn read(
                &mut self,
                name: &str,
                json: &str,
                place: &$crate::messages::place::Place,
            ) -> $crate::base::error::Result<Option<&'static str>> {
                $(
                    let own = $crate::messages::fields::plain(stringify!($field));
                    if <$crate::messages::table::kind!($($kind)?) as $crate::messages::fields::Kind<_>>::read(
                        &mut self.$field,
                        own,
                        name,
                        json,
                        place,
                    )? {
                        return Ok(Some(own));
                    }
                )*
                Ok(None)
            }

            fn names() -> Vec<&'static str> {
                let names: &[Vec<&'static str>] = &[$($crate::messages::fields::names_of(
                    |message: &$message| &message.$field,
                    std::marker::PhantomData::<$crate::messages::table::kind!($($kind)?)>,
                    $crate::messages::fields::plain(stringify!($field)),
                )),*];
                names.concat()
            }

            #[allow(unused_variables, reason = "most need no check")]
            fn check(
                &mut self,
                given: &[&str],
                place: &$crate::messages::place::Place,
            ) -> $crate::base::error::Result<()> {
                $($check(self, given, place)?;)?
                Ok(())
            }
        }
    )*};
}

macro_rules! kind {
    () => {
        $crate::messages::kinds::Plain
    };
    ($kind:ty) => {
        $kind
    };
}

/// `Oneof { name = Variant, … }`: as the members of the message that it is in.
macro_rules! oneofs {
    ($($oneof:ident { $($name:ident = $variant:ident $(as $kind:ty)?),* $(,)? })*) => {$(
        impl $crate::messages::fields::Kind<Option<$oneof>> for $crate::messages::kinds::OneOf {
            fn write(value: &Option<$oneof>, _: &'static str, out: &mut $crate::messages::writer::Writer) {
                match value {
                    None => {}
                    $(Some($oneof::$variant(value)) => {
                        <$crate::messages::table::kind!($($kind)?) as $crate::messages::fields::Kind<_>>::write(
                            value,
                            stringify!($name),
                            out,
                        );
                    })*
                }
            }

            fn read(
                value: &mut Option<$oneof>,
                _: &'static str,
                name: &str,
                json: &str,
                place: &$crate::messages::place::Place,
            ) -> $crate::base::error::Result<bool> {
                $(
                    let mut chosen = Default::default();
                    if <$crate::messages::table::kind!($($kind)?) as $crate::messages::fields::Kind<_>>::read(
                        &mut chosen,
                        stringify!($name),
                        name,
                        json,
                        place,
                    )? {
                        *value = Some($oneof::$variant(chosen));
                        return Ok(true);
                    }
                )*
                Ok(false)
            }

            fn names(_: &'static str) -> Vec<&'static str> {
                vec![$(stringify!($name)),*]
            }
        }
    )*};
}

pub(super) use {fields, kind, oneofs};
