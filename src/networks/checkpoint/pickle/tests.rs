//! Pickles written by hand: what each says, what is refused, and that no bytes at all do harm.

use std::path::Path;

use proptest::prelude::*;

use super::machine::{DEEPEST, MOST_STEPS};
use super::*;

/// Reads a pickle that begins at byte 100 of some file.
fn read_bytes(bytes: &[u8], foreign: Foreign) -> Result<Pickled, CheckpointError> {
    let mut input = Input::new(Path::new("some.pth"), bytes, 100, bytes.len() as u64);
    read(&mut input, foreign)
}

fn pickled(body: &[u8]) -> Pickled {
    let bytes = [b"\x80\x02", body, b"."].concat();
    read_bytes(&bytes, Foreign::Refused).unwrap_or_else(|error| panic!("{}: {error}", body.escape_ascii()))
}

fn error_of(body: &[u8], foreign: Foreign) -> String {
    let bytes = [b"\x80\x02", body, b"."].concat();
    let Err(error) = read_bytes(&bytes, foreign) else { panic!("{} was read", body.escape_ascii()) };
    error.to_string()
}

/// A storage `k` of four floats, on the stack.
const STORAGE: &[u8] = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0kX\x03\0\0\0cpuK\x04tQ";

fn tensor(rest: &[u8]) -> Vec<u8> {
    [b"ctorch._utils\n_rebuild_tensor_v2\n(", STORAGE, rest, b"tR"].concat()
}

#[test]
fn numbers_are_what_python_wrote() {
    let cases: [(&[u8], Value); 12] = [
        (b"N", Value::None),
        (b"\x88", Value::Bool(true)),
        (b"K\xff", Value::Int(255)),
        (b"M\x01\x02", Value::Int(513)),
        (b"J\xfe\xff\xff\xff", Value::Int(-2)),
        (b"\x8a\x00", Value::Int(0)),
        (b"\x8a\x01\xff", Value::Int(-1)),
        (b"\x8a\x02\x00\x80", Value::Int(-32768)),
        (b"\x8a\x05\x00\x00\x00\x00\x01", Value::Int(1 << 32)),
        (b"\x8b\x01\x00\x00\x00\x07", Value::Int(7)),
        (b"G\x3f\xf0\0\0\0\0\0\0", Value::Float),
        (b"\x8a\x09\0\0\0\0\0\0\0\0\x01", Value::Float),
    ];
    for (body, expected) in cases {
        assert_eq!(pickled(body).root, expected, "{}", body.escape_ascii());
    }
}

#[test]
fn containers_hold_what_was_put_into_them_also_through_the_memo() {
    // {"a": [1, 2], "b": the same list}, the list filled after it was remembered.
    let found = pickled(b"}(X\x01\0\0\0a]q\x05(K\x01K\x02eX\x01\0\0\0bh\x05u");
    let [a, b] = ["a", "b"].map(|key| found.get(found.root, key).unwrap());
    assert_eq!(a, b);
    assert_eq!(found.list(a), Some(&[Value::Int(1), Value::Int(2)][..]));
    assert_eq!(found.get(found.root, "c"), None);

    // As protocol 4 says it: frames, short text, numbered memo.
    let four = b"\x80\x04\x95\x0b\0\0\0\0\0\0\0}\x94\x8c\x01a\x94K\x07s.";
    let found = read_bytes(four, Foreign::Refused).unwrap();
    assert_eq!(found.get(found.root, "a"), Some(Value::Int(7)));

    // As Python 2 says an ordered dictionary: from a list of pairs.
    let found = pickled(b"ccollections\nOrderedDict\n(](](U\x01aK\x07eetR");
    assert_eq!(found.get(found.root, "a"), Some(Value::Int(7)));
    // And what a state dict has beside its tensors.
    let found = pickled(b"ccollections\nOrderedDict\n)RX\x01\0\0\0aK\x07s}X\x09\0\0\0_metadata}sb");
    assert_eq!(found.get(found.root, "a"), Some(Value::Int(7)));
}

