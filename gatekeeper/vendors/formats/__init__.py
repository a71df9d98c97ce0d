"""The tools that vendors share: JSON, queries and forms as leaves and back, tables, hashing, answers. All pure."""
