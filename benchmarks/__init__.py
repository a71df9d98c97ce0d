"""The latency harness: what the gate costs on this machine, beside what people would use instead.

`python -m benchmarks`, `make bench` and `gatekeeper bench` are one thing. A wheel carries this folder as
`gatekeeper.bench`, so imports in it are relative. docs/benchmarks.md says how to read what it prints.
"""