#[test]
fn a_tensor_is_a_view_of_a_storage() {
    let found = pickled(&tensor(b"K\x01K\x03\x85K\x01\x85\x89}"));
    let Some(Object::Tensor(view)) = found.object(found.root) else { panic!("{found:?}") };
    assert_eq!(view, &View { storage: 0, offset: 1, shape: vec![3], stride: vec![1] });
    let storage = Storage { key: "k".to_owned(), dtype: safetensors::Dtype::F32, numel: 4 };
    assert_eq!(found.storages, [storage]);

    let parameter =
        [b"ctorch._utils\n_rebuild_parameter\n(", &tensor(b"K\x00))\x89}")[..], b"\x88}tR"].concat();
    let found = pickled(&parameter);
    assert!(matches!(found.object(found.root), Some(Object::Tensor(view)) if view.shape.is_empty()));
}

#[test]
fn a_name_that_holds_no_tensor_is_refused_with_its_place() {
    let cases: [(&[u8], &str); 8] = [
        (b"cos\nsystem\n(X\x04\0\0\0harmtR", "byte 102 its pickle asks for `os.system`"),
        (b"NcPosix\nsystem\n", "byte 103 its pickle asks for `Posix.system`"),
        (b"cbuiltins\neval\n", "`builtins.eval`"),
        (b"csubprocess\nPopen\n", "`subprocess.Popen`"),
        (b"\x8c\x08builtins\x8c\x04exec\x93", "byte 118 its pickle asks for `builtins.exec`"),
        (b"ctorch.storage\n_load_from_bytes\n", "`torch.storage._load_from_bytes`"),
        (b"ctorch\nComplexFloatStorage\n", "`torch.ComplexFloatStorage`"),
        (b"c\x1b[2J\nx\n", "`\\u{1b}[2J.x`"),
    ];
    for foreign in [Foreign::Refused, Foreign::Opaque] {
        for (body, part) in cases {
            let error = error_of(body, foreign);
            assert!(error.contains("`some.pth` is refused") && error.contains(part), "{error}");
        }
    }
}

