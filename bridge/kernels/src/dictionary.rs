//! Dictionaries into whatever their values become.

use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, DictionaryArray};
use arrow::datatypes::{ArrowDictionaryKeyType, ArrowNativeType};

use crate::Sink;
use crate::column::{Column, Input, Kernel, checked, flagged};
use crate::error::{Fault, KernelError, Stop};
use crate::sink::VecSink;

/// `Dictionary(UInt8, UInt16, UInt32)` -> what `values` makes of the dictionary.
/// In:     keys into the dictionary, which batches usually share; slots under a null hold anything.
/// Out:    `datums[i]` as `values` makes them; rows of the same key share one, which lives in the
///         kernel until it meets another dictionary; 0 and `isnull[i]` for nulls, also for those
///         in the dictionary.
/// Errors: `Malformed` for keys beyond the dictionary, and those of `values`, for valid slots only
///         (an entry that no row uses does no harm).
/// Cost:   the dictionary's values once per dictionary; then a look-up per row, no allocation.
pub(crate) struct Dictionary<K> {
    values: Box<dyn Kernel>,
    built: Mutex<Built>,
    keys: PhantomData<K>,
}

impl<K> Dictionary<K> {
    /// Dictionaries whose values `values` converts.
    pub(crate) fn new(values: Box<dyn Kernel>) -> Self {
        Self { values, built: Mutex::new(Built::default()), keys: PhantomData }
    }
}

/// The datums of one dictionary.
#[derive(Default)]
struct Built {
    /// Kept alive, so that no other dictionary gets its address.
    source: Option<ArrayRef>,
    datums: Vec<u64>,
    /// Entries that are null or cannot be converted; empty if there are none.
    rare: Vec<Result<bool, Fault>>,
    /// What the datums point at.
    memory: VecSink,
}

impl Built {
    /// Converts the dictionary `source`, unless it is the one at hand.
    fn refresh(&mut self, source: &ArrayRef, values: &dyn Kernel) -> Result<(), Stop> {
        if self.source.as_ref().is_some_and(|built| same(built, source)) {
            return Ok(());
        }
        // Whatever happens below, the old datums are gone.
        *self = Self::default();
        let entries = source.len();
        let mut datums = vec![0; entries];
        let mut isnull = vec![false; entries];
        let whole = Input { array: source.as_ref(), start: 0, rows: entries };
        match values.run(&whole, &mut Column::dense(&mut datums, &mut isnull), &mut self.memory) {
            Ok(()) if !isnull.contains(&true) => {}
            Ok(()) => self.rare = isnull.into_iter().map(Ok).collect(),
            Err(Stop::Value(..)) => {
                // One by one: only entries that a row uses are errors.
                isnull.fill(false);
                for (start, (datum, null)) in datums.iter_mut().zip(&mut isnull).enumerate() {
                    let one = Input { array: source.as_ref(), start, rows: 1 };
                    let (datum, null) = (std::slice::from_mut(datum), std::slice::from_mut(null));
                    let converted = values.run(&one, &mut Column::dense(datum, &mut *null), &mut self.memory);
                    self.rare.push(match converted {
                        Ok(()) => Ok(null[0]),
                        Err(Stop::Value(_, fault)) => Err(fault),
                        Err(whole @ Stop::Whole(_)) => return Err(whole),
                    });
                }
            }
            Err(whole @ Stop::Whole(_)) => return Err(whole),
        }
        self.datums = datums;
        self.source = Some(ArrayRef::clone(source));
        Ok(())
    }
}

/// True if both are the same part of the same memory (or the same array).
fn same(a: &ArrayRef, b: &ArrayRef) -> bool {
    std::sync::Arc::ptr_eq(a, b) || (a.len() == b.len() && a.to_data().ptr_eq(&b.to_data()))
}

const BROKEN_KEY: Fault = Fault::Malformed("an index lies beyond its dictionary");

