//! Programs as users build and run them: the tests' own in C and C++, and the examples in every language.

mod c;
mod callbacks;
mod cpp;
mod examples;
mod languages;
mod migrate;
mod startup;
