//! Records with a header name that is not UTF-8, in Kafka's wire protocol: Kafka stores names as bytes, so other producers
//! may write them, but our client library cannot.

use super::kafka_request::{self, push_string};

/// Writes a record with the header `\xff: 1` to partition 0 of a topic (Produce, version 3).
pub(crate) fn write_with_unreadable_header(bootstrap: &str, topic: &str, key: &[u8], value: &[u8]) {
    let mut record = vec![0, 0, 0]; // attributes, timestamp delta and offset delta
    for part in [key, value] {
        varint(&mut record, part.len());
        record.extend(part);
    }
    record.extend([2, 2, 0xff, 2, b'1']); // one header, its name and its value of one byte each
    let mut checked = vec![0; 6]; // attributes, and the last offset delta
    checked.extend([[0, 0, 1, 0x8b, 0xcf, 0xe5, 0x68, 0]; 2].concat()); // the first and the last time, in 2023
    checked.extend([0xff; 14]); // no producer's id, epoch and sequence
    checked.extend(1_u32.to_be_bytes());
    varint(&mut checked, record.len());
    checked.extend(record);
    let mut batch = [0, 0, 0, 0, 2].to_vec(); // no leader epoch, and the format
    batch.extend(crc32c(&checked).to_be_bytes());
    batch.extend(checked);
    let length = u32::try_from(batch.len()).unwrap();
    let records = [&[0; 8], &length.to_be_bytes()[..], &batch].concat();

    let mut request = [0, 0, 0, 3, 0, 0, 0, 7, 0xff, 0xff].to_vec(); // Produce, its version, request 7 without a client id
    request.extend([0xff, 0xff, 0xff, 0xff, 0, 0, 0x75, 0x30, 0, 0, 0, 1]); // no transaction, all replicas, 30 s, a topic
    push_string(&mut request, topic);
    request.extend([0, 0, 0, 1, 0, 0, 0, 0]); // one partition, the first
    request.extend(u32::try_from(records.len()).unwrap().to_be_bytes());
    request.extend(records);

    let answer = kafka_request::answer(bootstrap, &request);
    // Request, number of topics, name, number of partitions, partition, error.
    let error = 4 + 4 + 2 + topic.len() + 4 + 4;
    assert_eq!(answer[error..error + 2], [0, 0], "the broker did not take the record");
}

/// Appends a varint: zigzag, seven bits per byte.
fn varint(bytes: &mut Vec<u8>, number: usize) {
    let mut rest = number << 1;
    while rest > 0x7f {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0x82F6_3B78 & (crc & 1).wrapping_neg()))
    })
}
