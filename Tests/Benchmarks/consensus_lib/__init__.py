# Owns the measuring of commits: groups of three nodes, the load on them, and the report.
