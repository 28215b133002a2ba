"""Readers, one format per file. Each returns every good row and every problem."""

from keeptune.data.formats.raw_row import RawRow, RawRows
from keeptune.data.formats.read import ENDS_THE_FILE, STREAMED, read_rows
from keeptune.data.formats.reading import READERS, Reading

__all__ = ["ENDS_THE_FILE", "READERS", "STREAMED", "RawRow", "RawRows", "Reading", "read_rows"]
