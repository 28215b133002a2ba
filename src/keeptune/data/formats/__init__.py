"""Readers: one format a file, each giving every good row and every problem."""

from keeptune.data.formats.raw_row import RawRow, RawRows
from keeptune.data.formats.read import READERS, read_rows

__all__ = ["READERS", "RawRow", "RawRows", "read_rows"]
