//! Parquet files: columns of values that may be absent, in row groups, compressed with gzip.
//!
//! A small writer of our own: the crate `parquet` took 190 s to compile beside other work, 54 s of one core without
//! optimisation. All columns are flat and optional, pages are plain (`PLAIN`, data page version 1), which every reader
//! knows. Source: the Parquet format specification (`parquet-format`, README, Encodings, `parquet.thrift`).

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

mod column;
mod thrift;

pub(super) use column::{Column, Type};
use thrift::Struct;

const MAGIC: &[u8] = b"PAR1";

/// Numbers of `parquet.thrift`.
const OPTIONAL: i32 = 1;
const PLAIN: i32 = 0;
const RLE: i32 = 3;
const GZIP: i32 = 2;
const DATA_PAGE: i32 = 0;

/// Writes one file. Rows are collected in the columns and written a group at a time.
pub(super) struct ParquetWriter<W> {
    out: W,
    position: i64,
    columns: Vec<Column>,
    groups: Vec<Group>,
}

/// A row group that was written.
struct Group {
    rows: i64,
    bytes: i64,
    chunks: Vec<Struct>,
}

impl<W: Write> ParquetWriter<W> {
    /// A file with these columns.
    pub(super) fn new(mut out: W, columns: Vec<Column>) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        Ok(Self { out, position: MAGIC.len() as i64, columns, groups: Vec::new() })
    }

    /// The columns, to each of which a row adds one value.
    pub(super) fn columns(&mut self) -> &mut [Column] {
        &mut self.columns
    }

    /// Bytes of the values that are not written yet.
    pub(super) fn buffered(&self) -> usize {
        self.columns.iter().map(Column::bytes).sum()
    }

    /// Writes the collected rows as a group.
    pub(super) fn end_group(&mut self) -> io::Result<()> {
        let rows = self.columns.first().map_or(0, Column::rows);
        if rows == 0 {
            return Ok(());
        }
        let mut group = Group { rows: rows as i64, bytes: 0, chunks: Vec::new() };
        for column in &mut self.columns {
            let page = column.take_page();
            let compressed = gzip(&page)?;
            let header = Struct::default()
                .i32(1, DATA_PAGE)
                .i32(2, length(&page)?)
                .i32(3, length(&compressed)?)
                .inner(
                    5,
                    Struct::default()
                        .i32(1, i32::try_from(rows).map_err(io::Error::other)?)
                        .i32(2, PLAIN)
                        .i32(3, RLE)
                        .i32(4, RLE),
                )
                .finish();
            self.out.write_all(&header)?;
            self.out.write_all(&compressed)?;
            let (plain, written) =
                ((header.len() + page.len()) as i64, (header.len() + compressed.len()) as i64);
            let meta = Struct::default()
                .i32(1, column.physical())
                .i32s(2, &[PLAIN, RLE])
                .texts(3, &[column.name])
                .i32(4, GZIP)
                .i64(5, rows as i64)
                .i64(6, plain)
                .i64(7, written)
                .i64(9, self.position);
            group.chunks.push(Struct::default().i64(2, self.position).inner(3, meta));
            group.bytes += plain;
            self.position += written;
        }
        self.groups.push(group);
        Ok(())
    }

    /// Writes the last rows and the description of the file, and returns the output.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.end_group()?;
        let root = Struct::default().text(4, "answers").i32(5, length_of(self.columns.len())?);
        let mut schema = vec![root];
        schema.extend(self.columns.iter().map(|column| column.describe(OPTIONAL)));
        let rows = self.groups.iter().map(|group| group.rows).sum();
        let groups = self
            .groups
            .into_iter()
            .map(|group| Struct::default().structs(1, group.chunks).i64(2, group.bytes).i64(3, group.rows));
        let footer = Struct::default()
            .i32(1, 1)
            .structs(2, schema)
            .i64(3, rows)
            .structs(4, groups.collect())
            .text(6, concat!("riveg version ", env!("CARGO_PKG_VERSION")))
            .finish();
        self.out.write_all(&footer)?;
        self.out.write_all(&u32::try_from(footer.len()).map_err(io::Error::other)?.to_le_bytes())?;
        self.out.write_all(MAGIC)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

fn gzip(page: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(page.len() / 4), Compression::fast());
    encoder.write_all(page)?;
    encoder.finish()
}

fn length(bytes: &[u8]) -> io::Result<i32> {
    length_of(bytes.len())
}

fn length_of(length: usize) -> io::Result<i32> {
    i32::try_from(length).map_err(|_| io::Error::other("a page of more than 2 GiB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Other readers are tried by `scripts/readers`; here only what can be seen without one.
    #[test]
    fn a_file_has_its_magic_at_both_ends_and_its_footer_where_it_says() {
        let columns = vec![Column::new("id", Type::Text), Column::new("n", Type::Integer)];
        let mut writer = ParquetWriter::new(Vec::new(), columns).unwrap();
        for row in 0..3 {
            let [id, n] = writer.columns() else { panic!("two columns are expected") };
            id.text(Some("Ä").filter(|_| row != 1));
            n.integer(Some(row));
        }
        assert!(writer.buffered() > 0);
        writer.end_group().unwrap();
        assert_eq!(writer.buffered(), 0);
        let file = writer.finish().unwrap();
        assert!(file.starts_with(MAGIC) && file.ends_with(MAGIC));
        let end = file.len() - 8;
        let footer = u32::from_le_bytes(file[end..end + 4].try_into().unwrap()) as usize;
        assert_eq!(file[end - footer], 0x15, "the footer begins with its field 1, the version");
        let empty = ParquetWriter::new(Vec::new(), vec![Column::new("id", Type::Text)]).unwrap();
        assert!(empty.finish().unwrap().len() > 12);
    }
}
