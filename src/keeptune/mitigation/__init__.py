"""What keeps other abilities while one task is learned: each mitigation a change of the settings, one row of a
table."""