#[test]
fn names_beside_a_state_dict_become_opaque_only_where_that_was_asked_for() {
    let cases: [&[u8]; 5] = [
        b"cargparse\nNamespace\n)\x81}X\x02\0\0\0lrG\x3f\xf0\0\0\0\0\0\0sb",
        b"cfairseq.dataclass.configs\nChoice\n(X\x01\0\0\0atR",
        b"comegaconf.dictconfig\nDictConfig\n)\x81Nb",
        b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(X\x02\0\0\0f8\x89\x88tRNtR",
        b"ccollections\ndefaultdict\n(c__builtin__\ndict\ntRX\x01\0\0\0aK\x01s",
    ];
    for body in cases {
        assert!(error_of(body, Foreign::Refused).contains("is refused"));
        let bytes = [b"\x80\x02", body, b"."].concat();
        let found = read_bytes(&bytes, Foreign::Opaque).unwrap();
        assert!(matches!(found.object(found.root), Some(Object::Opaque { .. })), "{}", body.escape_ascii());
    }
    // A package whose name only begins alike is another.
    assert!(error_of(b"cfairseq_evil\nx\n", Foreign::Opaque).contains("is refused"));
    assert!(error_of(b"cargparse\nFileType\n", Foreign::Opaque).contains("is refused"));
}

#[test]
fn what_is_no_pickle_of_torch_says_where_and_why() {
    let cases: [(&[u8], &str); 16] = [
        (b"", "byte 102: expected a value to end with, found an empty stack"),
        (b"K", "byte 104: expected an opcode of 1 bytes, found an end after 0 bytes"),
        (b"X\xff\xff\xff\xffabc", "expected text of 4294967295 bytes, found an end after"),
        (b"C\x20a", "expected bytes of 32 bytes"),
        (b"X\x01\0\0\0\xff", "expected text in UTF-8"),
        (b"h\x07", "byte 102: expected a value in the memo, found none at 7"),
        (b"]K\x01t", "expected a mark on the stack, found none"),
        (b"(K\x01\x86", "expected an item of a tuple, found an empty stack"),
        (b"(K\x01d", "expected keys and values in pairs"),
        (b"K\x01K\x02a", "expected a list to add to"),
        (b"K\x01)R", "expected a function or class to call"),
        (b"ctorch\nSize\nNR", "expected arguments in a tuple"),
        (b"i", "expected an opcode that torch writes, found opcode 0x69"),
        (b"\x80\x06", "expected a pickle of protocol 2 to 5, found protocol 6"),
        (b"ctorch\nFloatStorage\n)R", "found a kind of storage"),
        (b"]Q", "expected what names a storage"),
    ];
    for (body, part) in cases {
        let error = error_of(body, Foreign::Refused);
        assert!(error.contains("`some.pth` is damaged at byte") && error.contains(part), "{error}");
    }
}

#[test]
fn tensors_that_do_not_fit_their_storage_are_refused() {
    let cases: [&[u8]; 7] = [
        b"K\x04)K\x01\x85\x89}",                     // no stride for a shape
        b"K\x04))\x89}",                             // one number behind the last
        b"K\x02K\x03\x85K\x01\x85\x89}",             // the last of three
        b"K\x00K\x02K\x02\x86K\x02K\x02\x86\x89}",   // the stride
        b"K\x00K\x05\x85K\x00\x85\x89}",             // more numbers than there are
        b"J\xff\xff\xff\xff))\x89}",                 // before the first
        b"K\x00J\xff\xff\xff\xff\x85K\x01\x85\x89}", // a negative size
    ];
    for rest in cases {
        let error = error_of(&tensor(rest), Foreign::Refused);
        assert!(error.contains("is damaged at byte"), "{}: {error}", rest.escape_ascii());
    }
    // A storage that is said to be two things.
    let other =
        STORAGE.to_vec().into_iter().map(|byte| if byte == 4 { 5 } else { byte }).collect::<Vec<u8>>();
    let error = error_of(&[STORAGE, &other].concat(), Foreign::Refused);
    assert!(error.contains("one kind and size for each storage"), "{error}");
}

#[test]
fn work_depth_and_lengths_are_bounded() {
    let endless = vec![b'N'; MOST_STEPS as usize + 1];
    assert!(error_of(&endless, Foreign::Refused).contains("at most 4194304 steps in a pickle"));
    let deep = vec![b'('; DEEPEST + 1];
    assert!(error_of(&deep, Foreign::Refused).contains("at most 1000 containers inside each other"));
    let name = [b"c".as_slice(), &[b'a'; 600], b"\nb\n"].concat();
    assert!(error_of(&name, Foreign::Opaque).contains("at most 512 bytes in a name"));
    // Lists in lists: as deep as one likes, since nothing recurses.
    let nested = [vec![b']'; 100_000], vec![b'a'; 99_999]].concat();
    assert!(pickled(&nested).list(Value::Object(0)).is_some());
    // A short pickle that copies a long list again and again.
    let long = [b"](".as_slice(), &b"NN\x86".repeat(50_000), b"eq\x00".as_slice()].concat();
    let copies = b"0ccollections\nOrderedDict\nh\x00\x85R".repeat(100);
    assert!(error_of(&[long, copies].concat(), Foreign::Refused).contains("steps in a pickle"));
}

/// Opcodes that a pickle may have, with what follows them left to chance.
fn opcode() -> impl Strategy<Value = Vec<u8>> {
    let alone =
        prop::sample::select(b"(012N\x88\x89)\x85\x86\x87t]lae}dsu\x8f\x90\x91\x94\x93R\x81\x92bQ.".to_vec());
    let counted =
        (prop::sample::select(b"KhqU\x8cC\x8a".to_vec()), 0_u8..4, prop::collection::vec(any::<u8>(), 0..4));
    let names = prop::sample::select(vec![
        b"ccollections\nOrderedDict\n".to_vec(),
        b"ctorch._utils\n_rebuild_tensor_v2\n".to_vec(),
        b"ctorch._utils\n_rebuild_parameter\n".to_vec(),
        b"ctorch\nSize\n".to_vec(),
        b"ctorch\nFloatStorage\n".to_vec(),
        b"cargparse\nNamespace\n".to_vec(),
        STORAGE.to_vec(),
        tensor(b"K\x00))\x89}"),
    ]);
    prop_oneof![
        6 => alone.prop_map(|opcode| vec![opcode]),
        3 => counted.prop_map(|(opcode, length, rest)| [&[opcode, length], &rest[..]].concat()),
        2 => names,
    ]
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_bytes(&bytes, Foreign::Opaque);
    }

    #[test]
    fn no_program_makes_the_reader_panic(program in prop::collection::vec(opcode(), 0..60)) {
        let _ = read_bytes(&program.concat(), Foreign::Opaque);
    }
}