impl<K> Kernel for Dictionary<K>
where
    K: ArrowDictionaryKeyType + ArrowPrimitiveType + Send + Sync,
{
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, _: &mut dyn Sink) -> Result<(), Stop> {
        let array = input.downcast::<DictionaryArray<K>>()?;
        let keys = array.keys().values().get(input.start..input.start + input.rows);
        let keys = keys.ok_or_else(|| KernelError::Shape("a column is too short".into()))?;
        // A panic while a dictionary was built has left an empty one behind.
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        built.refresh(array.values(), self.values.as_ref())?;
        let datums = built.datums.as_slice();
        if built.rare.is_empty() {
            return flagged(input, out, BROKEN_KEY, |row| {
                datums.get(keys[row].as_usize()).map_or((0, true), |datum| (*datum, false))
            });
        }
        let mut nulls = Vec::new();
        checked(input, out, |row| {
            let key = keys[row].as_usize();
            let (datum, rare) = datums.get(key).zip(built.rare.get(key)).ok_or(BROKEN_KEY)?;
            if rare.clone()? {
                nulls.push(row);
            }
            Ok(*datum)
        })?;
        nulls.into_iter().for_each(|row| out.put_null(row));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        Array, ArrayRef, DictionaryArray, ListArray, StringArray, StringViewArray, UInt8Array,
    };
    use arrow::buffer::OffsetBuffer;
    use arrow::datatypes::{Field, UInt8Type};
    use bridge_types::{PgType, oid};

    use crate::testing::{failure, field, texts, with_datums};

    const TEXT: PgType = PgType::new(oid::TEXT);

    fn dictionary(keys: impl Into<UInt8Array>, values: impl Array + 'static) -> DictionaryArray<UInt8Type> {
        // SAFETY: some tests want keys that are wrong.
        unsafe { DictionaryArray::new_unchecked(keys.into(), Arc::new(values)) }
    }

    fn some(texts: &[&str]) -> Vec<Option<String>> {
        texts.iter().map(|text| Some((*text).to_owned())).collect()
    }

    #[test]
    fn rows_of_one_key_share_a_datum() {
        let values = StringViewArray::from(vec!["sad", "a label of more than twelve bytes"]);
        let keys = UInt8Array::from_iter((0..130).map(|row| (row % 64 != 63).then_some(row % 2)));
        let array = dictionary(keys, values);
        let view = field(array.data_type().clone(), None);
        let shared = with_datums(&view, Arc::new(array.clone()), TEXT, |datums, _| datums[0] == datums[2]);
        assert!(shared.unwrap());
        let expected: Vec<_> = (0..130_usize)
            .map(|row| {
                (row % 64 != 63).then(|| ["sad", "a label of more than twelve bytes"][row % 2].to_owned())
            })
            .collect();
        assert_eq!(texts(array.slice(61, 69), None, TEXT).unwrap(), expected[61..]);
        assert_eq!(texts(array, None, TEXT).unwrap(), expected);
    }

    #[test]
    fn every_kind_of_target() {
        let values = || StringArray::from(vec!["ab", "äö"]);
        let char3 = PgType { oid: oid::BPCHAR, typmod: 3 + 4 };
        assert_eq!(texts(dictionary(vec![1, 0], values()), None, char3).unwrap(), some(&["äö ", "ab "]));
        let name = PgType::new(oid::NAME);
        assert_eq!(texts(dictionary(vec![1, 0], values()), None, name).unwrap(), some(&["äö", "ab"]));
        let numbers = StringArray::from(vec!["1.50", "NaN"]);
        let numeric = PgType::new(oid::NUMERIC);
        assert_eq!(texts(dictionary(vec![1, 0], numbers), None, numeric).unwrap(), some(&["NaN", "1.50"]));
    }

    #[test]
    fn lists_of_labels_become_arrays() {
        let items = dictionary(vec![Some(1), None, Some(0)], StringViewArray::from(vec!["a", "b"]));
        let item = Arc::new(Field::new("l", items.data_type().clone(), true));
        let lists = ListArray::new(item, OffsetBuffer::from_lengths([2, 0, 1]), Arc::new(items), None);
        let texts = texts(lists, None, PgType::new(oid::TEXT_ARRAY)).unwrap();
        assert_eq!(texts, some(&["[b,NULL]", "[]", "[a]"]));
    }

    #[test]
    fn only_what_a_valid_row_uses_is_an_error() {
        let values = || StringViewArray::from(vec!["good", "\0", "fine"]);
        assert_eq!(texts(dictionary(vec![0, 2], values()), None, TEXT).unwrap(), some(&["good", "fine"]));
        assert_eq!(failure(dictionary(vec![0, 1], values()), None, TEXT), Some(("22021".into(), Some(1))));
        assert_eq!(failure(dictionary(vec![0, 3], values()), None, TEXT), Some(("XX000".into(), Some(1))));
        let hidden = UInt8Array::new(vec![0, 200].into(), Some(vec![true, false].into()));
        assert_eq!(texts(dictionary(hidden, values()), None, TEXT).unwrap(), [Some("good".into()), None]);
    }

    #[test]
    fn nulls_of_the_dictionary_are_nulls() {
        let values = StringViewArray::from(vec![Some("a"), None]);
        let array = dictionary(vec![Some(1), Some(0), None], values);
        assert_eq!(texts(array, None, TEXT).unwrap(), [None, Some("a".into()), None]);
        let none = dictionary(vec![None::<u8>, None], StringViewArray::new_null(0));
        assert_eq!(texts(none, None, TEXT).unwrap(), [None, None]);
    }

    #[test]
    fn another_dictionary_is_built_anew() {
        use arrow::array::RecordBatch;
        use arrow::datatypes::Schema;
        use bridge_types::ColumnSpec;
        let first = dictionary(vec![0, 0], StringViewArray::from(vec!["first"]));
        let schema = Arc::new(Schema::new(vec![field(first.data_type().clone(), None)]));
        let spec = ColumnSpec { name: "c".into(), pg_type: TEXT };
        let converter = crate::Converter::new(&schema, &[spec]).unwrap();
        let mut sink = crate::VecSink::new();
        let mut text = |array: &ArrayRef| {
            let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::clone(array)]).unwrap();
            let (mut datums, mut isnull) = ([0; 2], [false; 2]);
            let mut block = crate::RowBlock { datums: &mut datums, isnull: &mut isnull, columns: 1 };
            converter.convert(&batch, 0..2, &mut block, &mut sink).unwrap();
            // SAFETY: a text that the converter, which is alive, keeps.
            (datums[0], unsafe { bridge_testkit::decode::datum(datums[1], TEXT) })
        };
        let first: ArrayRef = Arc::new(first);
        let second: ArrayRef = Arc::new(dictionary(vec![0, 0], StringViewArray::from(vec!["second"])));
        let (one, again) = (text(&first), text(&first));
        assert_eq!((one.1.as_str(), one.0), ("first", again.0));
        assert_eq!(text(&second).1, "second");
        assert_eq!(text(&first).1, "first");
    }
}
