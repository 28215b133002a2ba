"""The sections of the settings, one file each. Each field declares its default and all its facts by `setting`."""
