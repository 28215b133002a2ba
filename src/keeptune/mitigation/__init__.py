"""What keeps other abilities while one task is learned: each remedy a change of the settings, one row of a table."""
