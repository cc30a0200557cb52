//! Which skill a sentence means, or none.
