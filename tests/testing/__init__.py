"""Tests of the vendor simulators: one file per vendor, and the server they share."""
