//! A list that most of the time holds one number, and takes no memory of its own then: of watches there may be thousands.

#[derive(Debug, Default, PartialEq, Eq)]
pub enum Few {
    #[default]
    None,
    One([i64; 1]),
    More(Vec<i64>),
}

impl Few {
    pub fn push(&mut self, number: i64) {
        *self = match std::mem::take(self) {
            Few::None => Few::One([number]),
            Few::One([first]) => Few::More(vec![first, number]),
            Few::More(mut all) => {
                all.push(number);
                Few::More(all)
            }
        };
    }
}

impl std::ops::Deref for Few {
    type Target = [i64];

    fn deref(&self) -> &[i64] {
        match self {
            Few::None => &[],
            Few::One(one) => one,
            Few::More(all) => all,
        }
    }
}

impl std::ops::DerefMut for Few {
    fn deref_mut(&mut self) -> &mut [i64] {
        match self {
            Few::None => &mut [],
            Few::One(one) => one,
            Few::More(all) => all,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_list_of_any_length() {
        let mut few = Few::default();
        for length in 0..4 {
            assert_eq!(few[..], Vec::from_iter(0..length));
            few.push(length);
        }
        few[1] = 7;
        assert_eq!(few[..], [0, 7, 2, 3]);
    }
}
