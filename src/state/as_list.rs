//! A map as a plain list in the file, each entry with its key in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What names its own key.
pub(super) trait Listed {
    /// By what it is found.
    type Key: Clone + Ord;

    /// The key.
    fn key(&self) -> &Self::Key;
}

pub(super) fn serialize<T: Listed + Serialize, S: Serializer>(
    map: &BTreeMap<T::Key, T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(map.values())
}

pub(super) fn deserialize<'de, T: Listed + Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<T::Key, T>, D::Error> {
    let list = Vec::<T>::deserialize(deserializer)?;
    Ok(list.into_iter().map(|entry| (entry.key().clone(), entry)).collect())
}
