"""Reports: what the log and the policy say together, for people who must answer for it. Reads; sends nothing."""
