use countersign_signerd::store::Store;
use proptest::prelude::*;

use crate::model::{Model, sorted};
use crate::strategies::write;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_store_remembers_what_a_plain_model_remembers(
        steps in prop::collection::vec(prop::collection::vec(write(), 0..8), 1..12),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let (mut store, mut model) = (Store::open(&path).unwrap(), Model::default());
        for step in &steps {
            store.commit(step).unwrap();
            for write in step {
                model.apply(write);
            }
        }
        prop_assert_eq!(sorted(store.load().unwrap()), sorted(model.saved()));
        drop(store);
        prop_assert_eq!(sorted(Store::open(&path).unwrap().load().unwrap()), sorted(model.saved()));
    }
}
