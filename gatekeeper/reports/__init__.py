"""Reports: what the log, the policy and the product's tables say together. Reads; sends nothing."""
